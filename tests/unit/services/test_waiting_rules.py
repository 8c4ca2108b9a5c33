"""The rules of waiting (docs/operations.md): each is a test that fails without it.

Rules 11, 14 and 16 are the gate's and the template's: tests/unit/adapters/test_gate.py and test_coval_client.py,
tests/template/test_queues.py and test_alarms.py; that each event source hands over one message at a time, there too.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coval_relay.adapters.aws import telemetry
from coval_relay.adapters.aws.queue_messages import to_event
from coval_relay.adapters.aws.sqs import MAX_MESSAGE_BYTES
from coval_relay.configuration.current import UNUSABLE
from coval_relay.configuration.document import Configuration
from coval_relay.domain import backoff, lifecycle
from coval_relay.domain.call import TERMINAL, Call, ConversationState, TranscriptPointer
from coval_relay.domain.errors import PermanentError, Reason, RetryableError, UnknownOutcomeError
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import Resume
from coval_relay.domain.ports import SHARDS
from coval_relay.entrypoints import aws_adapters, lambda_handler
from coval_relay.entrypoints.consumer import DeliveryFailedError
from coval_relay.services.action_runner import MAX_HOPS
from scripts import dead_letters
from scripts.send_again import reopening
from tests.support.aws_queues import LONGEST_HIDING_SECONDS, QueuedMessage
from tests.support.events import call_ended, event, wav
from tests.support.fakes import FakeCoval, InMemoryCalls
from tests.support.scenarios import outcome, put
from tests.support.world import FUNCTION_SECONDS, Executioner, Killed, World

DAY = 86_400
FOREIGN = (Path(__file__).parents[2] / "fixtures/audio/not-accepted.ogg").read_bytes()
"""What Coval does not take, and the relay converts."""
SWEEP = {"source": "coval.relay", "detail-type": "Sweep"}


@dataclass
class Down(FakeCoval):
    """A Coval that is down, or left alone for `closed` seconds, until it is mended."""

    error: Exception | None = field(default_factory=lambda: RetryableError("unavailable"))
    closed: int = 0

    def wait_turn(self) -> int:
        return self.closed

    def _fault(self, method: str, *, after: bool) -> None:
        if self.error and not after:
            raise self.error
        super()._fault(method, after=after)


@dataclass
class DeniedTable(InMemoryCalls):
    """A table that takes no writes until it is mended; `shards` were looked at, in this order."""

    denied: bool = True
    shards: list[int] = field(default_factory=list)
    broken: str = ""

    def save(self, seen: Call, call: Call) -> Call:
        if self.denied:
            raise RetryableError("table_AccessDeniedException")
        if seen.external_conversation_id == self.broken:
            raise ZeroDivisionError
        return super().save(seen, call)

    def due(self, shard: int, now: int, limit: int) -> Iterator[Call]:
        self.shards.append(shard)
        return super().due(shard, now, limit)


def sweep(world: World) -> None:
    world.consumers["attach"](SWEEP, lambda: FUNCTION_SECONDS)


def deliver(world: World, queue: str, body: Any, age: int = 0) -> QueuedMessage:
    """One message of this age, received once."""
    world.queues.send(queue, json.dumps(body), world.clock.now - age)
    message = world.queued[-1]
    world.deliver(message)
    return message


def waiting_call(world: World, call_id: str = "call-1") -> Call:
    """A call whose transcript is where it should be, and that the sweep has to bring back now."""
    world.transcript_objects.transcript_objects[f"{call_id}.json"] = json.dumps([]).encode()
    call = replace(
        Call(external_conversation_id=call_id),
        revision=1,
        state=ConversationState.WAITING,
        transcript=TranscriptPointer(
            bucket="transcripts", key=f"{call_id}.json", format="canonical_v1", stored_at=world.clock.now - DAY
        ),
        created_at=world.clock.now - DAY,
        waiting_since=world.clock.now - DAY,
        due_at=world.clock.now,
    )
    world.store.items[call_id] = call
    return call


# --- 1 to 3


def test_rule_1_what_is_put_off_tells_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(coval=Down())
    deliver(world, "call_end", call_ended(), age=5000)
    (reported,) = [fields for code, _, fields in world.telemetry if code is LogEvent.MESSAGE_WAITING]
    assert reported["age_seconds"] == 5000
    counted: dict[str, float] = {}
    monkeypatch.setattr(
        telemetry, "metrics", lambda: SimpleNamespace(add_metric=lambda **it: counted.update({it["name"]: it["value"]}))
    )
    telemetry.report(LogEvent.MESSAGE_WAITING, "call-1", **reported)
    assert counted == {"Waiting": 1, "OldestWait": 5000.0}


def test_rule_1_what_the_sweep_tries_in_vain_tells_for_how_long() -> None:
    """A late recording has no message whose age could tell."""
    world = World()
    world.send("call_end", call_ended())
    world.run(hours=1)
    world.coval.errors = [("attach", RetryableError("unavailable"), False)] * 10_000
    world.send("recording", put(world, wav()))
    world.run(hours=4)
    first, *ages = [fields.get("age_seconds") for code, _, fields in world.telemetry if code.value[2] == "Waiting"]
    assert (first, ages[:8]) == (None, [0, 60, 180, 420, 900, 1860, 3660, 5460])


Again = Callable[[World], tuple[str, Any]]
BROUGHT_BACK: dict[str, Again] = {
    "by the operator": lambda world: ("attach", reopening("call-1", world.store.get("call-1").revision)),
    "by its event": lambda world: ("recording", put(world, wav())),
}


@pytest.mark.parametrize("again", BROUGHT_BACK)
def test_rule_4_a_late_recording_that_has_ended_is_reported_and_can_be_brought_back(again: str) -> None:
    world = World()
    world.send("call_end", call_ended())
    world.run(hours=1)
    world.coval.errors = [("attach", RetryableError("unavailable"), False)] * 10_000
    world.send("recording", put(world, wav()))
    world.run(hours=24 * 14)
    assert (outcome(world), world.dead) == (("SUBMITTED", "REJECTED", False, True), [])
    assert world.events().count("RECORDING_GIVEN_UP") == 1
    world.coval.errors = []
    world.send(*BROUGHT_BACK[again](world))
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_rule_2_the_sweep_sends_only_what_it_has_written_down() -> None:
    world = World(store=DeniedTable())
    waiting_call(world)
    for _ in range(5):
        sweep(world)
        world.clock.now += 60
    assert world.queued == []
    world.store.denied = False
    for _ in range(2):
        sweep(world)
    (message,) = world.queued
    assert json.loads(message.body)["detail"]["sweep"] == 1
    assert world.store.get("call-1").due_at > world.clock.now


def test_rule_2_a_bare_invocation_never_waits() -> None:
    world = World(coval=Down())
    with pytest.raises(DeliveryFailedError):
        world.consumers["call_end"](call_ended(), lambda: FUNCTION_SECONDS)
    assert world.queued == []


def test_rule_2_one_call_that_fails_keeps_no_other_from_being_swept() -> None:
    world = World(store=DeniedTable(denied=False, broken="call-1"))
    for name in ("call-0", "call-1", "call-2"):
        waiting_call(world, name)
    sweep(world)
    assert {json.loads(one.body)["detail"]["external_conversation_id"] for one in world.queued} == {"call-0", "call-2"}
    assert "DELIVERY_FAILED" in world.events()


def test_rule_2_no_shard_is_always_the_last() -> None:
    world = World(store=DeniedTable())
    for _ in range(40):
        sweep(world)
    orders = {tuple(world.store.shards[at : at + SHARDS]) for at in range(0, 40 * SHARDS, SHARDS)}
    assert all(sorted(order) == list(range(SHARDS)) for order in orders)
    assert len({order[-1] for order in orders}) > 1


@pytest.mark.parametrize("age", [0, 800, 12 * 3600])
def test_rule_3_the_first_act_hides_the_message_for_a_crash(age: int) -> None:
    world = World(executioner=Executioner(at=2))
    message = deliver(world, "call_end", call_ended(), age)
    assert world.executioner.names == ["hide_call_end", "save"]
    hidden = FUNCTION_SECONDS + 15 + min(age // 8, 1800)
    assert (message.visible_at - world.clock.now, world.queued) == (hidden, [message])


# --- 4 to 6


@pytest.mark.parametrize("transcript", ["inline", "none", "pending", "reference"])
@pytest.mark.parametrize("with_recording", [False, True])
def test_rule_4_what_is_not_final_is_due_and_ends_visibly(transcript: str, with_recording: bool) -> None:
    """Whatever is lost of its messages, while Coval is down for a fortnight."""
    world = World(coval=Down())
    world.send("call_end", call_ended(transcript=transcript))
    if with_recording:
        world.send("recording", put(world, wav()), delay=5)
    world.run(hours=0.05)
    call = world.store.get("call-1")
    assert call.state not in TERMINAL
    assert call.due_at is not None
    world.queued.clear()
    world.run(hours=14.5 * 24)
    call = world.store.get("call-1")
    silent = transcript == "none" and not with_recording
    ended = ("WAITING", None) if silent else ("REJECTED", lifecycle.WAITED_TOO_LONG)
    if transcript in ("pending", "reference") and not with_recording:
        ended = ("REJECTED", lifecycle.TRANSCRIPT_MISSING)
    assert (call.state.value, call.reason, call.due_at) == (*ended, None)
    assert (world.dead, world.queues.deleted, world.queues.dropped) == ([], [], [])
    if ended[0] == "WAITING":
        assert "RECORDING_MISSING" in world.events()


def test_rule_4_where_a_message_waits_the_call_is_due_after_it() -> None:
    world = World(coval=Down())
    message = deliver(world, "call_end", call_ended())
    assert world.store.get("call-1").due_at > message.visible_at + 12 * DAY


def test_rule_5_at_twelve_days_it_is_sent_to_the_dead_letters_with_its_reason() -> None:
    world = World(coval=Down(error=UnknownOutcomeError("timeout")))
    deliver(world, "call_end", call_ended(), age=backoff.EXPIRY_SECONDS - 1)
    assert world.dead == []
    world = World(coval=Down())
    deliver(world, "call_end", call_ended(), age=backoff.EXPIRY_SECONDS)
    reason = Reason("waited_too_long", "It has waited for 12 days: unavailable.")
    assert world.dead == [("call_end", json.dumps(call_ended()), reason)]
    assert world.queued == []
    assert "WAITED_TOO_LONG" in world.events()


def test_rule_5_who_cannot_send_it_to_the_dead_letters_keeps_it() -> None:
    world = World(coval=Down())

    def denied(*_: Any) -> None:
        raise RetryableError("sqs_AccessDenied")

    object.__setattr__(world.consumers["call_end"], "dead_letters", denied)
    message = deliver(world, "call_end", call_ended(), age=backoff.EXPIRY_SECONDS)
    assert world.queued == [message]


def test_rule_6_a_message_of_the_sweep_waits_on_the_item_and_not_in_the_queue() -> None:
    world = World(coval=Down(closed=70))
    waiting_call(world)
    sweep(world)
    (message,) = world.queued
    world.deliver(message)
    assert world.queued == []
    assert world.store.get("call-1").due_at >= world.clock.now + 60


def test_rule_6_what_an_earlier_sweep_has_sent_is_stale() -> None:
    world = World()
    world.store.items["call-1"] = replace(waiting_call(world), sweeps=3)
    deliver(world, "call_end", to_event(Resume("call-1", sweep=2)))
    assert (world.queued, world.coval.calls, world.store.get("call-1").revision) == ([], [], 1)


def test_rule_6_the_sweep_s_pauses_outlast_the_messages_that_come_again() -> None:
    """Each time the event comes, it brings the same pointer anew: that gets the call nowhere."""
    world = World(coval=Down(closed=70))
    world.transcript_objects.transcript_objects["call-1.json"] = b"[]"
    swept: list[int] = []
    send = world.queues.send

    def sending(*arguments: Any, **named: Any) -> None:
        swept.append(world.clock.now)
        send(*arguments, **named)

    world.send("call_end", call_ended(transcript="reference"))
    world.queues.send = sending  # type: ignore[method-assign]
    world.run(hours=12)
    assert len(swept) < 40


# --- 7 to 10


@pytest.mark.parametrize(
    "body",
    [
        {"source": "coval.relay", "detail-type": "Of A Newer Version", "detail": {}},
        {"source": "coval.relay", "detail-type": "Resume", "detail": {"external_conversation_id": ["call-1"]}},
        {"source": "coval.relay", "detail-type": "Pending Expired", "detail": {"version": 2}},
    ],
    ids=["kind", "shape", "version"],
)
@pytest.mark.parametrize("queue", ["call_end", "recording", "attach"])
def test_rule_7_a_message_of_our_own_that_this_version_does_not_know_waits(body: Any, queue: str) -> None:
    world = World()
    message = deliver(world, queue, body)
    assert (world.queued, world.dead, world.store.items) == ([message], [], {})
    assert "OPERATOR_NEEDED" in world.events()


def test_rule_7_an_item_that_this_version_cannot_read_waits() -> None:
    class Newer(InMemoryCalls):
        def get(self, external_conversation_id: str) -> Call:
            raise PermanentError("item_unreadable", "The call's item in the table breaks a rule.")

        def save(self, seen: Call, call: Call) -> Call:
            return self.get("")

    world = World(store=Newer())
    for queue, body in (("call_end", call_ended()), ("recording", put(world, wav()))):
        message = deliver(world, queue, body)
        assert message in world.queued
    assert world.dead == []
    assert "OPERATOR_NEEDED" in world.events()


def counted(world: World) -> list[str]:
    """The names of what is staged from now on."""
    staged: list[str] = []
    store: Callable[..., Any] = world.staging.store

    def storing(name: str, write: Any) -> Any:
        staged.append(name)
        return store(name, write)

    world.staging.store = storing
    return staged


@pytest.mark.parametrize("first", ["recording", "call_end"])
def test_rule_8_what_was_paid_for_stands_on_the_item_before_it_is_used(first: str) -> None:
    world = World(coval=Down(error=None))
    staged = counted(world)
    if first == "call_end":
        world.send("call_end", call_ended())
        world.run(hours=0.01)
    world.coval.error = RetryableError("unavailable")
    world.send("recording", put(world, FOREIGN))
    world.send("call_end", call_ended())
    world.run(hours=24)
    assert len(staged) <= 1
    world.coval.error = None
    world.run(hours=24)
    assert outcome(world)[:2] == ("SUBMITTED", "ATTACHED")
    assert len(staged) == 1


def test_rule_8_while_coval_is_left_alone_nothing_is_paid_for() -> None:
    world = World(coval=Down(error=None, closed=100))
    staged = counted(world)
    url = "https://media.example.com/call-1.wav"
    world.urls.contents[url] = wav()
    detail = {"schema_version": "1", "external_conversation_id": "call-1", "recording": {"uri": url}}
    world.send("attach", event("Recording Ready", detail))
    world.send("recording", put(world, wav()))
    world.run(hours=3)
    assert (staged, world.urls.fetched, world.coval.calls) == ([], [], [])


def test_rule_9_a_record_is_rejected_only_where_none_of_its_events_waits() -> None:
    world = World(coval=Down())

    def notified(bucket: str, key: str, content: bytes) -> dict[str, Any]:
        item = {"key": key, "size": len(content), "eTag": "", "sequencer": "01"}
        s3 = {"bucket": {"name": bucket}, "object": item}
        return {"eventName": "ObjectCreated:Put", "eventTime": "2026-10-02T14:38:20.123Z", "s3": s3}

    put(world, wav())
    both = [notified("foreign", "rec/x.wav", b""), notified("recordings", "rec/call-1.wav", wav())]
    world.send("call_end", call_ended())
    world.run(hours=0.001)
    world.send("recording", {"Records": both})
    world.run(hours=12)
    assert world.dead == []
    world.coval.error = None
    world.run(hours=12)
    assert [reason.code for _, _, reason in world.dead if reason] == ["invalid_input"]
    assert world.store.get("call-1").recording is not None


def test_rule_10_what_kills_its_worker_five_times_is_given_up() -> None:
    world = World()
    killed: list[int] = []

    def converter(*_: Any, **__: Any) -> Any:
        killed.append(world.clock.now)
        raise Killed("native code")

    preparer: Any = world.consumers["recording"].service
    object.__setattr__(preparer.preparer, "convert", converter)
    world.send("recording", put(world, FOREIGN))
    world.run(hours=24)
    recording = world.store.get("call-1").recording
    assert len(killed) == 5
    assert (recording.state.value, recording.reason) == ("REJECTED", lifecycle.NEVER_CONVERTED)
    assert (world.queued, world.dead) == ([], [])


@pytest.mark.parametrize(
    "error", [RetryableError("s3_unreachable"), PermanentError("staging_AccessDenied", ""), IndexError()]
)
def test_rule_10_what_its_worker_survives_is_never_given_up(error: Exception) -> None:
    world = World()
    preparer: Any = world.consumers["recording"].service.preparer  # type: ignore[attr-defined]
    convert, begun = preparer.convert, list[int]()

    def down(*_: Any, **__: Any) -> Any:
        begun.append(world.clock.now)
        raise error

    object.__setattr__(preparer, "convert", down)
    world.send("recording", put(world, FOREIGN))
    world.run(hours=24)
    assert len(begun) > 20
    object.__setattr__(preparer, "convert", convert)
    world.run(hours=2)
    recording = world.store.get("call-1").recording
    assert (recording.state.value, recording.conversions, world.dead) == ("ATTACHED", 0, [])


# --- 12 to 19


def test_rule_12_no_time_left_pauses_by_the_same_policy() -> None:
    world = World()
    world.send("call_end", call_ended())
    (message,) = world.queued
    message.sent_at -= 8000
    world.queues.receive(message, world.clock.now)
    answer = world.consumers["call_end"]({"Records": [message.record()]}, lambda: 10)
    assert answer["batchItemFailures"] == [{"itemIdentifier": message.message_id}]
    assert message.visible_at == world.clock.now + 1000


@pytest.mark.parametrize("asked", [DAY, 1e9])
def test_rule_12_no_pause_is_longer_than_an_hour(asked: float) -> None:
    world = World(coval=Down(error=RetryableError("rate_limited", asked)))
    message = deliver(world, "call_end", call_ended(), age=3 * DAY)
    assert message.visible_at == world.clock.now + 3600


@pytest.mark.parametrize("age", [0, DAY, 13 * DAY])
@pytest.mark.parametrize("remaining", [1, 900])
def test_rule_12_what_is_hidden_comes_back_within_twelve_hours(age: int, remaining: int) -> None:
    longest = backoff.while_worked_on(remaining, age) + backoff.of_message(age, 1e9, 0.999)
    assert longest + remaining <= LONGEST_HIDING_SECONDS


def test_rule_12_it_is_hidden_by_this_receive_s_handle() -> None:
    world = World(coval=Down())
    message = deliver(world, "call_end", call_ended())
    world.clock.now = message.visible_at
    world.deliver(message)
    assert message.visible_at > world.clock.now
    assert "HIDE_FAILED" not in world.events()


def test_rule_12_a_change_that_failed_is_reported_and_the_message_comes_again() -> None:
    world = World(coval=Down())
    world.queues.denied = True
    message = deliver(world, "call_end", call_ended())
    reported = [fields for code, _, fields in world.telemetry if code is LogEvent.HIDE_FAILED]
    assert reported == [{"code": "sqs_AccessDenied"}] * 2
    assert world.queued == [message]


def test_rule_12_a_clock_that_is_behind_makes_no_negative_pause() -> None:
    world = World(coval=Down())
    message = deliver(world, "call_end", call_ended(), age=-5000)
    assert message.visible_at - world.clock.now in range(15, 3600)


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("asked", [20, 200, 3000])
def test_rule_13_nobody_comes_before_the_lease_has_ended(chance: float, asked: int) -> None:
    assert backoff.of_message(0, asked, chance) >= asked


@pytest.mark.parametrize("transcript", ["inline", "reference"])
def test_rule_13_no_lease_covers_a_wait(transcript: str) -> None:
    world = World(coval=Down(error=None, closed=100))
    world.transcript_objects.transcript_objects["call-1.json"] = b"[]"
    deliver(world, "call_end", call_ended(transcript=transcript))
    call = world.store.get("call-1")
    assert (call.lease, call.maybe_sent_at, world.coval.calls) == (None, 0, [])
    assert [fields["code"] for event, _, fields in world.telemetry if event is LogEvent.MESSAGE_WAITING] == [
        "circuit_open"
    ]


def test_rule_15_a_new_environment_with_a_broken_document_waits_for_the_operator() -> None:
    world = World()
    for queue, consumer in world.consumers.items():
        world.consumers[queue] = lambda_handler.waiting(consumer, RetryableError(UNUSABLE))
    message = deliver(world, "recording", put(world, wav()))
    assert (world.queued, world.store.items, world.dead) == ([message], {}, [])
    assert "OPERATOR_NEEDED" in world.events()


def test_rule_17_after_eight_hops_the_sweep_begins_a_new_chain() -> None:
    world = World()
    for hops, sent in ((MAX_HOPS - 1, 1), (MAX_HOPS, 0)):
        before = waiting_call(world)
        deliver(world, "attach", to_event(Resume("call-1", hops=hops)))
        assert [json.loads(one.body)["detail"]["hops"] for one in world.queued] == [MAX_HOPS] * sent
        world.queued.clear()
        assert (world.store.get("call-1").due_at == before.due_at) is bool(sent)
    world.clock.now += 60
    sweep(world)
    assert [json.loads(one.body)["detail"]["hops"] for one in world.queued] == [0]


@pytest.mark.parametrize("room", [0, 1000])
def test_rule_18_a_dead_letter_without_room_for_its_reason_goes_without(room: int) -> None:
    sent: list[Any] = []
    settings = SimpleNamespace(dead_letter_queue_url="dead")
    adapters: Any = aws_adapters.AwsAdapters(settings, Configuration(), lambda: 0.0)
    adapters.__dict__["_queue"] = SimpleNamespace(send=lambda *arguments: sent.append(arguments))
    body = "x" * (MAX_MESSAGE_BYTES - room)
    adapters.bury(body, Reason("invalid_input", "body: must be a JSON object"))
    ((_, kept, attributes),) = sent
    assert (kept == body, bool(attributes)) == (True, bool(room))


def test_rule_19_a_dead_letter_is_sent_again_as_a_new_message_of_its_own() -> None:
    """Its age begins anew: what SQS's own redrive moves would soon be deleted."""
    sent: list[Any] = []
    dead_letter = {
        "MessageId": "1",
        "ReceiptHandle": "handle",
        "Body": json.dumps(call_ended()),
        "Attributes": {"SentTimestamp": "0"},
        "MessageAttributes": {"reason_code": {"StringValue": "waited_too_long"}},
    }
    client: Any = SimpleNamespace(
        receive_message=lambda **_: {"Messages": [dead_letter]},
        send_message=lambda **asked: sent.append(asked),
        delete_message=lambda **asked: sent.append(asked),
        change_message_visibility=lambda **_: None,
        get_queue_attributes=lambda **asked: {"Attributes": dict.fromkeys(asked["AttributeNames"], "1")},
    )
    queue = dead_letters.Queue("call_end", "queue", "dead", "log", "table")
    list(dead_letters.send_again(client, [queue], dead_letters.Chosen()))
    assert sent == [
        {"QueueUrl": "queue", "MessageBody": dead_letter["Body"]},
        {"QueueUrl": "dead", "ReceiptHandle": "handle"},
    ]
    world = World(coval=Down())
    message = deliver(world, "call_end", call_ended())
    assert (message.sent_at, world.dead) == (world.clock.now, [])
