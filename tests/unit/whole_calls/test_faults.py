"""What Coval, the clock and the operators can do to a call, each with its visible end."""

import json
from typing import Any

import pytest

from coval_relay.domain.errors import (
    AudioFetchError,
    PermanentError,
    Reason,
    RetryableError,
    UnknownOutcomeError,
    UrlRejectedError,
)
from coval_relay.domain.lifecycle import AUDIT_GIVEN_UP, OTHER_RECORDING_ATTACHED, TRANSCRIPT_MISSING
from coval_relay.domain.submit_request import STAMP
from scripts.send_again import reopening
from tests.support.events import TURNS, call_ended, etag, object_created, recording_ready, wav
from tests.support.scenarios import outcome, put, submitted_bodies
from tests.support.world import DEADLINES, World


@pytest.mark.parametrize("carried_out", [False, True], ids=["lost on the way", "accepted, then silent"])
def test_a_submit_without_a_clear_answer_is_read_before_it_is_repeated(carried_out: bool) -> None:
    world = World()
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), carried_out))
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert world.coval.calls.count("submit") == (1 if carried_out else 2)
    assert ("CALL_ADOPTED" in world.events()) is carried_out
    assert world.store.get("call-1").audited_at > 0


def test_a_post_that_lands_after_the_read_is_found_by_the_audit() -> None:
    world = World()
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), False))
    world.send("call_end", call_ended())
    world.run(hours=0.1)
    (ours,) = world.coval.conversations
    world.coval.submit(
        json.dumps(
            {
                "external_conversation_id": "call-1",
                "transcript": TURNS,
                "metadata": {STAMP: "transcript facts"},
            }
        ).encode()
    )
    world.run()
    assert list(world.coval.conversations) == [ours]
    assert world.events().count("EXTRA_CONVERSATION_DELETED") == 1


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (RetryableError("permission_denied"), "OPERATOR_NEEDED"),
        (PermanentError("INVALID_ARGUMENT", "No.", None, 400), "MESSAGE_WAITING"),
        (UnknownOutcomeError("unavailable"), "MESSAGE_WAITING"),
    ],
    ids=["a key that may not delete", "rejected", "no clear answer"],
)
def test_an_audit_that_cannot_delete_keeps_nothing_else_waiting_and_ends(error: Exception, event: str) -> None:
    world = World()
    world.coval.errors += [("delete", error, False)] * 2000
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), False))
    world.send("call_end", call_ended())
    world.run(hours=0.1)
    (ours,) = world.coval.conversations
    world.coval.conversations["late"] = {**world.coval.conversations[ours], "created": 99}
    world.run(hours=1)
    world.send("recording", put(world, wav()))
    world.run(hours=1)
    assert world.coval.conversations[ours]["audio"] is not None
    assert event in world.events()
    world.run(hours=14 * 24)
    call = world.store.get("call-1")
    assert (call.state.value, call.recording_state.value) == ("SUBMITTED", "ATTACHED")
    assert (call.due_at, call.notes, world.events().count("AUDIT_GIVEN_UP")) == (None, (AUDIT_GIVEN_UP,), 1)
    assert world.coval.calls.count("delete") < 700


def _landed_late(death: int, *, after: bool = False) -> World:
    """The first POST has no answer and lands only after the second one; then a worker dies at an effect."""
    world = World()
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), False))
    world.send("call_end", call_ended())
    world.run(hours=0.1)
    world.coval.submit(
        json.dumps(
            {
                "external_conversation_id": "call-1",
                "transcript": TURNS,
                "metadata": {STAMP: "transcript facts"},
            }
        ).encode()
    )
    world.executioner.at, world.executioner.after = world.executioner.count + death, after
    world.run()
    return world


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("death", range(1, 6))
def test_a_death_in_the_audit_leaves_one_conversation(death: int, after: bool) -> None:
    world = _landed_late(death, after=after)
    assert "delete" in world.executioner.names
    assert list(world.coval.conversations) == [world.store.get("call-1").conversation_id]
    assert world.store.get("call-1").audited_at > 0


@pytest.mark.parametrize("carried_out", [False, True])
def test_an_attach_without_a_clear_answer_ends_attached(carried_out: bool) -> None:
    world = World()
    world.coval.errors.append(("attach", UnknownOutcomeError("timeout"), carried_out))
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert ("get" in world.coval.calls) is carried_out


