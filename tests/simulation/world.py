"""The functions on the stage, and the story's happenings as events and as changes of the outside."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from coval_relay.domain.call import TERMINAL
from coval_relay.domain.errors import UrlRejectedError
from tests.simulation.services import (
    SIGNATURE,
    Aliases,
    Bucket,
    Hosts,
    SimulatedCoval,
    StagingBucket,
    Table,
    TranscriptBucket,
    Utterances,
)
from tests.simulation.stage import Stage
from tests.simulation.stories import Happening, Sound, Story
from tests.support.aws_queues import Queues
from tests.support.events import call_ended, event, object_created, recording_ready
from tests.support.world import PENDING_SECONDS, World

WORD, PHONE = "MARKEDword", "+15550100999"
LINK_TOKEN = "MARKED-link-token"
SECRETS = (WORD, PHONE, LINK_TOKEN, SIGNATURE, "MARKED")
TURNS = [
    {"role": "assistant", "content": f"Hello {WORD}.", "start_time": 0.5, "end_time": 2.0},
    {"role": "user", "content": "I want to move it.", "start_time": 2.4, "end_time": 5.0},
]


@dataclass
class Effects:
    """Takes the place of the executioner: what is sent is an effect, the rest yields by itself."""

    stage: Stage

    def wrap(self, target: Any, *names: str) -> Any:
        return target

    def around(self, name: str, do: Callable[[], Any]) -> Any:
        effect, _, queue = name.partition("_")
        return self.stage.effect(effect, do, lambda: queue)


class DeadLetters(list[Any]):
    """The dead-letter queues; to send there is an effect."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def append(self, message: Any) -> None:
        text = f"to the dead letters of {message[0]}: {message[2]}"
        self.stage.effect("send", lambda: super(DeadLetters, self).append(message), lambda: text)


