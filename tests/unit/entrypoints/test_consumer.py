"""The edge: poison among good records, waiting, dead letters, bare events, lists."""

import json
from typing import Any

import pytest

from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import PermanentError, Reason, RetryableError, UnknownOutcomeError
from coval_relay.entrypoints.consumer import DeliveryFailedError
from tests.support.aws_queues import QueuedMessage
from tests.support.events import call_ended, event, object_created, wav
from tests.support.scenarios import outcome, put
from tests.support.world import FUNCTION_SECONDS, World


def record(world: World, body: Any, name: str) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return QueuedMessage("call_end", text, 0, world.clock.now, message_id=name).record()


def invoke(world: World, payload: Any, queue: str = "call_end", remaining: float = FUNCTION_SECONDS) -> Any:
    return world.consumers[queue](payload, lambda: remaining)


def test_one_poison_record_among_good_ones() -> None:
    world = World()
    poison = call_ended("call-2", started_at="yesterday")
    nameless = call_ended("")
    bodies = [call_ended("call-1"), "{not json", poison, nameless, call_ended("call-3")]
    records = [record(world, body, f"m{index}") for index, body in enumerate(bodies)]
    assert invoke(world, {"Records": records}) == {"batchItemFailures": []}
    held = [c["external_conversation_id"] for c in world.coval.conversations.values()]
    assert held == ["call-1", "call-3"]
    reason = Reason("invalid_input", "detail.started_at: must be an RFC 3339 time with a zone")
    assert world.store.get("call-2").notes == (reason,)
    no_id = f"detail.external_conversation_id: {ID_RULE}"
    assert world.dead == [
        ("call_end", "{not json", Reason("invalid_input", "body: must be a JSON object")),
        ("call_end", json.dumps(nameless), Reason("invalid_input", no_id)),
    ]
    assert world.events().count("INPUT_REJECTED") == 3


@pytest.mark.parametrize(
    "poison",
    [
        [],
        {"Records": []},
        {"Records": [1]},
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": None}]},
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": 1, "bucket": []}}]},
        "[" * 100_000,
        7,
    ],
    ids=lambda poison: str(poison)[:40],
)
@pytest.mark.parametrize("queue", ["call_end", "recording", "attach"])
def test_no_body_is_lost_and_none_takes_its_batch_along(poison: Any, queue: str) -> None:
    world = World()
    world.store.items.clear()
    good = put(world, wav()) if queue == "recording" else call_ended()
    records = [record(world, body, f"m{index}") for index, body in enumerate([poison, good])]
    records[0]["attributes"] = {"SentTimestamp": "abc"}
    assert invoke(world, {"Records": records}, queue) == {"batchItemFailures": []}
    assert len(world.dead) == 1
    assert list(world.store.items) == ["call-1"]


@pytest.mark.parametrize("poison", [[], {"Records": [0]}, [{"source": "a"}], None, 7])
def test_a_bare_event_that_is_none_becomes_a_dead_letter(poison: Any) -> None:
    world = World()
    assert invoke(world, poison) == {"batchItemFailures": []}
    assert [(body, reason.code) for _, body, reason in world.dead if reason] == [(json.dumps(poison), "invalid_input")]


def test_a_bug_fails_its_own_record_only() -> None:
    world = World()
    world.coval.errors.append(("submit", ZeroDivisionError(), False))
    records = [record(world, call_ended(f"call-{n}"), f"m{n}") for n in (1, 2)]
    assert invoke(world, {"Records": records}) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert [c["external_conversation_id"] for c in world.coval.conversations.values()] == ["call-2"]


def test_a_bare_event() -> None:
    world = World()
    invoke(world, call_ended())
    assert len(world.coval.conversations) == 1


def test_without_a_queue_a_failure_is_raised() -> None:
    world = World()
    world.coval.errors.append(("submit", ZeroDivisionError(), False))
    with pytest.raises(DeliveryFailedError, match=r"ZeroDivisionError at fakes\.py"):
        invoke(world, call_ended())


def test_a_classic_notification_has_an_encoded_key_and_an_event_a_literal_one() -> None:
    world, content = World(), wav()
    put(world, content, "rec/+1 555é.wav")
    classic = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-10-02T14:38:20.123Z",
        "s3": {
            "bucket": {"name": "recordings"},
            "object": {"key": "rec/%2B1+555%C3%A9.wav", "size": len(content), "eTag": "", "sequencer": "01"},
        },
    }
    invoke(world, {"Records": [classic]}, "recording")
    invoke(world, {"Event": "s3:TestEvent", "Service": "Amazon S3"}, "recording")
    literal = object_created("rec/+1 555é.wav", content)
    invoke(world, literal, "recording")
    assert list(world.store.items) == ["+1 555é"]
    assert world.dead == []


@pytest.mark.parametrize("kind", ["Object Restore Completed", "Object Deleted", "Object Tags Added", None])
def test_other_events_of_a_bucket_bring_no_recording(kind: str | None) -> None:
    world, content = World(), wav()
    put(world, content, "rec/call-1.wav")
    invoke(world, {**object_created("rec/call-1.wav", content), "detail-type": kind}, "recording")
    assert (world.store.items, world.dead, world.events()) == ({}, [], ["EVENT_SKIPPED"])


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (RetryableError("rate_limited", 120.0), 132),
        (RetryableError("connect_failed"), 33),
        (RetryableError("rate_limited", 7200.0), 3600),
        (UnknownOutcomeError("timeout"), 200),
    ],
    ids=str,
)
def test_a_busy_coval_makes_the_same_message_come_again_later(error: Exception, pause: int) -> None:
    world = World()
    world.coval.errors.append(("submit", error, False))
    world.send("call_end", call_ended())
    (message,) = world.queued
    world.deliver(message)
    assert world.queued == [message]
    assert (message.visible_at - world.clock.now, message.sent_at) == (pause, world.clock.now)
    world.run()
    assert outcome(world) == ("SUBMITTED", None, False, True)


