"""What a scenario does: each step is data, and knows how to perform itself through the AWS API."""

import hashlib
import json
import random
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from local.demo.audio_comparison import AUDIO, content
from local.demo.large_recording import chunks
from local.stack.parameters import RECORDINGS, TRANSCRIPTS
from local.stack.paths import PROJECT
from local.webhooks import WayIn

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client

LARGE = "large.wav"
ALIAS_TYPE, ACCOUNT = "twilio_recording_sid", "AC" + 32 * "0"
"""Twilio stores recordings under their own ids; a call's end may name them."""
OTHER_NAMES = ("CA00000000000000000000000000000002", "call-_+15550100002_Xk2pQ9")
"""Of the samples' calls: a carrier's, a room's."""
EVENTS = PROJECT / "events"
Transcript = Literal["inline", "reference", "pending", "none"]


class Report(Protocol):
    """Reports to the time line what was done."""

    def __call__(self, text: str) -> None: ...


class Awaited(Protocol):
    """Blocks until a call's item says this; raises TimeoutError."""

    def __call__(self, call_id: str, state: str, recording: str | None) -> None: ...


class PendingMessage(Protocol):
    """Blocks until something waits under the call's other name; raises TimeoutError."""

    def __call__(self, call_id: str) -> None: ...


class Faults(Protocol):
    """Orders a fault of the simulator."""

    def __call__(self, match: Mapping[str, str], fault: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """What steps act on: the AWS API, the way in for webhooks, the simulator's faults, the items that they wait for."""

    events: "EventBridgeClient"
    s3: "S3Client"
    faults: Faults
    awaited: Awaited
    pending: PendingMessage
    door: WayIn


@dataclass(frozen=True, slots=True)
class CallEnd:
    """PutEvents of a `Call Ended` event, whose transcript is what the speech fixture says."""

    speech: str
    transcript: Transcript = "inline"
    metadata: Mapping[str, str] = field(default_factory=dict)
    without_id: bool = False
    agent_channel: int | None = None
    by_alias: bool = False

    def perform(self, stage: Stage, call_id: str, report: Report) -> None:
        detail = self._detail(call_id)
        entry = {"Source": "demo", "DetailType": "Call Ended", "Detail": json.dumps(detail)}
        answer = stage.events.put_events(Entries=[entry])  # type: ignore[list-item]
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"EventBridge rejected the event: {answer['Entries']}")
        report(f"sent       Call Ended, transcript {self.transcript}")

    def _detail(self, call_id: str) -> dict[str, Any]:
        ended = datetime.now(UTC)
        started = ended - timedelta(milliseconds=facts(self.speech)["duration_milliseconds"])
        detail = {
            "schema_version": "1",
            "event_id": f"{call_id}/ended",
            "provider": "custom",
            "external_conversation_id": call_id,
            "direction": "inbound",
            "status": "completed",
            "started_at": started.isoformat(),
            "ended_at": ended.isoformat(),
            "transcript": self._transcript(call_id),
            "metadata": dict(self.metadata),
            "recording": {"agent_channel": self.agent_channel},
            "aliases": [{"type": ALIAS_TYPE, "value": alias(call_id)}] if self.by_alias else [],
        }
        if self.without_id:
            del detail["external_conversation_id"]
        return detail

    def _transcript(self, call_id: str) -> dict[str, Any]:
        if self.transcript == "inline":
            return {"status": "inline", "messages": facts(self.speech)["transcript"]}
        if self.transcript == "reference":
            uri = f"s3://{TRANSCRIPTS}/{transcript_key(call_id)}"
            return {"status": "reference", "reference": {"uri": uri, "format": "canonical_v1"}}
        return {"status": self.transcript}


@dataclass(frozen=True, slots=True)
class Webhook:
    """A vendor's signed webhook, after one that somebody has changed on its way; both are about the sample's call."""

    sample: str
    sample_id: str

    def perform(self, stage: Stage, call_id: str, report: Report) -> None:
        platform = self.sample.partition("/")[0]
        genuine = self._about(call_id)
        forged = stage.door.forge(platform, genuine, self._about(f"{call_id}-forged"))
        report(
            f"posted     {self.sample} to /{platform}, forged: {forged}, genuine: {stage.door.post(platform, genuine)}"
        )

    def _about(self, call_id: str) -> dict[str, Any]:
        """With other names of its own, and its recordings on hosts that no stack lists: this is about the text."""
        text = (EVENTS / f"{self.sample}.json").read_text(encoding="utf-8")
        text = text.replace(self.sample_id, call_id).replace("https://", "https://unlisted.")
        for name in OTHER_NAMES:
            text = text.replace(name, name[:3] + hashlib.sha256(call_id.encode()).hexdigest()[: len(name) - 3])
        about: dict[str, Any] = json.loads(text)
        return about