def test_a_409_is_believed_only_after_a_get() -> None:
    world = World()
    conflict = PermanentError("ALREADY_EXISTS", "Audio already attached", "audio", 409)
    world.coval.errors.append(("attach", conflict, False))
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert world.coval.calls.count("attach") == 2


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("ALREADY_EXISTS", "Audio already attached", "audio", 409),
        PermanentError("NOT_FOUND", "Conversation not found", None, 404),
        UnknownOutcomeError("unavailable"),
    ],
    ids=["409 without audio", "404 of one that is there", "no clear answer"],
)
def test_an_attach_that_stays_unclear_is_repeated_ever_more_seldom(error: Exception) -> None:
    world = World()
    world.coval.errors += [("attach", error, False)] * 20
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    world.run(hours=1)
    assert 4 <= 20 - len(world.coval.errors) <= 8
    world.run(hours=12)
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_a_conversation_deleted_in_coval_rejects_its_recording() -> None:
    world = World()
    world.send("call_end", call_ended())
    world.run()
    world.coval.conversations.clear()
    world.send("recording", put(world, wav()))
    world.run()
    recording = world.store.get("call-1").recording
    assert (recording.state.value, recording.reason) == (
        "REJECTED",
        Reason("NOT_FOUND", "Conversation not found"),
    )


UNFETCHED = AudioFetchError("Audio URL not found (404)")
"""A policy of the bucket, or of its key, denies presigned URLs, for one."""


@pytest.mark.parametrize("failures", [9, 400])
def test_a_url_that_coval_cannot_fetch_is_signed_anew_until_that_is_mended(failures: int) -> None:
    world = World()
    world.coval.errors += [("attach", UNFETCHED, False)] * failures
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    world.run(hours=9 * 24)
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert ("OPERATOR_NEEDED" in world.events()) is (failures == 400)


@pytest.mark.parametrize("brought_back", ["by its event", "by the operator"])
def test_what_coval_could_not_fetch_for_12_days_ends_with_its_words_and_can_be_brought_back(brought_back: str) -> None:
    world = World()
    world.coval.errors += [("attach", UNFETCHED, False)] * 2000
    world.send("call_end", call_ended())
    recorded = put(world, wav())
    world.send("recording", recorded, delay=60)
    world.run(hours=13 * 24)
    call = world.store.get("call-1")
    assert (outcome(world), call.recording.reason) == (("SUBMITTED", "REJECTED", False, True), UNFETCHED.reason)
    world.coval.errors.clear()
    if brought_back == "by its event":
        world.send("recording", recorded)
    else:
        world.send("attach", reopening("call-1", call.revision))
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_an_upload_that_coval_forgot_is_made_again() -> None:
    world = World()
    world.send("recording", put(world, wav()))
    world.run(hours=0.01)
    world.coval.uploads.clear()
    world.send("call_end", call_ended(transcript="none"))
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)
    assert world.coval.calls.count("create_upload") == 2


def test_an_upload_that_coval_forgot_does_not_keep_the_text_waiting() -> None:
    world = World()
    world.send("recording", put(world, wav()))
    world.run(hours=0.01)
    world.coval.uploads.clear()
    world.send("call_end", call_ended())
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert "attach" in world.coval.calls


def test_rejected_audio_does_not_take_the_text_along() -> None:
    world = World()
    world.send("recording", put(world, wav()))
    world.run(hours=0.01)
    for name in world.coval.uploads:
        world.coval.uploads[name] = b"rejected"
    world.send("call_end", call_ended())
    world.run()
    assert outcome(world) == ("SUBMITTED", "REJECTED", False, True)
    assert world.store.get("call-1").recording.reason == Reason("INVALID_ARGUMENT", "Audio file is empty.")


def large(world: World, version: str | None = "v1") -> dict[str, Any]:
    """A recording of 110 MB, as far as its event and its head say."""
    created = put(world, wav(), version=version)
    created["detail"]["object"]["size"] = 110 * 1024 * 1024
    return created


@pytest.mark.parametrize(("version", "fetched"), [("v1", "recordings.test/rec/"), (None, "staging.test/prepared/")])
@pytest.mark.parametrize("transcript", ["inline", "none"])
@pytest.mark.parametrize("first", ["call end", "recording"])
def test_a_recording_too_large_to_upload_goes_by_its_url(
    monkeypatch: pytest.MonkeyPatch, transcript: str, first: str, version: str | None, fetched: str
) -> None:
    monkeypatch.setattr("coval_relay.services.recording_preparer.MAX_UPLOAD_BYTES", 1_000)
    world = World()
    delays = (0, 60) if first == "call end" else (60, 0)
    world.send("call_end", call_ended(transcript=transcript), delay=delays[0])
    world.send("recording", large(world, version), delay=delays[1])
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, transcript == "inline")
    assert submitted_bodies(world)[0]["audio"].startswith(f"https://{fetched}")
    assert "create_upload" not in world.coval.calls


