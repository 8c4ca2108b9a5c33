"""A conversation, its two waves of metrics, and how each path family shows it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from local.simulator.audio import Audio
from local.simulator.path_families import Family
from local.simulator.submissions import Submission
from local.simulator.transcripts import as_sent
from local.simulator.validation import parse_instant

TEXT_METRICS = 3
AUDIO_METRICS = 2
"""How many metrics each wave runs where the submit selects none."""

WaveName = Literal["text", "audio"]


def spell_instant(seconds: float) -> str:
    """Return an epoch time as Coval writes it: ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Wave:
    """Metrics that run together; each wave ends with a webhook of its own (Coval guide, Webhook timing)."""

    name: WaveName
    started: float
    ends: float


@dataclass
class Conversation:
    """One submitted conversation."""

    conversation_id: str
    created: float
    submission: Submission
    metadata: dict[str, Any]
    tags: list[str]
    audio: Audio | None = None
    waves: list[Wave] = field(default_factory=list)
    ended_by_user: Literal["CANCELLED", "DELETED"] | None = None

    @property
    def external_id(self) -> str | None:
        return self.submission.external_conversation_id

    @property
    def occurred(self) -> datetime:
        """When the call was; the time of the submit where that was not said (Coval API, occurred_at)."""
        given = self.submission.occurred_at
        return parse_instant(given) if given else datetime.fromtimestamp(self.created, UTC)

    @property
    def transcript_used(self) -> Literal["submitted", "transcribed"]:
        """Which text the metrics see: with audio, one without timing gives way (Coval API, submit)."""
        messages = self.submission.messages
        timed = bool(messages) and all(message.is_timed for message in messages)
        return "submitted" if timed or (messages and self.audio is None) else "transcribed"

    def start_wave(self, name: WaveName, now: float, seconds: float) -> None:
        """Begin to evaluate."""
        self.waves.append(Wave(name, now, now + seconds))

    def attach(self, audio: Audio, now: float, seconds: float) -> None:
        """Take a late recording and run the second wave."""
        self.audio = audio
        self.start_wave("audio", now, seconds)

    def status(self, now: float) -> str:
        """PENDING, IN_PROGRESS, then COMPLETED, which falls back when audio comes."""
        if self.ended_by_user:
            return self.ended_by_user
        if now >= max(wave.ends for wave in self.waves):
            return "COMPLETED"
        first = self.waves[0]
        return "PENDING" if now < (first.started + first.ends) / 2 else "IN_PROGRESS"

    def end_by_user(self, now: float) -> None:
        """Cancel what runs, delete what has run (Coval API, DELETE)."""
        self.ended_by_user = "DELETED" if self.status(now) == "COMPLETED" else "CANCELLED"

    def finished_waves(self, now: float) -> Iterator[Wave]:
        """Yield the waves whose webhook has been sent."""
        return (wave for wave in self.waves if wave.ends <= now)

    def webhooks(self, now: float, organization_id: str) -> list[dict[str, Any]]:
        """Return what was POSTed to the subscriber, in the shape that Coval publishes (Webhooks guide)."""
        return [
            {
                "wave": wave.name,
                "time": spell_instant(wave.ends),
                "payload": {
                    "organization_id": organization_id,
                    "message": f"Run on {self.external_id or self.conversation_id} Succeeded",
                    "run_id": self.conversation_id,
                    "status": "COMPLETED",
                },
            }
            for wave in self.finished_waves(now)
        ]

    def listed(self, now: float) -> dict[str, Any]:
        """Return the resource as a list shows it."""
        return {
            "name": f"conversations/{self.conversation_id}",
            "conversation_id": self.conversation_id,
            "status": self.status(now),
            "create_time": spell_instant(self.created),
            "external_conversation_id": self.external_id,
            "occurred_at": self.submission.occurred_at or spell_instant(self.created),
            "has_audio": self.audio is not None,
            "agent_id": self.submission.agent_id,
            "persona_id": None,
            "metadata": self.metadata,
            "tags": self.tags,
        }

    def shown(self, now: float, family: Family, workspace_id: str, include_progress: bool) -> dict[str, Any]:
        """Return the resource as a single GET shows it."""
        resource = {**self.listed(now), "source": None, "destination": None}
        if include_progress:
            resource["progress"] = self._progress(now, family)
        if family.is_uploaded:
            messages = [as_sent(message) for message in self.submission.messages]
            resource |= {"workspace_id": workspace_id, "transcript": messages or None}
        return resource

    def _progress(self, now: float, family: Family) -> dict[str, int]:
        selected = self.submission.metric_selection
        text, audio = (len(selected), 0) if selected is not None else (TEXT_METRICS, AUDIO_METRICS)
        skipped = 0 if self.audio else audio
        total, is_done = text + audio, self.status(now) == "COMPLETED"
        completed = total - skipped if is_done else self._completed_in_earlier_waves(now, text)
        running = 0 if self.ended_by_user else total - skipped - completed
        progress = {"total_metrics": total, "completed_metrics": completed, "failed_metrics": 0}
        progress["in_progress_metrics"] = running
        return {**progress, "skipped_metrics": skipped} if family.is_uploaded else progress

    def _completed_in_earlier_waves(self, now: float, text: int) -> int:
        return text if any(wave.name == "text" for wave in self.finished_waves(now)) else 0

    def state(self, now: float, organization_id: str) -> dict[str, Any]:
        """Return everything about it, for the admin."""
        webhooks = {webhook["wave"]: webhook for webhook in self.webhooks(now, organization_id)}
        waves = [
            {"wave": wave.name, "started": spell_instant(wave.started), "webhook": webhooks.get(wave.name)}
            for wave in self.waves
        ]
        return {
            **self.listed(now),
            "metrics": list(self.submission.metric_selection or ()) or None,
            "transcript": [as_sent(message) for message in self.submission.messages] or None,
            "transcript_used": self.transcript_used,
            "audio": self.audio.facts() if self.audio else None,
            "waves": waves,
        }
