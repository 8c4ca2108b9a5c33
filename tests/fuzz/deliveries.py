"""What Lambda hands the three functions' consumers, on stores that bear what DynamoDB bears."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from coval_relay.adapters.aws import queue_messages, telemetry
from coval_relay.adapters.aws.dynamodb_calls import from_item, to_item
from coval_relay.adapters.aws.dynamodb_table import plain, serialized
from coval_relay.domain.call import Call, RecordingHints
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import (
    SOURCE,
    Message,
    ObjectCreated,
    PendingExpired,
    RecordingReady,
    Resume,
)
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.entrypoints.consumer import DeliveryFailedError, dead_letter_attributes
from coval_relay.platforms.registry import PLATFORMS
from coval_relay.platforms.shared.contract import PlatformOptions
from tests.fuzz.boundary import PHONE, SECRET, Fault, without_secrets
from tests.fuzz.mutation import mutated_json, text_of
from tests.support import events
from tests.support.fakes import FakeTranscriptObjects, InMemoryCalls
from tests.support.in_memory import InMemoryAliases
from tests.support.world import World

EVENTS: Final = Path(__file__).parents[2] / "events"
NAMES: Final = tuple(listing.name for listing in PLATFORMS)
OPTIONS: Final = PlatformOptions(
    transcript_buckets=("transcripts", "acme-transcripts"),
    transcript_hosts=("media.example.com", "intelligence.twilio.com"),
    recording_hosts=("media.example.com", "api.twilio.com", "storage.acme.example", "api.elevenlabs.io"),
    agent_channels={"twilio": 1},
    separate_transcripts=("vapi",),
)
QUEUES: Final = ("call_end", "recording", "attach")
MOST_MESSAGES: Final = 6
"""Messages that are handed on within one input."""
WAV: Final = events.wav(5.1)
VERSION: Final = ObjectVersion("recordings", "rec/call-1.wav", events.etag(WAV))


class StrictCalls(InMemoryCalls):
    """Keeps what DynamoDB can keep, and gives back what its item holds."""

    def save(self, seen: Call, call: Call) -> Call:
        typed = {name: serialized(value) for name, value in to_item(call).items()}
        json.dumps(typed, ensure_ascii=False).encode()
        if from_item(plain(typed)) != call:
            raise Fault("an item holds another call than was written")
        return super().save(seen, call)


@dataclass
class StrictAliases(InMemoryAliases):
    """Keys and values are UTF-8, keys within 2048 bytes (DynamoDB, quotas: partition key)."""

    def add_pending(self, alias: Alias, pending: PendingMessage) -> str | None:
        _key(alias.key)
        f"{pending.identity}{pending.event}".encode()
        return super().add_pending(alias, pending)

    def bind(self, alias: Alias, target: str) -> tuple[PendingMessage, ...]:
        _key(alias.key)
        _key(target)
        return super().bind(alias, target)


def _key(name: str) -> None:
    if len(name.encode()) > 2048:
        raise Fault("a key has more bytes than DynamoDB takes")


@cache
def _world() -> World:
    transcript_objects = FakeTranscriptObjects({"call-1.json": json.dumps({"messages": events.TURNS}).encode()})
    return World(store=StrictCalls(), transcript_objects=transcript_objects, platforms=NAMES, options=OPTIONS)


def emptied() -> World:
    """One world for all inputs, as it was in the beginning: to make one takes longer than most inputs do."""
    made = _world()
    for kept in (made.store.items, made.aliases.items, made.utterances.items, made.coval.conversations):
        kept.clear()
    for held in (made.queued, made.dead, made.telemetry, made.coval.calls, made.urls.fetched):
        held.clear()
    made.executioner.names.clear()
    made.bucket.objects = {VERSION.key: (VERSION.etag, WAV)}
    return made


# --- seeds -------------------------------------------------------------------------------------------


def samples() -> list[Any]:
    """Every sample event, and canonical ones with every part."""
    files = sorted(EVENTS.rglob("*.json"))
    return [*(json.loads(file.read_text(encoding="utf-8")) for file in files), *_canonical()]


def _canonical() -> Iterator[dict[str, Any]]:
    yield events.call_ended(transcript="reference")
    yield events.call_ended(
        recording={"expected": True, "agent_channel": 1, "items": [{"uri": "s3://recordings/odd/one.wav"}]},
        aliases=[{"type": "room", "value": "R1"}],
        transcript={"status": "reference", "reference": {"uri": "utterances:", "format": "utterances"}},
    )
    common = {"schema_version": "1", "external_conversation_id": "call-1"}
    named = {"schema_version": "1", "alias": {"type": "room", "value": "R1"}}
    yield events.recording_ready("s3://recordings/rec/call-1.wav")
    yield events.event("Recording Ready", {**named, "recording": {"uri": "https://media.example.com/a.wav"}})
    yield events.event("Aliases Known", {**common, "aliases": [{"type": "room", "value": "R1"}]})
    yield events.event(
        "Transcript Ready",
        {**common, "reference": {"uri": "https://media.example.com/a.json", "format": "vapi"}},
    )
    yield events.event("Transcript Unavailable", {**common, "reason": SECRET})
    spoken = {
        "id": "f1",
        "role": "user",
        "content": SECRET,
        "spoken_at": 1_790_951_900.5,
        "ended_at": 1_790_951_901,
    }
    yield events.event("Transcript Utterances", {**common, "utterances": [spoken]})
    yield events.object_created("rec/call-1.wav", WAV)
    yield events.object_created("rec/call-1.wav.json", WAV)
    yield events.object_created("odd/one.wav", WAV)
    yield events.object_created("call-1.json", WAV, bucket="transcripts")


def relay_samples() -> list[Any]:
    """What the functions send each other."""
    created = ObjectCreated(version=VERSION, size=len(WAV), sort_key="1", created_at=1_790_951_900)
    ready = RecordingReady(
        target="call-1",
        uri="https://media.example.com/a.wav",
        created_at=1_790_951_900,
        hints=RecordingHints(rank=1),
    )
    pending = PendingMessage("s3://a", "recording", queue_messages.to_text(created), 1_790_951_900)
    expired = PendingExpired(Alias("room", "R1"), pending)
    sent: list[Message] = [created, ready, Resume("call-1"), Resume("call-1", sweep=1, hops=2), expired]
    known = [queue_messages.to_event(message) for message in sent]
    return [*(json.loads(json.dumps(event)) for event in known), {"source": SOURCE, "detail-type": "Sweep"}]


def shapes() -> list[Any]:
    """Each event bare and in SQS; S3's own notifications; garbage."""
    given = [*samples(), *relay_samples()]
    bodies = [json.dumps(event) for event in given]
    shaped: list[Any] = [*given, *(sqs(body) for body in bodies)]
    shaped += [sqs(*bodies[:3]), given[:3], [], {}, None, "", 0, {"Records": []}]
    return [*shaped, sqs(""), sqs("[]"), sqs("null"), {"Event": "s3:TestEvent"}]