@dataclass(frozen=True, slots=True)
class TranscriptObject:
    """PutObject of a transcript of its own."""

    speech: str

    def perform(self, stage: Stage, call_id: str, report: Report) -> None:
        key = transcript_key(call_id)
        body = json.dumps({"messages": facts(self.speech)["transcript"]}).encode()
        stage.s3.put_object(Bucket=TRANSCRIPTS, Key=key, Body=body, ContentType="application/json")
        report(f"put        s3://{TRANSCRIPTS}/{key}")


@dataclass(frozen=True, slots=True)
class Recording:
    """PutObject of a recording."""

    file: str
    bucket: str = RECORDINGS
    by_alias: bool = False

    def perform(self, stage: Stage, call_id: str, report: Report) -> None:
        key = recording_key(f"{ACCOUNT}/{alias(call_id)}" if self.by_alias else call_id, self.file)
        stage.s3.put_object(Bucket=self.bucket, Key=key, Body=content(self.file))
        report(f"put        {self.file} as s3://{self.bucket}/{key}")


@dataclass(frozen=True, slots=True)
class LargeRecording:
    """A recording above the size that Coval takes as an upload, made on the fly."""

    seconds: float
    bucket: str = RECORDINGS
    file: str = LARGE

    def perform(self, stage: Stage, call_id: str, report: Report) -> None:
        key = recording_key(call_id, self.file)
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            for chunk in chunks(self.seconds):
                file.write(chunk)
            size = file.tell()
            file.flush()
            stage.s3.upload_file(file.name, self.bucket, key)
        report(f"put        {size / 1e6:.0f} MB as s3://{self.bucket}/{key}")


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until the call's item says this."""

    state: str
    recording: str | None = None

    def perform(self, stage: Stage, call_id: str, report: Report) -> None:  # noqa: ARG002 -- nothing to report
        stage.awaited(call_id, self.state, self.recording)


@dataclass(frozen=True, slots=True)
class UntilParked:
    """Wait until the recording waits for its call."""

    def perform(self, stage: Stage, call_id: str, report: Report) -> None:  # noqa: ARG002 -- nothing to report
        stage.pending(call_id)


@dataclass(frozen=True, slots=True)
class Fault:
    """Let the simulator fail the call's next request of this kind."""

    method: str
    path: str
    fault: Mapping[str, Any]

    def perform(self, stage: Stage, call_id: str, report: Report) -> None:
        match = {"method": self.method, "path": self.path, "external_conversation_id": call_id}
        stage.faults(match, self.fault)
        report(f"fault      the next {self.method} {self.path}: {_described(self.fault)}")


@dataclass(frozen=True, slots=True)
class Shuffled:
    """The steps so many times each, in an order that is the same in every run."""

    steps: "tuple[Step, ...]"
    times: int = 3

    def perform(self, stage: Stage, call_id: str, report: Report) -> None:
        every = [step for step in self.steps for _ in range(self.times)]
        random.Random(2).shuffle(every)  # noqa: S311 -- an order, not a secret
        for step in every:
            step.perform(stage, call_id, report)


Step = CallEnd | Webhook | TranscriptObject | Recording | LargeRecording | Until | UntilParked | Fault | Shuffled


def facts(file: str) -> dict[str, Any]:
    """What the fixtures' manifest says of a file: duration, channels, words."""
    found: dict[str, Any] = json.loads((AUDIO / "manifest.json").read_text())[file]
    return found


def recording_key(name: str, file: str) -> str:
    return f"recordings/{name}{Path(file).suffix}"


def alias(call_id: str) -> str:
    """The id of a call's recording."""
    return f"RE{uuid.uuid5(uuid.NAMESPACE_OID, call_id).hex}"


def transcript_key(call_id: str) -> str:
    return f"transcripts/{call_id}.json"


def _described(fault: Mapping[str, Any]) -> str:
    return " ".join(str(value) for name, value in fault.items() if name in ("kind", "status", "seconds"))
