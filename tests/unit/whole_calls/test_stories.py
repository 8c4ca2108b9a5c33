"""What operators read of a call: every log line, and every reason, story by story."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from coval_relay.domain.coval import Conversation
from coval_relay.domain.errors import AudioFetchError, PermanentError, RetryableError, UnknownOutcomeError
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.submit_request import STAMP
from coval_relay.domain.transcript import Utterance
from tests.support.events import TURNS, call_ended, event, object_created, recording_ready, wav
from tests.support.scenarios import put
from tests.support.world import World

COMMON = {"schema_version": "1", "external_conversation_id": "call-1"}
MAX_LENGTH = 95
LINK = "https://media.example.com/one.wav"


@dataclass(frozen=True)
class Story:
    """A story by its name: what happens in a new world, and what comes of it."""

    name: str
    play: Callable[[], World]


STORIES: list[Story] = []


def story(play: Callable[..., None]) -> Callable[..., None]:
    def played() -> World:
        world = World(**getattr(play, "world", {}))
        play(world)
        world.run(hours=2)
        return world

    STORIES.append(Story(play.__name__.strip("_").replace("_", " "), played))
    return play


def lines_of(world: World) -> list[str]:
    """The log but for sweeps that found nothing, the item, and the dead letters; the beginning of each line."""
    lines = [
        " ".join([entry.name, call_id or "-", *(f"{name}={value}" for name, value in fields.items())])
        for entry, call_id, fields in world.telemetry
        if (entry, fields) != (LogEvent.SWEEP_DONE, {"count": 0})
    ]
    call = world.store.get("call-1")
    reasons = [*call.notes, *([call.reason] if call.reason else [])]
    if call.recording and call.recording.reason:
        reasons.append(call.recording.reason)
    recording = call.recording.state.value if call.recording else "no recording"
    item = f"{call.state.value}, {call.call_end.value}, {recording}"
    found = [f"{reason.code}: {reason.text}" for reason in reasons]
    dead = [f"dead {queue}: {reason.code}: {reason.text}" for queue, _, reason in world.dead if reason]
    return [line[:MAX_LENGTH] for line in (*lines, item, *found, *dead)]


@story
def _text_then_recording(world: World) -> None:
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav(channels=2)), 60)


@story
def _recording_then_text(world: World) -> None:
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), 60)


@story
def _two_recordings(world: World) -> None:
    world.send("recording", put(world, wav()))
    world.send("recording", {**put(world, wav(7.0), "rec/call-1.mp3"), "time": "2026-10-03T00:00:00Z"}, 60)
    world.send("call_end", call_ended(), 120)


@story
def _filtered(world: World) -> None:
    world.send("call_end", call_ended(metadata={"coval_simulation_id": "sim_1"}))


@story
def _rejected(world: World) -> None:
    world.coval.errors.append(("submit", PermanentError("INVALID_ARGUMENT", "No such agent.", "agent_id", 400), False))
    world.send("call_end", call_ended())


@story
def _rejected_audio(world: World) -> None:
    world.coval.errors.append(("submit", PermanentError("INVALID_ARGUMENT", "Audio file is empty.", None, 400), False))
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), 60)


@story
def _rejected_recording_without_text(world: World) -> None:
    world.coval.errors.append(("submit", PermanentError("INVALID_ARGUMENT", "Bad.", "audio", 400), False))
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(transcript="none"), 60)


@story
def _no_answer_and_nothing_made(world: World) -> None:
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), False))
    world.send("call_end", call_ended())


@story
def _no_answer_but_made(world: World) -> None:
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), True))
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), 60)


@story
def _put_off(world: World) -> None:
    world.coval.errors.append(("submit", RetryableError("rate_limited", 7.0), False))
    world.coval.errors.append(("submit", RetryableError("unreachable"), False))
    world.send("call_end", call_ended())


@story
def _too_large_and_shortened(world: World) -> None:
    long = {**TURNS[0], "content": "Welcome. " * 100}
    world.send("call_end", call_ended(transcript={"status": "inline", "messages": [long, TURNS[1]]}))


_too_large_and_shortened.world = {"max_payload_bytes": 600}  # type: ignore[attr-defined]


@story
def _too_large(world: World) -> None:
    world.send("call_end", call_ended())


_too_large.world = {"max_payload_bytes": 300, "oversize": "reject"}  # type: ignore[attr-defined]


@story
def _too_large_but_the_recording_goes(world: World) -> None:
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), 60)


_too_large_but_the_recording_goes.world = {  # type: ignore[attr-defined]
    "max_payload_bytes": 450,
    "oversize": "recording",
}


@story
def _transcript_that_is_no_json(world: World) -> None:
    world.transcript_objects.transcript_objects["call-1.json"] = b"{"
    world.send("call_end", call_ended(transcript="reference"))


@story
def _transcript_that_is_too_large_to_be_read(world: World) -> None:
    def refuse(*_: Any) -> bytes:
        raise PermanentError("document_too_large", "The object has more than 8388608 bytes.")

    world.transcript_objects.fetch = refuse
    world.send("call_end", call_ended(transcript="reference"))


@story
def _transcript_that_never_comes(world: World) -> None:
    world.send("call_end", call_ended(transcript="reference"))
    world.run(hours=2)


@story
def _transcript_of_an_object_first(world: World) -> None:
    content = json.dumps(TURNS).encode()
    world.transcript_objects.transcript_objects["call-1.json"] = content
    world.send("call_end", object_created("call-1.json", content, bucket="transcripts"))
    world.send("call_end", call_ended(transcript="pending"), 60)


@story
def _transcript_by_a_ready_event(world: World) -> None:
    world.transcript_objects.transcript_objects["call-1.json"] = json.dumps(TURNS).encode()
    reference = {"uri": "s3://transcripts/call-1.json", "format": "canonical_v1"}
    world.send("call_end", call_ended(transcript="pending"))
    world.send("call_end", event("Transcript Ready", {**COMMON, "reference": reference}), 60)


@story
def _transcript_unavailable(world: World) -> None:
    world.send("call_end", call_ended(transcript="pending", recording={"expected": False}))
    world.send("call_end", event("Transcript Unavailable", COMMON), 60)


@story
def _utterances_after_the_end(world: World) -> None:
    spoken = {
        "id": "f1",
        "role": "user",
        "content": "Hi.",
        "spoken_at": 1_790_951_470,
        "ended_at": 1_790_951_471,
    }
    world.send("call_end", call_ended(transcript="none"))
    world.send("call_end", event("Transcript Utterances", {**COMMON, "utterances": [spoken]}), 60)
    world.utterances.add("call-2", [Utterance("f1", "user", "Hi.", 1.0, 2.0)])


@story
def _nothing_to_evaluate(world: World) -> None:
    world.send("call_end", call_ended(transcript="none", recording={"expected": False}))


@story
def _late_text(world: World) -> None:
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), 6000)


@story
def _attach_rejected(world: World) -> None:
    world.coval.errors.append(("attach", PermanentError("INVALID_ARGUMENT", "Too long.", "audio_url", 400), False))
    _text_then_recording(world)


@story
def _attach_without_an_answer(world: World) -> None:
    world.coval.errors.append(("attach", UnknownOutcomeError("timeout"), True))
    _text_then_recording(world)


@story
def _attach_not_now(world: World) -> None:
    world.coval.errors.append(("attach", RetryableError("rate_limited", 90.0), False))
    _text_then_recording(world)


@story
def _attach_conflict_without_audio(world: World) -> None:
    world.coval.errors.append(("attach", PermanentError("ALREADY_EXISTS", "Being attached.", None, 409), False))
    _text_then_recording(world)


@story
def _attach_whose_url_works_late(world: World) -> None:
    world.coval.errors += [("attach", AudioFetchError("Audio URL not found (404)"), False) for _ in range(3)]
    _text_then_recording(world)


@story
def _attach_to_a_deleted_conversation(world: World) -> None:
    world.send("call_end", call_ended())
    world.run(hours=0.01)
    world.coval.conversations.clear()
    world.send("recording", put(world, wav()))


@story
def _replaced_before_it_is_attached(world: World) -> None:
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()))
    world.coval.errors.append(("attach", UnknownOutcomeError("timeout"), False))
    world.run(hours=0.005)
    world.bucket.put("rec/call-1.wav", wav(9.0))


@story
def _replaced_before_it_is_copied(world: World) -> None:
    _an_upload_that_coval_forgot(world)
    world.bucket.put("rec/call-1.wav", wav(9.0))


@story
def _an_unusable_recording(world: World) -> None:
    world.send("recording", put(world, wav(1.0)))
    world.send("call_end", call_ended(), 60)


@story
def _an_upload_that_coval_rejects(world: World) -> None:
    world.coval.errors.append(("create_upload", PermanentError("INVALID_ARGUMENT", "Too large.", None, 400), False))
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), 60)


@story
def _an_upload_that_coval_forgot(world: World) -> None:
    world.send("recording", put(world, wav()))
    world.run(hours=0.01)
    world.coval.uploads.clear()
    world.send("call_end", call_ended())


@story
def _a_recording_gone_before_its_event(world: World) -> None:
    created = put(world, wav())
    world.bucket.objects.clear()
    world.send("recording", created)
    world.send("call_end", call_ended(), 60)


@story
def _a_link(world: World) -> None:
    world.urls.contents[LINK] = wav()
    world.send("call_end", call_ended())
    world.send("attach", recording_ready(LINK), 60)


@story
def _a_link_that_leads_nowhere(world: World) -> None:
    world.send("call_end", call_ended())
    world.send("attach", recording_ready(LINK), 60)


@story
def _an_object_that_an_event_names_before_it_is_there(world: World) -> None:
    world.send("attach", recording_ready("s3://recordings/rec/other.wav"))
    world.run(hours=0.02)
    world.send("recording", put(world, wav(), "rec/other.wav"), 5)


@story
def _pending_and_found(world: World) -> None:
    world.send("recording", put(world, wav(), "odd/one.wav"))
    alias = {"type": "s3_object", "value": "recordings/odd/one.wav"}
    world.send("call_end", call_ended(aliases=[alias]), 60)


@story
def _pending_for_ever(world: World) -> None:
    world.send("recording", put(world, wav(), "odd/one.wav"))
    world.run(hours=3)


@story
def _a_name_that_belongs_to_another(world: World) -> None:
    alias = {"type": "room", "value": "R1"}
    world.send("call_end", call_ended("call-2", aliases=[alias]))
    world.send("call_end", call_ended(aliases=[alias]), 60)
    named = {"schema_version": "1", "alias": {"type": "leg", "value": "L1"}, "aliases": [alias]}
    world.send("call_end", event("Aliases Known", named), 120)


@story
def _objects_that_are_none(world: World) -> None:
    world.send("recording", object_created("rec/", b""))
    world.send("recording", object_created("odd/a.json", b""))
    world.send("recording", object_created("elsewhere/a.wav", b""))
    world.send("recording", object_created("rec/a.wav", b"", bucket="foreign"))
    world.send("call_end", object_created("a.txt", b"", bucket="transcripts"))
    world.send("call_end", object_created("a.json", b"", bucket="foreign"))


@story
def _messages_for_another_function(world: World) -> None:
    world.send("attach", call_ended())
    world.send("recording", call_ended())
    world.send("recording", event("Transcript Unavailable", COMMON))
    sweep = {"source": "coval.relay", "detail-type": "Sweep"}
    for queue in ("call_end", "recording"):
        world.send(queue, sweep)


@story
def _a_recording_that_never_comes(world: World) -> None:
    world.send("call_end", call_ended())
    world.run(hours=30)


@story
def _found_twice_in_coval(world: World) -> None:
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), False))
    world.send("call_end", call_ended())
    world.run(hours=0.1)
    body = {
        "external_conversation_id": "call-1",
        "transcript": TURNS,
        "metadata": {STAMP: "transcript facts"},
    }
    world.coval.submit(json.dumps(body).encode())


@story
def _ours_deleted_and_another_left(world: World) -> None:
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), False))
    world.send("call_end", call_ended())
    world.run(hours=0.1)
    body = {
        "external_conversation_id": "call-1",
        "transcript": TURNS,
        "metadata": {STAMP: "transcript facts"},
    }
    world.coval.conversations.clear()
    world.coval.submit(json.dumps(body).encode())


@story
def _coval_does_not_name_audio(world: World) -> None:
    original = world.coval._conversation

    def silent(name: str) -> Conversation:
        known = original(name)
        return Conversation(known.conversation_id, known.external_conversation_id, has_audio=None)

    world.coval._conversation = silent
    world.coval.get = original
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), 60)


EXPECTED: dict[str, tuple[str, ...]] = {
    "text then recording": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "AGENT_CHANNEL_UNKNOWN call-1",
        "RECORDING_ATTACHED call-1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "recording then text": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=ours",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "two recordings": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_SUPERSEDED call-1",
        "RECORDING_UPLOADED call-1 size=112044",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=ours",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "filtered": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_FILTERED call-1 code=filtered",
        "FILTERED, WITH_TRANSCRIPT, no recording",
        "filtered: Coval knows the call as its simulation (coval_simulation).",
    ),
    "rejected": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_REJECTED call-1 code=INVALID_ARGUMENT",
        "REJECTED, WITH_TRANSCRIPT, no recording",
        "INVALID_ARGUMENT: No such agent.",
    ),
    "rejected audio": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "RECORDING_REJECTED call-1 code=INVALID_ARGUMENT",
        "CALL_SUBMITTED call-1 audio=none",
        "SUBMITTED, WITH_TRANSCRIPT, REJECTED",
        "INVALID_ARGUMENT: Audio file is empty.",
    ),
    "rejected recording without text": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "CALL_END_RECEIVED call-1 kind=WITHOUT_TRANSCRIPT",
        "RECORDING_REJECTED call-1 code=INVALID_ARGUMENT",
        "WAITING, WITHOUT_TRANSCRIPT, REJECTED",
        "INVALID_ARGUMENT: Bad.",
    ),
    "no answer and nothing made": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "SUBMIT_OUTCOME_UNKNOWN call-1 code=timeout",
        "MESSAGE_WAITING call-1 code=timeout seconds=200 age_seconds=0",
        "SWEEP_DONE - count=1",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, no recording",
    ),
    "no answer but made": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "SUBMIT_OUTCOME_UNKNOWN call-1 code=timeout",
        "MESSAGE_WAITING call-1 code=timeout seconds=200 age_seconds=60",
        "CALL_ADOPTED call-1 audio=ours",
        "SWEEP_DONE - count=1",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "put off": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "SUBMIT_POSTPONED call-1 code=rate_limited",
        "MESSAGE_WAITING call-1 code=rate_limited seconds=15 age_seconds=0",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "SUBMIT_POSTPONED call-1 code=unreachable",
        "MESSAGE_WAITING call-1 code=unreachable seconds=33 age_seconds=15",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "SUBMITTED, WITH_TRANSCRIPT, no recording",
    ),
    "too large and shortened": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "TRANSCRIPT_TRUNCATED call-1 messages=1",
        "CALL_SUBMITTED call-1 audio=none",
        "SUBMITTED, WITH_TRANSCRIPT, no recording",
    ),
    "too large": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_REJECTED call-1 code=payload_too_large",
        "REJECTED, WITH_TRANSCRIPT, no recording",
        "payload_too_large: The request has 392 bytes, the limit is 300.",
    ),
    "too large but the recording goes": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "TRANSCRIPT_DROPPED call-1 code=payload_too_large",
        "CALL_SUBMITTED call-1 audio=ours",
        "SUBMITTED, WITHOUT_TRANSCRIPT, ATTACHED",
        "payload_too_large: The request has 460 bytes, the limit is 450.",
    ),
    "transcript that is no json": (
        "CALL_END_RECEIVED call-1 kind=TRANSCRIPT_PENDING",
        "TRANSCRIPT_DROPPED call-1 code=invalid_transcript",
        "WAITING, WITHOUT_TRANSCRIPT, no recording",
        "invalid_transcript: transcript: must be JSON",
    ),
    "transcript that is too large to be read": (
        "CALL_END_RECEIVED call-1 kind=TRANSCRIPT_PENDING",
        "TRANSCRIPT_DROPPED call-1 code=document_too_large",
        "WAITING, WITHOUT_TRANSCRIPT, no recording",
        "document_too_large: The object has more than 8388608 bytes.",
    ),
    "transcript that never comes": (
        "CALL_END_RECEIVED call-1 kind=TRANSCRIPT_PENDING",
        "SWEEP_DONE - count=1",
        "SWEEP_DONE - count=1",
        "SWEEP_DONE - count=1",
        "SWEEP_DONE - count=1",
        "SWEEP_DONE - count=1",
        "SWEEP_DONE - count=1",
        "SWEEP_DONE - count=1",
        "SWEEP_DONE - count=1",
        "TRANSCRIPT_MISSING call-1 code=transcript_missing",
        "WAITING, WITHOUT_TRANSCRIPT, no recording",
        "transcript_missing: The transcript never came, or the function may not read it.",
    ),
    "transcript of an object first": (
        "TRANSCRIPT_RECEIVED call-1",
        "CALL_END_RECEIVED call-1 kind=TRANSCRIPT_PENDING",
        "CALL_SUBMITTED call-1 audio=none",
        "SUBMITTED, TRANSCRIPT_PENDING, no recording",
    ),
    "transcript by a ready event": (
        "CALL_END_RECEIVED call-1 kind=TRANSCRIPT_PENDING",
        "TRANSCRIPT_RECEIVED call-1",
        "CALL_SUBMITTED call-1 audio=none",
        "SUBMITTED, TRANSCRIPT_PENDING, no recording",
    ),
    "transcript unavailable": (
        "CALL_END_RECEIVED call-1 kind=TRANSCRIPT_PENDING",
        "TRANSCRIPT_UNAVAILABLE call-1",
        "WAITING, WITHOUT_TRANSCRIPT, no recording",
        "skipped: The call has no transcript and no recording is expected.",
    ),
    "utterances after the end": (
        "CALL_END_RECEIVED call-1 kind=WITHOUT_TRANSCRIPT",
        "TRANSCRIPT_RECEIVED call-1",
        "SWEEP_DONE - count=1",
        "CALL_SUBMITTED call-1 audio=none",
        "SUBMITTED, WITHOUT_TRANSCRIPT, no recording",
    ),
    "nothing to evaluate": (
        "CALL_END_RECEIVED call-1 kind=WITHOUT_TRANSCRIPT",
        "CALL_SKIPPED call-1",
        "WAITING, WITHOUT_TRANSCRIPT, no recording",
        "skipped: The call has no transcript and no recording is expected.",
    ),
    "late text": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "CALL_SUBMITTED call-1 audio=ours",
        "SWEEP_DONE - count=1",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "SUBMITTED, NOT_SEEN, ATTACHED",
    ),
    "attach rejected": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "AGENT_CHANNEL_UNKNOWN call-1",
        "RECORDING_REJECTED call-1 code=INVALID_ARGUMENT",
        "SUBMITTED, WITH_TRANSCRIPT, REJECTED",
        "INVALID_ARGUMENT: Too long.",
    ),
    "attach without an answer": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "AGENT_CHANNEL_UNKNOWN call-1",
        "MESSAGE_WAITING call-1 code=timeout age_seconds=0",
        "RECORDING_ATTACHED call-1",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "attach not now": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "AGENT_CHANNEL_UNKNOWN call-1",
        "MESSAGE_WAITING call-1 code=rate_limited",
        "RECORDING_ATTACHED call-1",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "attach conflict without audio": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "AGENT_CHANNEL_UNKNOWN call-1",
        "MESSAGE_WAITING call-1 code=ALREADY_EXISTS age_seconds=0",
        "RECORDING_ATTACHED call-1",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "attach whose url works late": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "AGENT_CHANNEL_UNKNOWN call-1",
        "RECORDING_NOT_FETCHED call-1",
        "RECORDING_NOT_FETCHED call-1",
        "SWEEP_DONE - count=1",
        "RECORDING_NOT_FETCHED call-1",
        "SWEEP_DONE - count=1",
        "RECORDING_ATTACHED call-1",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "attach to a deleted conversation": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_REJECTED call-1 code=NOT_FOUND",
        "SUBMITTED, WITH_TRANSCRIPT, REJECTED",
        "NOT_FOUND: Conversation not found",
    ),
    "replaced before it is attached": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "MESSAGE_WAITING call-1 code=timeout age_seconds=0",
        "RECORDING_ATTACHED call-1",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "replaced before it is copied": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=REJECTED",
        "RECORDING_REJECTED call-1 code=object_replaced",
        "SUBMITTED, WITH_TRANSCRIPT, REJECTED",
        "object_replaced: Another object stands in its place; that one has its own event.",
    ),
    "an unusable recording": (
        "RECORDING_RECEIVED call-1 state=REJECTED",
        "RECORDING_REJECTED call-1 code=audio_too_short",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "SUBMITTED, WITH_TRANSCRIPT, REJECTED",
        "audio_too_short: Audio too short: 1.0 seconds. Minimum duration is 5 seconds.",
    ),
    "an upload that coval rejects": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_REJECTED call-1 code=INVALID_ARGUMENT",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "SUBMITTED, WITH_TRANSCRIPT, REJECTED",
        "INVALID_ARGUMENT: Too large.",
    ),
    "an upload that coval forgot": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_ATTACHED call-1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "a recording gone before its event": (
        "RECORDING_RECEIVED call-1 state=REJECTED",
        "RECORDING_REJECTED call-1 code=object_gone",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "SUBMITTED, WITH_TRANSCRIPT, REJECTED",
        "object_gone: The recording object is no longer there.",
    ),
    "a link": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_ATTACHED call-1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "a link that leads nowhere": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=REJECTED",
        "RECORDING_REJECTED call-1 code=url_not_found",
        "SUBMITTED, WITH_TRANSCRIPT, REJECTED",
        "url_not_found: The URL's host knows no such file (status 404).",
    ),
    "an object that an event names before it is there": (
        "MESSAGE_WAITING - code=recording_missing_or_denied seconds=33 age_seconds=0",
        "MESSAGE_WAITING - code=recording_missing_or_denied seconds=33 age_seconds=33",
        "MESSAGE_WAITING - code=recording_missing_or_denied seconds=33 age_seconds=66",
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "RECORDING_RECEIVED call-1 state=READY",
        "CALL_SUBMITTED call-1 audio=ours",
        "SWEEP_DONE - count=1",
        "SUBMITTED, NOT_SEEN, ATTACHED",
    ),
    "pending and found": (
        "MESSAGE_PENDING - queue=recording",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_ATTACHED call-1",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
    "pending for ever": (
        "MESSAGE_PENDING - queue=recording",
        "SWEEP_DONE - count=1",
        "MESSAGE_PENDING - queue=recording",
        "INPUT_REJECTED - code=invalid_input reason=detail.pending.event: no call became known under its",
        "NEW, NOT_SEEN, no recording",
        "dead recording: invalid_input: detail.pending.event: no call became known under its s3_object i",
    ),
    "a name that belongs to another": (
        "CALL_END_RECEIVED call-2 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-2 audio=none",
        "ALIAS_TAKEN call-1",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "ALIAS_TAKEN -",
        "SUBMITTED, WITH_TRANSCRIPT, no recording",
        "alias_taken: A name of this call belongs to another call already; it was left there.",
    ),
    "objects that are none": (
        "RECORDING_SKIPPED - code=ignored_key",
        "RECORDING_SKIPPED - code=ignored_key",
        "INPUT_REJECTED - code=invalid_input reason=detail.object.key: has none of the configured prefix",
        "INPUT_REJECTED - code=invalid_input reason=detail.bucket.name: is not one of the configured rec",
        "INPUT_REJECTED - code=invalid_input reason=detail.object.key: no transcript key rule finds a ca",
        "INPUT_REJECTED - code=invalid_input reason=detail.bucket.name: is not one of the configured tra",
        "NEW, NOT_SEEN, no recording",
        "dead recording: invalid_input: detail.object.key: has none of the configured prefixes",
        "dead recording: invalid_input: detail.bucket.name: is not one of the configured recording bucke",
        "dead call_end: invalid_input: detail.object.key: no transcript key rule finds a call id",
        "dead call_end: invalid_input: detail.bucket.name: is not one of the configured transcript bucke",
    ),
    "messages for another function": (
        "INPUT_REJECTED call-1 code=invalid_input reason=detail-type: is not one that this function take",
        "INPUT_REJECTED call-1 code=invalid_input reason=detail-type: is not one that this function take",
        "INPUT_REJECTED call-1 code=invalid_input reason=detail-type: is not one that this function take",
        "INPUT_REJECTED - code=invalid_input reason=detail-type: is not one that this function takes",
        "INPUT_REJECTED - code=invalid_input reason=detail-type: is not one that this function takes",
        "NEW, NOT_SEEN, no recording",
        "invalid_input: detail-type: is not one that this function takes",
        "dead call_end: invalid_input: detail-type: is not one that this function takes",
        "dead recording: invalid_input: detail-type: is not one that this function takes",
    ),
    "a recording that never comes": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "RECORDING_MISSING call-1",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, no recording",
    ),
    "found twice in coval": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "SUBMIT_OUTCOME_UNKNOWN call-1 code=timeout",
        "MESSAGE_WAITING call-1 code=timeout seconds=200 age_seconds=0",
        "SWEEP_DONE - count=1",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "EXTRA_CONVERSATION_DELETED call-1",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, no recording",
    ),
    "ours deleted and another left": (
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "SUBMIT_OUTCOME_UNKNOWN call-1 code=timeout",
        "MESSAGE_WAITING call-1 code=timeout seconds=200 age_seconds=0",
        "SWEEP_DONE - count=1",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=none",
        "SWEEP_DONE - count=1",
        "SUBMITTED, WITH_TRANSCRIPT, no recording",
    ),
    "coval does not name audio": (
        "RECORDING_RECEIVED call-1 state=READY",
        "RECORDING_UPLOADED call-1 size=96044",
        "CALL_END_RECEIVED call-1 kind=WITH_TRANSCRIPT",
        "CALL_SUBMITTED call-1 audio=ours",
        "SUBMITTED, WITH_TRANSCRIPT, ATTACHED",
    ),
}


@pytest.mark.parametrize("played", STORIES, ids=lambda played: played.name)
def test_a_story_goes_as_expected(played: Story) -> None:
    assert tuple(lines_of(played.play())) == EXPECTED[played.name]


def test_no_story_is_left_out() -> None:
    assert EXPECTED.keys() == {played.name for played in STORIES}