@pytest.mark.parametrize("failures", [9, 2000])
def test_a_url_in_a_submit_is_signed_anew_some_times(failures: int) -> None:
    world = World()
    for _ in range(failures):
        world.coval.errors.append(("submit", UNFETCHED, False))
    world.send("call_end", call_ended(transcript="none"))
    world.send("recording", large(world), delay=60)
    world.run(hours=13 * 24)
    expected = ("SUBMITTED", "ATTACHED", True, False) if failures < 100 else ("WAITING", "REJECTED", False, False)
    assert outcome(world) == expected


def test_text_after_the_grace_time_is_late_not_lost() -> None:
    world = World()
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), delay=2 * DEADLINES.grace)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)
    assert world.store.get("call-1").late == ("facts", "transcript")


def test_a_transcript_that_never_comes_leaves_the_recording_to_speak() -> None:
    world = World()
    world.send("call_end", call_ended(transcript="pending"))
    world.send("recording", put(world, wav()), delay=60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)


def test_a_reference_to_nothing_is_waited_for_until_the_deadline() -> None:
    world = World()
    world.send("call_end", call_ended(transcript="reference"))
    world.send("recording", put(world, wav()), delay=60)
    world.run(hours=0.2)
    assert world.store.get("call-1").state.value == "WAITING"
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)
    assert world.store.get("call-1").notes == (TRANSCRIPT_MISSING,)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"{not json", "transcript: must be JSON"),
        (b"[" * 100_000, "transcript: must be JSON"),
        (
            json.dumps([{**TURNS[0], "role": "agent"}]).encode(),
            "transcript.messages[0].role: Input should be 'assistant', 'user', 'system' or 'tool'",
        ),
    ],
)
def test_a_transcript_file_that_breaks_a_rule_is_noted(content: bytes, rule: str) -> None:
    world = World()
    world.transcript_objects.transcript_objects["call-1.json"] = content
    world.send("call_end", call_ended(transcript="reference"))
    world.send("recording", put(world, wav()), delay=60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)
    assert world.store.get("call-1").notes == (Reason("invalid_transcript", rule),)


def test_a_read_that_coval_rejects_is_no_rejection_of_the_call() -> None:
    world = World()
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), True))
    world.coval.errors.append(("find", PermanentError("INVALID_ARGUMENT", "Invalid filter", "filter", 400), False))
    world.send("call_end", call_ended())
    world.run()
    assert outcome(world) == ("SUBMITTED", None, False, True)
    assert {"code": "INVALID_ARGUMENT", "age_seconds": 0} in [fields for _, _, fields in world.telemetry]
    assert world.dead == []


def test_a_recording_that_was_attached_unseen_and_is_gone_now_is_attached() -> None:
    world = World()
    world.coval.errors.append(("attach", UnknownOutcomeError("timeout"), True))
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    world.run(hours=0.02)
    world.bucket.objects.clear()
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


LINK = "https://media.example.com/call-1.wav?signature="


def test_a_link_is_fetched_once_however_often_it_is_named() -> None:
    world = World()
    world.urls.contents = {LINK + "old": wav(), LINK + "new": wav()}
    world.send("attach", recording_ready(LINK + "old"))
    for delay in (30, 90):
        world.send("attach", recording_ready(LINK + "new"), delay=delay)
    world.send("call_end", call_ended(), delay=60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert world.urls.fetched == [LINK + "old"]


def test_a_newer_link_revives_a_recording_whose_link_had_ended() -> None:
    world = World()
    ended = UrlRejectedError("url_expired_or_refused", "The URL's host answered with status 403.")
    world.urls.contents = {LINK + "old": ended, LINK + "new": wav()}
    world.send("call_end", call_ended())
    world.send("attach", recording_ready(LINK + "old"), delay=60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "REJECTED", False, True)
    assert world.store.get("call-1").recording.reason.code == "url_expired_or_refused"
    world.send("attach", recording_ready(LINK + "new"))
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_an_object_that_was_gone_and_is_back_is_taken() -> None:
    world = World()
    created = put(world, wav())
    world.bucket.objects.clear()
    world.send("recording", created)
    world.run(hours=0.01)
    put(world, wav())
    world.send("recording", created)
    world.send("call_end", call_ended(), delay=60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_another_recording_than_the_one_that_went_along_is_superseded() -> None:
    world = World()
    world.send("recording", put(world, wav()))
    world.run(hours=0.01)
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), True))
    world.coval.errors += [("find", RetryableError("unavailable"), False)] * 2
    world.send("call_end", call_ended())
    newer = put(world, wav(7.0), "odd/newer.wav")
    world.bucket.metadata["odd/newer.wav"] = {"external-conversation-id": "call-1"}
    newer["time"] = "2026-10-02T15:00:00Z"
    world.send("recording", newer, delay=200)
    world.run()
    call = world.store.get("call-1")
    (held,) = submitted_bodies(world)
    assert held["audio"] == world.bucket.objects["rec/call-1.wav"][1]
    assert call.recording.reason == OTHER_RECORDING_ATTACHED
    assert call.other_recordings == {f"s3://recordings/rec/call-1.wav#{etag(wav())}": "attached"}