@dataclass
class Outside:
    """Everything around the functions, and the recordings' numbers by identity."""

    stage: Stage
    story: Story
    world: World = field(init=False)
    numbers: dict[str, int] = field(default_factory=dict)
    sent: dict[int, list[tuple[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stage = self.stage
        self.table = Table(stage=stage)
        self.bucket = Bucket(stage, versioned=self.story.versioned)
        self.coval = SimulatedCoval(stage, self.bucket)
        self.hosts = Hosts(stage=stage)
        self.names = Aliases(PENDING_SECONDS, stage=stage)
        self.transcript_objects = TranscriptBucket(stage=stage)
        self.began = stage.clock.now
        self.world = World(
            clock=stage.clock,
            store=self.table,
            aliases=self.names,
            utterances=Utterances(stage=stage),
            coval=self.coval,
            bucket=self.bucket,
            staging=StagingBucket(self.bucket),
            urls=self.hosts,
            transcript_objects=self.transcript_objects,
            executioner=Effects(stage),  # type: ignore[arg-type]
            queues=Queues(dead=DeadLetters(stage)),
        )
        for one in self.story.happenings:
            stage.at(self.began + one.at, str(one), lambda one=one: self.happens(one))  # type: ignore[misc]

    # --- happenings ----------------------------------------------------------------------------------

    def happens(self, one: Happening) -> None:
        message = _EVENT_MAKERS[one.kind](self, one)
        if message is None:
            return
        queue, body = message
        message[1]["time"] = datetime.fromtimestamp(self.stage.clock.now, UTC).isoformat()
        self.sent.setdefault(one.call, []).append(message)
        for delay in one.deliveries:
            self.world.send(queue, body, delay)

    def end(self, one: Happening) -> tuple[str, Any]:
        call_id = id_of(one.call)
        status: Any = one.transcript
        if status == "inline":
            status = {"status": "inline", "messages": TURNS}
        elif status == "reference":
            self.transcript_objects.transcript_objects[f"{call_id}.json"] = json.dumps(TURNS).encode()
        elif status == "utterances":
            reference = {"uri": "utterances:", "format": "utterances"}
            status = {"status": "reference", "reference": reference}
        ended = call_ended(call_id, transcript=status, recording=self._expected(one), aliases=self._legs(one))
        ended["detail"]["metadata"] = {"caller": PHONE} | ({"coval_simulation_id": "sim_1"} if one.simulated else {})
        return "call_end", ended

    def _expected(self, one: Happening) -> dict[str, Any]:
        places = [
            {"uri": f"s3://recordings/{key_of(other)}"}
            for other in self.story.happenings
            if other.kind == "recording" and other.call == one.call and other.by == "place"
        ]
        return {"expected": one.expected, "agent_channel": one.side, "items": places}

    def _legs(self, one: Happening) -> list[dict[str, str]]:
        return [{"type": "leg", "value": f"leg-{one.call}"}]

    def recording(self, one: Happening) -> tuple[str, Any]:
        assert one.sound is not None
        if one.by == "link":
            return "attach", self._link(one, one.sound)
        key = key_of(one)
        metadata = {"external-conversation-id": id_of(one.call)} if one.by == "metadata" else {}
        version = self.bucket.put(key, one.sound.content, metadata)
        now = self.stage.clock.now
        created = object_created(key, one.sound.content, at=now, sequencer=f"{self.bucket.serial:04d}")
        created["detail"]["object"] |= {"version-id": version} if version else {}
        created["detail"]["reason"] = "CopyObject" if one.is_copy else "PutObject"
        etag = created["detail"]["object"]["etag"]
        self.numbers[f"s3://recordings/{key}#{version or etag}"] = one.sound.number
        return "recording", created

    def _link(self, one: Happening, sound: Sound) -> Any:
        url = link_of(sound)
        self.hosts.contents[url] = sound.content
        self.numbers[url.partition("?")[0]] = sound.number
        ready = recording_ready(url, id_of(one.call))
        hints = {"agent_channel": one.side, "rank": one.rank, "several": one.several}
        ready["detail"]["recording"] |= {name: value for name, value in hints.items() if value is not None}
        return ready

    def known(self, one: Happening) -> tuple[str, Any]:
        """The platform says which recording is which leg's."""
        place = {"type": "s3_object", "value": f"recordings/{key_of(one)}"}
        leg = {"type": "leg", "value": f"leg-{one.call}"}
        return "call_end", event("Aliases Known", {"schema_version": "1", "alias": leg, "aliases": [place]})

    def transcript(self, one: Happening) -> tuple[str, Any]:
        content, key = json.dumps(TURNS).encode(), f"{id_of(one.call)}.json"
        self.transcript_objects.transcript_objects[key] = content
        return "call_end", object_created(key, content, bucket="transcripts")

    def no_transcript(self, one: Happening) -> tuple[str, Any]:
        detail = {"schema_version": "1", "external_conversation_id": id_of(one.call)}
        return "call_end", event("Transcript Unavailable", detail)

    def utterances(self, one: Happening) -> tuple[str, Any]:
        spoken = [
            {
                "id": f"f{n}",
                "role": turn["role"],
                "content": turn["content"],
                "spoken_at": 1_790_951_470.0 + n,
                "ended_at": 1_790_951_471.0 + n,
            }
            for n, turn in enumerate(TURNS)
        ]
        detail = {"schema_version": "1", "external_conversation_id": id_of(one.call), "utterances": spoken}
        return "call_end", event("Transcript Utterances", detail)

    # --- troubles ------------------------------------------------------------------------------------

    def deleted(self, one: Happening) -> None:
        for held in self.coval.live(id_of(one.call))[:1]:
            held.deleted = True

    def uploads_lost(self, one: Happening) -> None:
        self.coval.uploads.clear()

    def busy(self, one: Happening) -> None:
        self.coval.conflicts += 1

    def fetches_fail(self, one: Happening) -> None:
        self.bucket.unreachable = one.times or self.stage.chance.randint(1, 6)

    def forgotten(self, one: Happening) -> None:
        """Garbage collection of what has been done for long; then its events come once more."""
        call = self.table.item(id_of(one.call))
        if call.state not in TERMINAL or call.due_at is not None:
            return
        self.table.items.pop(id_of(one.call))
        self.table.older.pop(id_of(one.call), None)
        for queue, body in self.sent.get(one.call, []):
            self.world.send(queue, body, self.stage.chance.randint(0, 900))

    def object_deleted(self, one: Happening) -> None:
        self.bucket.delete(key_of(one))

    def link_ends(self, one: Happening) -> None:
        assert one.sound is not None
        self.hosts.contents[link_of(one.sound)] = UrlRejectedError("url_expired_or_refused", "Denied.")


EventMaker = Callable[[Outside, Happening], tuple[str, Any] | None]
_EVENT_MAKERS: dict[str, EventMaker] = {
    "call ends": Outside.end,
    "recording": Outside.recording,
    "replaced": Outside.recording,
    "names known": Outside.known,
    "transcript object": Outside.transcript,
    "no transcript": Outside.no_transcript,
    "utterances": Outside.utterances,
    "deleted in Coval": Outside.deleted,
    "uploads lost": Outside.uploads_lost,
    "busy conversation": Outside.busy,
    "fetches fail": Outside.fetches_fail,
    "item forgotten": Outside.forgotten,
    "object deleted": Outside.object_deleted,
    "link ends": Outside.link_ends,
}


def id_of(call: int) -> str:
    return f"call-{call}"


def link_of(sound: Sound) -> str:
    return f"https://media.example.com/{sound.number}.wav?token={LINK_TOKEN}"


def key_of(one: Happening) -> str:
    """A recording that replaces another has its number, three higher, and its key."""
    assert one.sound is not None
    if one.by == "key":
        return f"rec/{id_of(one.call)}.wav"
    number = one.sound.number - 3 * (one.kind == "replaced")
    return f"odd/{number}.wav"