def test_what_has_waited_for_twelve_days_becomes_a_dead_letter_with_its_reason() -> None:
    world = World()
    for _ in range(2000):
        world.coval.errors.append(("submit", RetryableError("rate_limited", 900.0), False))
    world.send("call_end", call_ended())
    world.run(hours=12.5 * 24)
    assert [(queue, reason) for queue, _, reason in world.dead] == [
        ("call_end", Reason("waited_too_long", "It has waited for 12 days: rate_limited."))
    ]
    assert (world.queues.deleted, world.queues.dropped) == ([], [])


def test_nothing_is_claimed_where_the_time_is_too_short() -> None:
    world = World()
    with pytest.raises(DeliveryFailedError, match="no_time_left"):
        invoke(world, call_ended(), remaining=34)
    assert world.store.items == {}


def test_a_rejection_by_coval_is_final_and_visible() -> None:
    world = World()
    error = PermanentError("NOT_FOUND", "Agent not found: x", "agent_id", 404)
    world.coval.errors.append(("submit", error, False))
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    world.run()
    call = world.store.get("call-1")
    assert (call.state.value, call.reason) == ("REJECTED", Reason("NOT_FOUND", "Agent not found: x"))
    assert call.recording.state.value == "REJECTED"


def test_an_object_that_is_not_ours_or_nobodys() -> None:
    world, content = World(), wav()
    invoke(world, object_created("rec/x.wav", content, bucket="foreign"), "recording")
    invoke(world, object_created("elsewhere/x.wav", content), "recording")
    put(world, content, "odd/nobody.wav")
    invoke(world, object_created("odd/nobody.wav", content), "recording")
    assert len(world.dead) == 2
    world.run()
    assert [reason.text for _, _, reason in world.dead if reason] == [
        "detail.bucket.name: is not one of the configured recording buckets",
        "detail.object.key: has none of the configured prefixes",
        (
            "detail.pending.event: no call became known under its s3_object in time (tried: key rules "
            "own_recording, own_transcript; metadata external-conversation-id; tag external_conversation_id; "
            "sidecar; aliases)"
        ),
    ]
    assert "odd/nobody.wav" in world.dead[2][1]
    assert (world.store.items, world.all_pending()) == ({}, [])


def test_the_call_by_metadata_and_by_tag() -> None:
    world, content = World(), wav()
    for key in ("odd/a.wav", "odd/b.wav"):
        put(world, content, key)
    world.bucket.metadata["odd/a.wav"] = {"external-conversation-id": "call-a"}
    world.bucket.tagging["odd/b.wav"] = {"external_conversation_id": "call-b"}
    for key in ("odd/a.wav", "odd/b.wav"):
        invoke(world, object_created(key, content), "recording")
    assert sorted(world.store.items) == ["call-a", "call-b"]


@pytest.mark.parametrize("key", ["rec/", "rec/.write_access_check_file.temp"])
def test_folders_and_probes_are_skipped(key: str) -> None:
    world = World()
    invoke(world, object_created(key, b""), "recording")
    assert (world.events(), world.store.items, world.dead) == (["RECORDING_SKIPPED"], {}, [])


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "audio_empty"), (b"OggS" + bytes(200), "audio_unreadable"), (wav(3), "audio_too_short")],
)
def test_audio_that_cannot_be_used_says_why_on_the_item(content: bytes, code: str) -> None:
    world = World()
    world.send("recording", put(world, content))
    world.run()
    recording = world.store.get("call-1").recording
    assert (recording.state.value, recording.reason.code) == ("REJECTED", code)
    assert world.coval.conversations == {}


@pytest.mark.parametrize("change", ["gone", "replaced"])
@pytest.mark.parametrize("when", ["before", "while"])
def test_an_object_that_is_gone_or_replaced(change: str, when: str) -> None:
    world = World()
    created = put(world, wav())

    def happen() -> None:
        if change == "gone":
            del world.bucket.objects["rec/call-1.wav"]
        else:
            world.bucket.objects["rec/call-1.wav"] = ("another", wav(7))

    if when == "before":
        happen()
    else:
        original = world.coval.create_upload

        def meanwhile(*arguments: Any) -> Any:
            happen()
            return original(*arguments)

        world.coval.create_upload = meanwhile
    world.send("recording", created)
    world.run()
    recording = world.store.get("call-1").recording
    assert (recording.state.value, recording.reason.code) == ("REJECTED", f"object_{change}")


def test_a_url_of_a_foreign_host_is_rejected() -> None:
    world = World()
    detail = {
        "schema_version": "1",
        "external_conversation_id": "c",
        "recording": {"uri": "https://169.254.169.254/x"},
    }
    invoke(world, event("Recording Ready", detail), "attach")
    assert world.store.get("c").notes[0].text == "detail.recording.uri: its host is not among the allowed ones"