def test_our_own_conversation_deleted_in_coval_leaves_the_other_one_alone() -> None:
    world = World()
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), False))
    world.send("call_end", call_ended())
    world.run(hours=0.1)
    world.coval.conversations.clear()
    world.coval.submit(json.dumps({"external_conversation_id": "call-1", "transcript": TURNS, "metadata": {}}).encode())
    world.run()
    assert len(world.coval.conversations) == 1


def test_milliseconds_in_a_transcript_file_are_rejected() -> None:
    world = World()
    turns = [{**turn, "start_time": 1000, "end_time": 200_000} for turn in TURNS]
    world.transcript_objects.transcript_objects["call-1.json"] = json.dumps(turns).encode()
    world.send("call_end", call_ended(transcript="reference"))
    world.run()
    (note,) = world.store.get("call-1").notes
    assert note.text == "transcript.messages: times must be seconds: the last is far beyond the call's length"


def test_a_silent_call_without_text_is_noted_in_the_end() -> None:
    world = World()
    world.send("call_end", call_ended(transcript="none"))
    world.run(hours=30)
    assert world.events().count("RECORDING_MISSING") == 1
    assert world.store.get("call-1").due_at is None


def test_a_recording_that_never_comes_is_noted_and_still_attached_when_it_does() -> None:
    world = World()
    world.send("call_end", call_ended())
    world.run(hours=30)
    assert world.events().count("RECORDING_MISSING") == 1
    world.send("recording", put(world, wav()))
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


@pytest.mark.parametrize("lost", ["upload", "attach"])
def test_a_message_that_got_lost_is_made_up_for_by_the_sweep(lost: str) -> None:
    world = World()
    if lost == "attach":
        world.send("call_end", call_ended())
        world.run(hours=0.01)
    world.coval.errors.append(("create_upload", RetryableError("unreachable"), False))
    world.coval.errors.append(("attach", RetryableError("unreachable"), False))
    world.send("recording", put(world, wav()))
    world.run(hours=0.002)
    world.queued.clear()
    if lost == "upload":
        world.send("call_end", call_ended(transcript="none"))
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, lost == "attach")
    assert "SWEEP_DONE" in world.events()


def test_a_newer_recording_after_the_attach_is_superseded() -> None:
    world = World()
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    world.run()
    newer = put(world, wav(7.0))
    newer["time"] = "2026-10-02T15:00:00Z"
    world.send("recording", newer)
    world.run()
    call = world.store.get("call-1")
    assert list(call.other_recordings.values()) == ["superseded"]
    assert call.recording.state.value == "ATTACHED"


def test_a_call_of_long_ago_is_looked_up_before_it_is_sent() -> None:
    world = World()
    world.clock.now += 5 * 86_400
    world.coval.submit(json.dumps({"external_conversation_id": "call-1", "transcript": TURNS, "metadata": {}}).encode())
    world.send("call_end", call_ended())
    world.run()
    assert len(world.coval.conversations) == 1
    assert world.store.get("call-1").late == ("facts", "transcript")


def test_a_call_without_anything_to_evaluate_says_so() -> None:
    world = World()
    world.send("call_end", call_ended(transcript="none", status="no_answer"))
    world.run()
    call = world.store.get("call-1")
    assert [note.code for note in call.notes] == ["skipped"]
    assert (call.due_at, world.coval.calls) == (None, [])
    assert "CALL_SKIPPED" in world.events()


LONG = [{"role": "user", "content": "word " * 200} for _ in range(900)]