def sqs(*bodies: str) -> dict[str, Any]:
    attributes = {"SentTimestamp": "1790951900000", "ApproximateReceiveCount": "1"}
    return {
        "Records": [
            {
                "messageId": f"m{number}", "receiptHandle": f"r{number}", "body": body, "attributes": attributes,
                "messageAttributes": {}, "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }  # fmt: skip


# --- judging -----------------------------------------------------------------------------------------


def judged_delivery(payload: Any) -> str:
    """The function is chosen by the payload itself, so that an input is the same each time."""
    return handled(payload, QUEUES[len(text_of(payload)) % len(QUEUES)])


def judged_event(event: Any) -> str:
    """An event in its queue's message: S3's are recordings, the relay's for attach, others call ends."""
    source = event.get("source") if isinstance(event, dict) else None
    named = source if isinstance(source, str) else ""
    queue = {"aws.s3": "recording", SOURCE: "attach"}.get(named, "call_end")
    return handled(sqs(text_of(event)), queue)


def handled(payload: Any, queue: str) -> str:
    made = emptied()
    try:
        made.consumers[queue](payload, lambda: 60)
    except DeliveryFailedError as error:  # where no queue brings it again, its sender hears that it has to wait
        without_secrets([str(error)])
    for _ in range(MOST_MESSAGES):
        due = [message for message in made.queued if message.visible_at <= made.clock.now]
        if not due:
            break
        made.deliver(due[0])
    return _outcome(made)


def _outcome(made: World) -> str:
    for event, call_id, fields in made.telemetry:
        if event is LogEvent.DELIVERY_FAILED:
            raise Fault(f"unhandled: {fields['kind']} at {fields['where']}")
        shown = telemetry.call_fields(call_id)
        if PHONE[1:] in str(shown):
            raise Fault("a phone number in a log line")
        without_secrets(str(value) for value in fields.values())
    for _, _, reason in made.dead:
        if reason is None or not reason.code or not reason.text:
            raise Fault("a dead letter without a reason")
        without_secrets(dead_letter_attributes(reason).values())
    reported = sorted({f"{event.name} {fields.get('code', '')} {_rule(fields)}" for event, _, fields in made.telemetry})
    return ", ".join(reported) or "silent"


def _rule(fields: dict[str, str | int]) -> str:
    return str(fields.get("reason", "")).partition(": ")[2][:40]


def mutated_event(random: Random, event: Any, corpus: Sequence[Any]) -> Any:
    """Mostly its detail: only an event of a known kind gets far."""
    if isinstance(event, dict) and "detail" in event and random.random() < 0.85:
        return {**event, "detail": mutated_json(random, event["detail"], corpus)}
    return mutated_json(random, event, corpus)