@pytest.mark.parametrize(
    ("policy", "expected", "with_recording"),
    [
        ("truncate", ("SUBMITTED", None, False, True), False),
        ("recording", ("SUBMITTED", "ATTACHED", True, False), True),
        ("recording", ("WAITING", None, False, False), False),
        ("reject", ("REJECTED", "REJECTED", False, False), True),
    ],
)
def test_a_transcript_of_nearly_a_megabyte(
    policy: str, expected: tuple[str, str | None, bool, bool], with_recording: bool
) -> None:
    world = World(oversize=policy)
    world.send("call_end", call_ended(transcript={"status": "inline", "messages": LONG}))
    if with_recording:
        world.send("recording", put(world, wav()), delay=60)
    world.run()
    assert outcome(world) == expected
    if policy == "truncate":
        (body,) = submitted_bodies(world)
        dropped = body["metadata"]["transcript_dropped_messages"]
        assert (dropped + len(body["transcript"]), body["metadata"]["transcript_truncated"]) == (900, True)
        assert "TRANSCRIPT_TRUNCATED" in world.events()
    else:
        noted = [note.code for note in world.store.get("call-1").notes]
        assert noted == (["payload_too_large"] if policy == "recording" else [])


def test_a_recording_that_an_event_names_in_s3() -> None:
    world = World(key_pattern="^never(?P<external_conversation_id>x)$")
    put(world, wav(), "odd/unknown.wav")
    world.send("attach", recording_ready("s3://recordings/odd/unknown.wav"))
    world.send("call_end", call_ended(), delay=30)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_a_recording_that_an_event_names_and_that_is_not_there() -> None:
    world = World()
    world.send("attach", recording_ready("s3://recordings/odd/unknown.wav"))
    world.run(hours=DEADLINES.recording / 3600 - 1)
    assert world.store.get("call-1").notes == ()
    world.run(hours=2)
    assert (world.dead, world.queued) == ([], [])
    assert world.store.get("call-1").notes == (
        Reason("invalid_input", "detail.recording.uri: names an object that is not there"),
    )


@pytest.mark.parametrize("channel", [None, 1], ids=["as it is", "to be copied"])
@pytest.mark.parametrize("transcript", ["inline", "none"])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_recording_that_is_deleted_after_its_worker_died_is_rejected_not_forgotten(
    at: int, transcript: str, channel: int | None
) -> None:
    world = World()
    world.executioner.at = at
    ended = call_ended(transcript=transcript, recording={"agent_channel": channel})
    world.send("recording", put(world, wav(channels=2)))
    world.send("call_end", ended, 3600 if transcript == "inline" else 30)
    world.run(hours=0.01)
    world.bucket.objects.clear()
    world.run(hours=48)
    call = world.store.get("call-1")
    assert call.due_at is None
    assert call.recording is not None
    assert call.recording.state in ("REJECTED", "ATTACHED")
    assert (world.queued, world.dead) == ([], [])


def test_audio_that_coval_cannot_fetch_costs_no_words() -> None:
    """The event's own text is with its message alone: it goes at once, and the recording follows."""
    world = World()
    world.coval.errors.append(("submit", AudioFetchError("Failed to retrieve audio from URL"), False))
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), delay=60)
    world.run(hours=2)
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert world.dead == []


@pytest.mark.parametrize("legs", [("pending", "none"), ("none", "pending")])
def test_the_end_of_a_leg_without_words_does_not_end_the_wait_for_those_of_another(legs: tuple[str, str]) -> None:
    world = World()
    content = json.dumps(TURNS).encode()
    world.transcript_objects.transcript_objects["call-1.json"] = content
    for at, kind in enumerate(legs):
        world.send("call_end", call_ended(transcript=kind), delay=at * 5)
    world.send("recording", put(world, wav()), delay=60)
    world.send("call_end", object_created("call-1.json", content, bucket="transcripts"), delay=300)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


@pytest.mark.parametrize("expected", [False, True])
def test_a_call_whose_announced_words_never_come_ends_with_the_reason(expected: bool) -> None:
    world = World()
    world.send("call_end", call_ended(transcript="pending", recording={"expected": expected}))
    world.run(hours=48)
    call = world.store.get("call-1")
    assert (call.state.value, call.reason, call.due_at) == ("REJECTED", TRANSCRIPT_MISSING, None)
    missing = ["RECORDING_MISSING"] if expected else []
    reported = [event for event in world.events() if event not in ("CALL_END_RECEIVED", "SWEEP_DONE")]
    assert reported == ["TRANSCRIPT_MISSING", *missing, "CALL_REJECTED"]


def test_announced_words_that_never_come_cost_no_recording() -> None:
    world = World()
    world.send("call_end", call_ended(transcript="pending"))
    world.send("recording", put(world, wav()), delay=60)
    world.run(hours=48)
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)
    assert "TRANSCRIPT_MISSING" in world.events()
