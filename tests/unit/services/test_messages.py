"""One message, or one decision, at a time: what a use case does then and there, before any other mends it."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from coval_relay.adapters.aws import queue_messages
from coval_relay.domain import lifecycle
from coval_relay.domain.backoff import GIVE_UP_SECONDS
from coval_relay.domain.call import (
    NO_HINTS,
    Call,
    CallEnd,
    CallFacts,
    Description,
    Lease,
    Parts,
    Recording,
    RecordingHints,
    TranscriptPointer,
)
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.call_aliases import Alias, PendingMessage, QueueName
from coval_relay.domain.coval import CIRCUIT_OPEN, Conversation
from coval_relay.domain.errors import (
    AudioFetchError,
    InvalidInputError,
    ObjectGoneError,
    ObjectReplacedError,
    PermanentError,
    Reason,
    RetryableError,
    UnknownOutcomeError,
)
from coval_relay.domain.lifecycle import WAITED_TOO_LONG, Action, Attempt, Transition
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import (
    AliasesKnown,
    CallDescribed,
    Message,
    ObjectCreated,
    PendingExpired,
    RecordingFound,
    RecordingReady,
    Resume,
    Sweep,
    UtterancesReceived,
)
from coval_relay.domain.object_key_rules import KeyRule, KeyRuleSet
from coval_relay.domain.ports import ALIAS_SHARDS, SHARDS
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.domain.submit_request import STAMP, Submit, encode
from coval_relay.domain.transcript import Transcript, Utterance
from coval_relay.services import recording_preparer, sweep, upload_recording
from coval_relay.services.action_runner import AT_COVAL, DONE, Content, EndlessCallError, Outcome
from coval_relay.services.alias_resolver import Unresolved
from coval_relay.services.attach_recording import _then_attach
from coval_relay.services.object_matcher import ObjectMatcher
from coval_relay.services.sweep import MAX_BACKLOG
from tests.support.events import TURNS, etag, wav
from tests.support.in_memory import InMemoryAliases
from tests.support.world import DEADLINES, PENDING_SECONDS, World

NOW = 1_790_951_800
MINE = Attempt("mine", NOW + 180, NOW)
TEXT = Parts(transcript=True, facts=True, recording=False)
FACTS = CallFacts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=NOW - 60)
CONTENT = wav()
VERSION = ObjectVersion("recordings", "rec/call-1.wav", etag(CONTENT), "v1")
POINTER = TranscriptPointer(bucket="transcripts", key="call-1.json", format="canonical_v1", stored_at=NOW)
REASON = Reason("code", "text")
SPOKEN = Transcript(tuple(TURNS))


def recording(state: Sound = Sound.READY, **changes: Any) -> Recording:
    made = Recording(
        identity=f"s3://recordings/{VERSION.key}#{VERSION.version_id}", sort_key="0-0000000000|1",
        created_at=NOW, state=state, version=VERSION, size=len(CONTENT),
    )  # fmt: skip
    return replace(made, **changes)


def call(state: State = State.NEW, **changes: Any) -> Call:
    made = Call(external_conversation_id="call-1", revision=1, state=state, created_at=NOW)
    return replace(made, **changes)


def world(seen: Call | None = None, **changes: Any) -> World:
    made = World(**changes)
    made.bucket.put(VERSION.key, CONTENT)
    if seen:
        made.store.items["call-1"] = seen
    return made


def hand(to: World, queue: str, message: Message, attempt: Attempt = MINE) -> Outcome:
    service: Any = to.consumers[queue].service
    outcome: Outcome = service(message, attempt)
    return outcome


def go(to: World, queue: str, transition: Transition, transcript: Transcript | None = None) -> Outcome:
    service: Any = to.consumers[queue].service
    outcome: Outcome = service.actions.run(transition, MINE, Content(transcript))
    return outcome


def queued(of: World) -> list[tuple[str, str]]:
    return [(message.queue, json.loads(message.body)["detail-type"]) for message in of.queued]


# --- what follows ------------------------------------------------------------------------------------


def test_rules_that_lead_in_a_circle_end_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the worker would go round to its timeout, and so would the next one."""
    monkeypatch.setattr(lifecycle, "next_action", lambda _: Action.CONTINUE)
    with pytest.raises(EndlessCallError):
        go(world(call()), "recording", Transition(call()))


WITHOUT_TRANSCRIPT = call(State.WAITING, call_end=CallEnd.WITHOUT_TRANSCRIPT, facts=FACTS)


TO_CALL_END, TO_ATTACH = ("call_end", "Resume"), ("attach", "Resume")
TO_UPLOAD = ("recording", "Resume")
POINTED = call(State.WAITING, transcript=POINTER)
BY_URL = replace(WITHOUT_TRANSCRIPT, recording=recording(Sound.BY_URL))
UPLOADED = replace(WITHOUT_TRANSCRIPT, recording=recording(Sound.UPLOADED, upload_id="upl"))
READY = recording()
SETTLING = recording(settling_until=NOW + 1)
DONE_WITH_READY = call(State.SUBMITTED, recording=READY)
DONE_WITH_RAW = call(State.SUBMITTED, recording=recording(needs_preparation=True))


@pytest.mark.parametrize(
    ("queue", "seen", "action", "sent", "state"),
    [
        ("recording", POINTED, Action.CONTINUE, [TO_CALL_END], State.WAITING),
        ("call_end", BY_URL, Action.CONTINUE, [TO_ATTACH], State.WAITING),
        ("recording", BY_URL, Action.CONTINUE, [], State.SUBMITTED),
        ("call_end", UPLOADED, Action.CONTINUE, [], State.SUBMITTED),
        ("call_end", DONE_WITH_RAW, Action.CONTINUE, [TO_UPLOAD], State.SUBMITTED),
        ("call_end", DONE_WITH_READY, Action.CONTINUE, [TO_ATTACH], State.SUBMITTED),
        ("call_end", DONE_WITH_READY, Action.DONE, [], State.SUBMITTED),
        (
            "call_end",
            call(State.WAITING, recording=READY),
            Action.REQUEUE_RECORDING,
            [TO_UPLOAD],
            State.WAITING,
        ),
        (
            "recording",
            replace(POINTED, recording=READY),
            Action.REQUEUE_RECORDING,
            [TO_CALL_END],
            State.WAITING,
        ),
    ],
)
def test_what_an_item_asks_for_is_done_or_handed_on(
    queue: str, seen: Call, action: Action, sent: list[tuple[str, str]], state: State
) -> None:
    played = world(seen)
    played.coval.uploads["upl"] = CONTENT
    assert go(played, queue, Transition(seen, action)) == DONE
    assert (queued(played), played.store.get("call-1").state) == (sent, state)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, ObjectGoneError().reason), (b"another", ObjectReplacedError().reason)]
)
def test_what_is_not_there_any_more_is_not_submitted_by_its_url(content: bytes | None, reason: Reason) -> None:
    played = world(BY_URL)
    played.bucket.objects.clear()
    if content:
        played.bucket.put(VERSION.key, content)
    assert go(played, "recording", Transition(BY_URL, Action.CONTINUE)) == DONE
    after = played.store.get("call-1")
    rejected = replace(READY, state=Sound.REJECTED, reason=reason, changed_at=NOW)
    assert (after.state, after.recording, after.lease) == (State.WAITING, rejected, None)
    assert played.telemetry == [(LogEvent.RECORDING_REJECTED, "call-1", {"code": reason.code})]
    assert (played.coval.calls, queued(played)) == ([], [])


def test_what_was_uploaded_goes_along_though_its_object_has_gone() -> None:
    played = world(UPLOADED)
    played.coval.uploads["upl"] = CONTENT
    played.bucket.objects.clear()
    assert go(played, "recording", Transition(UPLOADED, Action.CONTINUE)) == DONE
    (made,) = played.coval.conversations.values()
    assert (made["audio"], played.store.get("call-1").state) == (CONTENT, State.SUBMITTED)


def claimed(parts: Parts = TEXT, **changes: Any) -> Call:
    lease = Lease("mine", NOW + 180, parts)
    return call(State.SUBMITTING, lease=lease, call_end=CallEnd.WITH_TRANSCRIPT, facts=FACTS, **changes)


def test_a_text_that_its_message_has_is_left_to_it() -> None:
    played = world(claimed())
    assert go(played, "call_end", Transition(claimed(), Action.SUBMIT)) == DONE
    assert (played.store.get("call-1").state, played.coval.calls) == (State.QUEUED, [])


def test_a_recording_that_was_uploaded_after_the_claim_does_not_go_along() -> None:
    seen = claimed(recording=recording(Sound.UPLOADED, upload_id="upl"))
    played = world(seen)
    go(played, "call_end", Transition(seen, Action.SUBMIT), SPOKEN)
    (held,) = played.coval.conversations.values()
    assert (held["audio"], queued(played)) == (None, [("attach", "Resume")])


def test_a_request_that_is_too_large_without_a_text_is_rejected() -> None:
    seen = claimed(
        Parts(transcript=False, facts=True, recording=True),
        recording=recording(Sound.UPLOADED, upload_id="upl"),
    )
    played = world(seen, max_payload_bytes=50)
    go(played, "call_end", Transition(seen, Action.SUBMIT))
    after = played.store.get("call-1")
    assert (after.state, after.reason.code) == (State.REJECTED, "payload_too_large")


@pytest.mark.parametrize(("early", "state"), [(0, State.WAITING), (1, State.QUEUED)])
def test_a_missing_text_is_waited_for_to_its_deadline(early: int, state: State) -> None:
    seen = claimed(transcript=POINTER, waiting_since=NOW - DEADLINES.transcript + early)
    played = world(seen)
    go(played, "call_end", Transition(seen, Action.SUBMIT))
    assert played.store.get("call-1").state is state


def test_a_missing_text_of_a_call_without_an_end_is_waited_for_since_it_came() -> None:
    seen = replace(claimed(transcript=POINTER), call_end=CallEnd.NOT_SEEN, facts=None)
    played = world(seen)
    assert go(played, "call_end", Transition(seen, Action.SUBMIT)) == DONE
    after = played.store.get("call-1")
    assert (after.state, after.transcript, after.due_at) == (State.NEW, replace(POINTER, missing=True), NOW + 30)


def test_an_upload_that_was_used_up_by_a_submit_nobody_saw() -> None:
    seen = claimed(replace(TEXT, recording=True), recording=recording(Sound.UPLOADED, upload_id="upl"))
    played = world(seen)
    played.coval.uploads["upl"] = CONTENT
    gone = PermanentError("NOT_FOUND", "Upload not found", "upload_id", 404)
    played.coval.errors.append(("submit", gone, True))
    go(played, "call_end", Transition(seen, Action.SUBMIT), SPOKEN)
    after = played.store.get("call-1")
    assert (after.state, after.recording.state) == (State.SUBMITTED, Sound.ATTACHED)
    assert (len(played.coval.conversations), played.events()) == (1, ["CALL_ADOPTED"])


@pytest.mark.parametrize("parts", [TEXT, replace(TEXT, recording=True)])
@pytest.mark.parametrize(("known", "sound"), [(True, Sound.ATTACHED), (False, Sound.UPLOADED)])
def test_whether_an_answer_has_audio_is_asked_where_it_does_not_tell(parts: Parts, known: bool, sound: Sound) -> None:
    seen = claimed(parts, recording=recording(Sound.UPLOADED, upload_id="upl"))
    played = world(seen)
    played.coval.submit = lambda _: Conversation("conversation")
    played.coval.get = lambda name: played.coval.calls.append("get") or Conversation(name, has_audio=known)
    go(played, "call_end", Transition(seen, Action.SUBMIT), SPOKEN)
    asked = parts.recording
    assert played.coval.calls == (["get"] if asked else [])
    assert played.store.get("call-1").recording.state is (sound if asked else Sound.UPLOADED)


# --- call ends and transcripts -----------------------------------------------------------------------


def test_links_of_a_call_end_go_to_the_recordings() -> None:
    played = world()
    ready = RecordingReady(target="call-1", uri="https://a.example/b.wav", created_at=1, hints=NO_HINTS)
    assert hand(played, "call_end", ready) == DONE
    assert queued(played) == [("recording", "Recording Announced")]


UTTERANCES = (Utterance("f1", "user", "Hi.", 1.0, 2.0),)
COLLECTED = TranscriptPointer(format="utterances", stored_at=NOW, rank=-1, settling_until=NOW + 135)


@pytest.mark.parametrize(
    ("seen", "outcome", "pointer", "late"),
    [
        (call(), DONE, COLLECTED, ()),
        (call(State.QUEUED, call_end=CallEnd.WITH_TRANSCRIPT), DONE, None, ()),
        (call(State.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING), DONE, COLLECTED, ()),
        (WITHOUT_TRANSCRIPT, DONE, COLLECTED, ()),
        (call(State.SUBMITTED, sent=replace(TEXT, transcript=False)), DONE, None, ("transcript",)),
    ],
)
def test_fragments_wait_for_the_end_of_their_call(
    seen: Call, outcome: Outcome, pointer: TranscriptPointer | None, late: tuple[str, ...]
) -> None:
    played = world(seen)
    assert hand(played, "call_end", UtterancesReceived("call-1", UTTERANCES)) == outcome
    after = played.store.get("call-1")
    assert (after.transcript, after.late, played.utterances.get_all("call-1")) == (pointer, late, UTTERANCES)


def with_rules(played: World, queue: str, *rules: KeyRule) -> Any:
    """The function's own service, with these key rules only."""
    service: Any = played.consumers[queue].service
    book = KeyRuleSet(rules=rules)
    return replace(service, matcher=replace(service.matcher, key_rule_set=lambda: book))


TEXTS = KeyRule(
    name="texts", platform="acme", pattern=r"^(?P<external_conversation_id>[^/]+)\.json$", kind="transcript",
    format="vapi", hints=RecordingHints(rank=3, several=True),
)  # fmt: skip


def text_object(key: str = "call-1.json", version_id: str | None = None) -> ObjectCreated:
    version = ObjectVersion("transcripts", key, "e", version_id)
    return ObjectCreated(version=version, size=9, sort_key="1", created_at=NOW)


@pytest.mark.parametrize(("several", "settling_until"), [(True, NOW + 60), (False, 0)])
def test_a_transcript_object_becomes_a_pointer(several: bool, settling_until: int) -> None:
    played = world()
    rule = replace(TEXTS, hints=replace(TEXTS.hints, several=several))
    assert with_rules(played, "call_end", rule)(text_object(), MINE) == DONE
    assert played.store.get("call-1").transcript == TranscriptPointer(
        bucket="transcripts",
        key="call-1.json",
        format="vapi",
        stored_at=NOW,
        rank=3,
        settling_until=settling_until,
    )


def test_an_object_that_is_no_transcript_is_passed_over() -> None:
    played = world()
    outcome = with_rules(played, "call_end", replace(TEXTS, kind="recording"))(text_object(), MINE)
    assert (outcome, [(e.name, f) for e, _, f in played.telemetry]) == (
        DONE,
        [("OBJECT_SKIPPED", {"code": "is_a_recording"})],
    )


LEGS = KeyRule(
    name="legs", platform="acme", pattern=r"^(?P<alias>[^/]+)\.json$", alias_type="leg", kind="transcript"
)  # fmt: skip


@pytest.mark.parametrize(("version_id", "mark"), [(None, "e"), ("v1", "v1")])
def test_a_transcript_under_another_name_is_pending_until_its_end(version_id: str | None, mark: str) -> None:
    played, created = world(), text_object("L1.json", version_id)
    serve = with_rules(played, "call_end", LEGS)
    assert serve(created, MINE) == DONE
    (pending,) = played.aliases.waiting(Alias("leg", "L1"))
    identity = f"transcripts/L1.json#{mark}"
    assert (pending.identity, pending.queue) == (identity, "call_end")
    assert queue_messages.from_text(pending.event) == created
    with pytest.raises(InvalidInputError) as caught:
        serve(PendingExpired(Alias("leg", "L1"), pending), MINE)
    assert caught.value.field == "detail.pending.event"
    assert caught.value.rule.startswith("no call became known under its leg, s3_object in time (tried: key rules")
    assert played.aliases.waiting(Alias("leg", "L1")) == ()


def test_a_transcript_whose_call_became_known_after_all() -> None:
    played = world()
    serve = with_rules(played, "call_end", LEGS)
    serve(text_object("L1.json"), MINE)
    (pending,) = played.aliases.waiting(Alias("leg", "L1"))
    played.aliases.bind(Alias("leg", "L1"), "call-1")
    assert serve(PendingExpired(Alias("leg", "L1"), pending), MINE) == DONE
    assert played.store.get("call-1").transcript is not None
    assert played.aliases.waiting(Alias("leg", "L1")) == ()


@pytest.mark.parametrize("queue", ["call_end", "recording"])
def test_a_message_that_cannot_have_waited(queue: str) -> None:
    pending = PendingMessage("x", "call_end", queue_messages.to_text(Sweep()), NOW)
    with pytest.raises(InvalidInputError) as caught:
        hand(world(), queue, PendingExpired(Alias("leg", "L1"), pending))
    assert caught.value == InvalidInputError("detail.pending.event", "is not one that this function takes")


# --- other names -------------------------------------------------------------------------------------


def test_every_name_is_bound_whatever_becomes_of_the_one_before() -> None:
    played = world()
    own, taken, last = Alias("room", "R1"), Alias("leg", "L1"), Alias("leg", "L2")
    played.aliases.bind(taken, "call-2")
    hand(played, "call_end", AliasesKnown(target=own.key, aliases=(own, taken, last)))
    bound = [played.aliases.target(alias) for alias in (own, taken, last)]
    assert bound == [None, "call-2", own.key]


def test_what_waits_under_a_name_that_two_calls_claim_ends_once() -> None:
    played, room, second = world(), Alias("room_at", "r@2026-10-02T14:31"), Alias("room_at", "r@2026-10-02T14:31:07")
    ready = RecordingReady(target=second.key, uri="https://media.example.com/a.wav", created_at=NOW)
    pending = PendingMessage("x", "recording", queue_messages.to_text(ready), NOW)
    played.aliases.bind(room, "call-1")
    played.aliases.add_pending(second, pending)
    hand(played, "call_end", AliasesKnown(target="call-2", aliases=(room,)))
    with pytest.raises(InvalidInputError) as caught:
        hand(played, "recording", PendingExpired(second, pending))
    assert caught.value.rule.startswith("room_at is ambiguous: two calls claim the room in this second")
    assert played.aliases.waiting(second) == ()


def test_what_is_given_up_waits_under_none_of_its_names() -> None:
    played = world()
    names: Any = played.consumers["call_end"].service.resolver  # type: ignore[attr-defined]
    found = names.resolve((Alias("leg", "L1"), Alias("room", "R1")), "x", "call_end", Sweep())
    assert isinstance(found, Unresolved)
    with pytest.raises(InvalidInputError) as caught:
        names.give_up(found, "nothing")
    rule = "no call became known under its leg, room in time (nothing)"
    assert caught.value == InvalidInputError("detail.pending.event", rule)
    assert played.all_pending() == []


def test_what_is_named_as_its_waiting_ends_goes_on() -> None:
    played = world()
    names: Any = played.consumers["call_end"].service.resolver  # type: ignore[attr-defined]
    leg, room = Alias("leg", "L1"), Alias("room", "R1")
    found = names.resolve((leg, room), "x", "call_end", Sweep())
    played.aliases.bind(leg, "call-1")
    names.give_up(found, "nothing")
    assert (played.aliases.waiting(leg), played.aliases.waiting(room)) == ((), ())


class NamedAsTheWaitingEnds(InMemoryAliases):
    """A call's end comes between the last look at a name and its removal."""

    def expire(self, alias: Alias, pending: PendingMessage) -> str | None:
        self.bind(alias, "call-1")
        return super().expire(alias, pending)


@pytest.mark.parametrize("queue", ["call_end", "recording"])
def test_an_alias_that_comes_as_the_waiting_ends_makes_no_dead_letter(queue: str) -> None:
    played = world(aliases=NamedAsTheWaitingEnds())
    played.bucket.put("odd/L1.json", CONTENT)
    bucket = "transcripts" if queue == "call_end" else "recordings"
    created = replace(text_object("odd/L1.json"), version=ObjectVersion(bucket, "odd/L1.json", etag(CONTENT)))
    kind: Any = bucket.removesuffix("s")
    serve = with_rules(played, queue, replace(LEGS, kind=kind, pattern=r"^odd/(?P<alias>[^/]+)\.json$"))
    assert serve(created, MINE) == DONE
    (pending,) = played.aliases.waiting(Alias("leg", "L1"))
    assert serve(PendingExpired(Alias("leg", "L1"), pending), MINE) == DONE
    assert queued(played) == []
    after = played.store.get("call-1")
    assert (after.transcript is not None, after.recording is not None) == (queue == "call_end", queue == "recording")


def test_a_sidecar_s_place_is_made_of_the_groups_that_matched() -> None:
    rule = KeyRule(
        name="own", platform="acme", sidecar="{external_conversation_id}{more}.json",
        pattern=r"^rec/(?P<external_conversation_id>[^/]+?)(?P<more>-x)?\.wav$",
    )  # fmt: skip
    book = KeyRuleSet(rules=(rule,), sidecar_hints={"acme": lambda content, _: RecordingHints(rank=int(str(content)))})
    played = world()
    played.bucket.put("call-1.json", b"4")
    owner = ObjectMatcher(
        kind="recording", key_rule_set=lambda: book, buckets=("recordings",), prefixes=("",),
        clock=played.clock,
        source=played.bucket,
    )  # fmt: skip
    found: Any = owner.match(ObjectCreated(version=VERSION, size=1, sort_key="1", created_at=NOW))
    assert found.hints == RecordingHints(rank=4)


# --- recordings --------------------------------------------------------------------------------------

ODD = ObjectCreated(version=replace(VERSION, key="odd/one.wav"), size=9, sort_key="1", created_at=NOW)


def test_an_object_that_is_gone_before_its_call_is_known() -> None:
    played = world()
    assert hand(played, "recording", ODD) == DONE
    pending = PendingMessage("x", "recording", queue_messages.to_text(ODD), NOW)
    alias = Alias("s3_object", "recordings/odd/one.wav")
    played.aliases.add_pending(alias, pending)
    assert hand(played, "recording", PendingExpired(alias, pending)) == DONE
    assert played.aliases.waiting(alias) == ()
    skipped = ("RECORDING_SKIPPED", {"code": "gone_before_its_call_was_known"})
    assert [(e.name, f) for e, _, f in played.telemetry] == [skipped, skipped]


def test_a_link_under_another_name_is_pending_and_found_after_all() -> None:
    played = world()
    room = Alias("room", "R1")
    ready = RecordingReady(target=room.key, uri="https://a.example/b.wav?x=1", created_at=NOW, hints=NO_HINTS)
    assert hand(played, "recording", ready) == DONE
    (pending,) = played.aliases.waiting(room)
    assert (pending.identity, pending.queue) == ("https://a.example/b.wav?x=1", "recording")
    other = replace(pending, identity="y")
    played.aliases.add_pending(room, other)
    played.aliases.bind(room, "call-1")
    played.urls.contents[ready.uri] = CONTENT
    assert hand(played, "recording", PendingExpired(room, other)) == DONE
    assert played.aliases.waiting(room) == (pending,)
    assert played.store.get("call-1").recording.state is Sound.UPLOADED


def test_a_link_that_waited_in_vain_is_given_up_under_its_own_identity() -> None:
    played = world()
    room = Alias("room", "R1")
    ready = RecordingReady(target=room.key, uri="https://a.example/b.wav", created_at=NOW, hints=NO_HINTS)
    pending = PendingMessage("x", "recording", queue_messages.to_text(ready), NOW)
    played.aliases.add_pending(room, pending)
    with pytest.raises(InvalidInputError) as caught:
        hand(played, "recording", PendingExpired(room, pending))
    assert caught.value.rule.startswith("no call became known under its room in time")
    assert played.all_pending() == []
    assert played.telemetry == [(LogEvent.MESSAGE_PENDING, "", {"queue": "recording"})]


def test_an_object_of_a_foreign_bucket_is_not_even_looked_at() -> None:
    played = world()
    ready = RecordingReady(target="call-1", uri="s3://foreign/rec/call-1.wav", created_at=NOW, hints=NO_HINTS)
    with pytest.raises(InvalidInputError) as caught:
        hand(played, "recording", ready)
    rule = "is not one of the configured recording buckets"
    assert caught.value == InvalidInputError("detail.recording.uri", rule, "call-1")


# --- attaching, and the audit ------------------------------------------------------------------------


def submitted(**changes: Any) -> Call:
    return call(State.SUBMITTED, conversation_id="ours", sent=TEXT, submitted_at=NOW - 1000, **changes)


@pytest.mark.parametrize("action", sorted(AT_COVAL))
@pytest.mark.parametrize("queue", ["call_end", "recording", "attach"])
def test_what_asks_coval_waits_while_coval_is_left_alone(queue: str, action: Action) -> None:
    seen = submitted(recording=recording())
    played = world(seen)
    service: Any = played.consumers[queue].service
    outcome = service.actions.run(Transition(seen, action), replace(MINE, closed_until=NOW + 70), Content())
    assert (outcome.until, outcome.code, outcome.call) == (NOW + 70, CIRCUIT_OPEN, seen)
    assert (played.queued, played.coval.calls) == ([], [])


@pytest.mark.parametrize("action", [Action.AUDIT, Action.WAIT, Action.DONE])
def test_only_what_follows_is_attached_at_once(action: Action) -> None:
    given = Transition(submitted(recording=recording()), action, 7)
    assert _then_attach(given, MINE) == given


def test_what_can_be_attached_is_locked_in_the_same_write() -> None:
    arrived = Transition(submitted(recording=recording()), Action.CONTINUE)
    locked = replace(recording(), state=Sound.ATTACHING, changed_at=NOW)
    assert _then_attach(arrived, MINE) == Transition(submitted(recording=locked), Action.ATTACH)


def test_an_attach_that_is_due_is_locked_and_made() -> None:
    played = world(submitted(recording=recording()))
    played.coval.conversations["ours"] = held("ours")["ours"]
    assert go(played, "attach", Transition(played.store.get("call-1"), Action.START_ATTACH)) == DONE
    assert played.coval.calls == ["attach"]
    assert played.store.get("call-1").recording_state is Sound.ATTACHED


def test_what_s3_denies_is_for_the_operator() -> None:
    played = world(submitted(recording=recording()))

    def deny(_: ObjectVersion) -> Any:
        raise PermanentError("s3_access_denied", "The function lacks a permission.")

    played.bucket.head = deny
    with pytest.raises(PermanentError) as caught:
        hand(played, "attach", Resume("call-1"))
    assert caught.value == PermanentError("s3_access_denied", "The function lacks a permission.")


def held(*names: str) -> Mapping[str, dict[str, Any]]:
    """Names in capitals are of somebody else."""
    common: dict[str, Any] = {"external_conversation_id": "call-1", "audio": None}
    return {
        name: {**common, "created": number, "metadata": {} if name.isupper() else {STAMP: "transcript facts"}}
        for number, name in enumerate(names)
    }


@pytest.mark.parametrize(
    ("found", "left", "calls"),
    [
        (("ours",), ["ours"], ["find"]),
        (("ours", "b"), ["ours"], ["find", "delete", "find"]),
        (("a", "ours"), ["ours"], ["find", "delete", "find"]),
        (("a", "b", "ours"), ["ours"], ["find", "get", "delete", "find", "delete", "find"]),
        (("a",), ["a"], ["find", "get"]),
        (("ours", "THEIRS"), ["ours", "THEIRS"], ["find"]),
        ((), [], ["find"]),
    ],
)
def test_the_audit_leaves_ours_and_what_is_not_for_us(
    found: tuple[str, ...], left: list[str], calls: list[str]
) -> None:
    played = world(submitted(maybe_sent_at=7))
    played.coval.conversations.update(held(*found))
    assert hand(played, "attach", Resume("call-1")) == DONE
    assert (list(played.coval.conversations), played.coval.calls) == (left, calls)
    assert played.store.get("call-1").audited_at == NOW


def test_the_audit_leaves_others_where_ours_was_deleted_in_coval() -> None:
    played = world(submitted(maybe_sent_at=7))
    played.coval.conversations.update(held("a", "b"))
    played.coval.get = lambda name: Conversation(name, status="DELETED")
    hand(played, "attach", Resume("call-1"))
    assert list(played.coval.conversations) == ["a", "b"]


@pytest.mark.parametrize("state", [State.NEW, State.QUEUED, State.REJECTED])
def test_the_audit_of_a_call_that_was_given_up_adopts_what_landed_late(state: State) -> None:
    played = world(call(state, maybe_sent_at=NOW - 1000))
    played.coval.conversations.update(held("late"))
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.get("call-1")
    assert (after.state, after.conversation_id, after.submitted_at) == (State.SUBMITTED, "late", NOW)
    assert played.coval.calls == ["find"]


@pytest.mark.parametrize("state", [State.NEW, State.REJECTED, State.FILTERED])
def test_an_audit_that_finds_nothing_is_the_last_one(state: State) -> None:
    played = world(call(state, maybe_sent_at=NOW - 1000))
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.get("call-1")
    assert (after.state, after.audited_at, after.due_at) == (state, NOW, None)


def test_of_a_simulation_nothing_stays_in_coval() -> None:
    played = world(call(State.FILTERED, maybe_sent_at=NOW - 1000))
    played.coval.conversations.update(held("a", "b"))
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.get("call-1")
    assert (after.state, after.conversation_id, after.audited_at) == (State.FILTERED, None, NOW)
    assert list(played.coval.conversations) == []


def test_what_somebody_else_has_submitted_of_a_simulation_stays() -> None:
    played = world(call(State.FILTERED, maybe_sent_at=NOW - 1000))
    played.coval.conversations.update(held("THEIRS", "a"))
    hand(played, "attach", Resume("call-1"))
    assert list(played.coval.conversations) == ["THEIRS"]


def test_the_sweep_audits_and_leaves_what_follows_to_the_next_one() -> None:
    """Handed over at once it could join a long queue, where the sweep would look for no message of its own."""
    played = world(call(State.WAITING, transcript=POINTER, maybe_sent_at=NOW - 1000, due_at=NOW - 1))
    hand(played, "attach", Sweep())
    assert (queued(played), played.coval.calls) == ([], ["find"])
    assert (played.store.get("call-1").audited_at, played.store.get("call-1").due_at) == (NOW, NOW + 5)
    played.clock.now += 60
    hand(played, "attach", Sweep(), replace(MINE, now=NOW + 60))
    assert (queued(played), played.coval.calls) == ([("call_end", "Resume")], ["find"])


@pytest.mark.parametrize(("has_audio", "left"), [(True, Sound.ATTACHED), (False, Sound.REJECTED)])
def test_the_last_look_tells_what_became_of_a_recording(has_audio: bool, left: Sound) -> None:
    abandoned = recording(Sound.ATTACHING, reason=REASON, maybe_attached=True)
    played = world(submitted(recording=abandoned))
    conversation = {**held("ours")["ours"], "audio": "audio" if has_audio else None}
    played.coval.conversations["ours"] = conversation
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.get("call-1").recording
    assert after is not None
    assert (after.state, after.reason, after.changed_at) == (left, None if has_audio else REASON, NOW)
    assert played.coval.calls == ["get"]


@pytest.mark.parametrize(
    "error", [UnknownOutcomeError("timeout"), PermanentError("ALREADY_EXISTS", "Being attached.", None, 409)]
)
def test_an_attach_that_may_have_worked_is_tried_again(error: UnknownOutcomeError | PermanentError) -> None:
    played = world(submitted(recording=recording()))
    played.coval.conversations.update(held("ours"))
    played.coval.errors.append(("attach", error, False))
    assert hand(played, "attach", Resume("call-1")) == DONE
    assert played.store.get("call-1").due_at == NOW + 30
    assert played.telemetry == [(LogEvent.MESSAGE_WAITING, "call-1", {"code": error.code, "age_seconds": 0})]


@pytest.mark.parametrize("status", [404, 409])
def test_an_attach_that_stays_unclear_is_told_with_its_age_and_rests_longer_each_time(status: int) -> None:
    attaching = recording(Sound.ATTACHING, changed_at=NOW - 900)
    played = world(submitted(recording=attaching, sweeps=5))
    played.coval.conversations.update(held("ours"))
    played.coval.errors.append(("attach", PermanentError("CODE", "No.", None, status), False))
    assert hand(played, "attach", Resume("call-1", sweep=5)) == DONE
    assert played.store.get("call-1").due_at == NOW + 480
    assert played.telemetry == [(LogEvent.MESSAGE_WAITING, "call-1", {"code": "CODE", "age_seconds": 900})]


HELD_UP = replace(MINE, lease_until=NOW)
"""An attempt whose lease ends now: another worker may have taken over."""


def test_who_was_held_up_submits_nothing() -> None:
    lease = Lease(HELD_UP.token, HELD_UP.lease_until, TEXT)
    played = world(call(State.SUBMITTING, lease=lease, facts=FACTS, call_end=CallEnd.WITH_TRANSCRIPT))
    service: Any = played.consumers["call_end"].service
    claimed = Transition(played.store.get("call-1"), Action.SUBMIT)
    assert service.actions.run(claimed, HELD_UP, Content(SPOKEN)) == Outcome(NOW + 30)
    assert played.coval.calls == []


def test_who_was_held_up_attaches_nothing() -> None:
    played = world(submitted(recording=recording()))
    service: Any = played.consumers["attach"].service
    assert service(Resume("call-1"), HELD_UP) == DONE
    assert played.coval.calls == []
    assert played.store.get("call-1").recording_state is Sound.ATTACHING
    assert played.telemetry == [(LogEvent.MESSAGE_WAITING, "call-1", {"code": "no_time_left", "age_seconds": 0})]


@pytest.mark.parametrize("listed", [True, False])
def test_the_audit_adopts_a_late_submit_with_its_recording(listed: bool) -> None:
    sound = recording(Sound.REJECTED, reason=Reason("gone", "Gone."))
    seen = replace(WITHOUT_TRANSCRIPT, recording=sound, maybe_sent_at=NOW - 600)
    late = Submit(external_conversation_id="call-1", facts=FACTS, recording=sound.identity, upload_id="upl")
    sent = json.loads(encode(late, limit=9000, policy="reject").body)
    played = world(seen)
    played.coval.conversations["late"] = {**sent, "audio": CONTENT, "created": 1}
    if not listed:  # a list may leave open whether there is audio
        late_one = played.coval.get("late")
        played.coval.find = lambda _: [replace(late_one, has_audio=None)]
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.get("call-1")
    assert (after.state, after.conversation_id) == (State.SUBMITTED, "late")
    assert after.sent == Parts(transcript=False, facts=True, recording=True)
    assert after.recording == replace(sound, state=Sound.ATTACHED, reason=None, changed_at=NOW)
    assert played.telemetry == [(LogEvent.CALL_ADOPTED, "call-1", {"audio": "ours"})]


TWELVE_DAYS = 12 * 86_400


@pytest.mark.parametrize("failing_for", [0, 599, 600, TWELVE_DAYS - 1, TWELVE_DAYS])
def test_an_attach_whose_url_cannot_be_fetched_is_tried_for_12_days_and_soon_told(failing_for: int) -> None:
    rejected = failing_for == TWELVE_DAYS
    played = world(submitted(recording=recording(Sound.BY_URL, fetch_failing_since=NOW - failing_for)))
    played.coval.errors.append(("attach", AudioFetchError("Audio URL not found (404)"), False))
    assert hand(played, "attach", Resume("call-1")) == DONE
    reported = [not_fetched(failing_for)]
    rejection: list[Any] = [(LogEvent.RECORDING_REJECTED, "call-1", {"code": "audio_fetch_failed"})]
    assert played.telemetry == (reported + rejection if rejected else reported)
    after = played.store.get("call-1")
    assert after.recording_state is (Sound.REJECTED if rejected else Sound.ATTACHING)
    assert after.due_at == (None if rejected else NOW + min(max(failing_for // 8, 60), 1800))


def not_fetched(failing_for: int) -> Any:
    if failing_for < 600:
        return (LogEvent.RECORDING_NOT_FETCHED, "call-1", {})
    return (LogEvent.OPERATOR_NEEDED, "call-1", {"code": "audio_fetch_failed", "age_seconds": failing_for})


def test_the_sweep_counts_on_the_item() -> None:
    played = world(replace(WITHOUT_TRANSCRIPT, waiting_since=NOW - 90_000, due_at=NOW - 1))
    hand(played, "attach", Sweep())
    assert played.store.get("call-1").sweeps == 1


# --- the sweep ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "sent"),
    [
        (call(recording=READY), [TO_UPLOAD]),
        (call(State.WAITING, recording=READY), [TO_UPLOAD]),
        (call(State.QUEUED, recording=READY), [TO_UPLOAD]),
        (call(State.QUEUED, recording=SETTLING), []),
        (call(State.SUBMITTED, recording=recording(needs_preparation=True)), [TO_UPLOAD]),
        (POINTED, [TO_CALL_END]),
        (replace(POINTED, recording=READY), [TO_CALL_END]),
        (replace(POINTED, recording=READY, held_until=NOW + 1), [TO_UPLOAD]),
        (replace(POINTED, recording=READY, transcript=replace(POINTER, settling_until=NOW + 1)), [TO_UPLOAD]),
        (replace(POINTED, recording=SETTLING, held_until=NOW + 1), [TO_CALL_END]),
        (call(transcript=POINTER, recording=READY), [TO_UPLOAD]),
        (call(transcript=replace(POINTER, stored_at=NOW - DEADLINES.transcript), recording=READY), [TO_CALL_END]),
        (call(transcript=POINTER, recording=recording(Sound.UPLOADED)), [TO_CALL_END]),
    ],
)
def test_the_sweep_sends_on_what_is_due(seen: Call, sent: list[tuple[str, str]]) -> None:
    played = world(replace(seen, due_at=NOW))
    hand(played, "attach", Sweep())
    assert queued(played) == sent
    assert played.telemetry == [(LogEvent.SWEEP_DONE, "", {"count": 1})]


def test_the_sweep_leaves_what_is_not_due() -> None:
    played = world(replace(POINTED, due_at=NOW + 1))
    hand(played, "attach", Sweep())
    assert (queued(played), played.telemetry) == ([], [(LogEvent.SWEEP_DONE, "", {"count": 0})])


@pytest.mark.parametrize(("waiting", "sent"), [(0, 2), (MAX_BACKLOG, 2), (MAX_BACKLOG + 1, 0)])
def test_the_sweep_adds_nothing_to_a_long_queue(waiting: int, sent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not sent is due again for the next sweep, however late this one came to it: nothing was tried."""
    played = world(replace(POINTED, due_at=NOW, sweeps=1))
    played.store.items["call-2"] = replace(POINTED, external_conversation_id="call-2", due_at=NOW, sweeps=1)
    asked: list[str] = []

    def backlog(queue: str, _: int) -> int:
        asked.append(queue)
        return waiting

    monkeypatch.setattr(played.queues, "backlog", backlog)
    hand(played, "attach", Sweep())
    assert (len(played.queued), asked) == (sent, ["call_end"])
    left = (2, NOW + DEADLINES.resume) if sent else (1, NOW + 45)
    assert [(one.sweeps, one.due_at) for one in played.store.items.values()] == [left, left]


def test_a_sweep_sends_so_many_messages_to_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    played = world(replace(POINTED, due_at=NOW))
    played.store.items["call-2"] = replace(POINTED, external_conversation_id="call-2", due_at=NOW)
    monkeypatch.setattr(sweep, "MAX_SENT", 1)
    hand(played, "attach", Sweep())
    assert len(played.queued) == 1


@pytest.mark.parametrize(("waiting", "sent"), [(MAX_BACKLOG, 1), (MAX_BACKLOG + 1, 0)])
def test_nor_does_it_end_there_what_waits_under_an_alias(
    waiting: int, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = world()
    pending = PendingMessage("x", "recording", "{}", NOW - PENDING_SECONDS)
    played.aliases.add_pending(Alias("leg", "L1"), pending)
    monkeypatch.setattr(played.queues, "backlog", lambda *_: waiting)
    hand(played, "attach", Sweep())
    assert (len(played.queued), played.aliases.waiting(Alias("leg", "L1"))) == (sent, (pending,))
    assert played.aliases.moments() == [NOW + 1800]


def test_a_backlog_that_may_not_be_seen_keeps_nothing_else_from_being_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    played = world(replace(POINTED, due_at=NOW))
    missed = replace(submitted(due_at=NOW), external_conversation_id="call-2", facts=FACTS)
    played.store.items["call-2"] = missed

    def denied(*_: Any) -> int:
        raise RetryableError("sqs_AccessDenied")

    monkeypatch.setattr(played.queues, "backlog", denied)
    hand(played, "attach", Sweep())
    assert played.queued == []
    assert (LogEvent.OPERATOR_NEEDED, "call-1", {"code": "sqs_AccessDenied", "age_seconds": 0}) in played.telemetry
    assert (LogEvent.SWEEP_DONE, "", {"count": 1}) in played.telemetry


QUEUES: tuple[QueueName, ...] = ("call_end", "recording")


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize(("waited", "ends"), [(PENDING_SECONDS, True), (PENDING_SECONDS - 1, False)])
def test_what_waits_under_a_name_comes_to_its_end_once(queue: QueueName, waited: int, ends: bool) -> None:
    played = world()
    for value in ("L1", "L2"):
        played.aliases.add_pending(Alias("leg", value), PendingMessage("x", queue, "{}", NOW - waited))
    hand(played, "attach", Sweep())
    assert queued(played) == ([(queue, "Pending Expired")] if ends else [])
    assert played.telemetry == [(LogEvent.SWEEP_DONE, "", {"count": 2 if ends else 0})]
    assert len(played.all_pending()) == 2


def test_what_waits_under_a_bound_name_is_sent_on() -> None:
    played = world()
    leg = Alias("leg", "L1")
    played.aliases.add_pending(
        leg, PendingMessage("x", "recording", '{"detail-type": "Any"}', NOW - 2 * PENDING_SECONDS)
    )
    played.aliases.bind(leg, "call-1")
    hand(played, "attach", Sweep())
    assert (queued(played), played.all_pending()) == ([("recording", "Any")], [])


def test_an_alias_that_cannot_be_read_is_reported_after_all_others_were_swept() -> None:
    played = world(replace(POINTED, due_at=NOW))
    broken = PermanentError("item_unreadable", "reason")

    def unreadable(shard: int, *_: int) -> Any:
        if shard == ALIAS_SHARDS[0]:
            raise broken
        return iter(())

    played.aliases.due = unreadable
    with pytest.raises(PermanentError) as caught:
        hand(played, "attach", Sweep())
    assert (caught.value, queued(played)) == (broken, [TO_CALL_END])


# --- uploads -----------------------------------------------------------------------------------------

CREATED = ObjectCreated(version=VERSION, size=len(CONTENT), sort_key="1", created_at=NOW)
FOUND = RecordingFound(external_conversation_id="call-1", created=CREATED, created_at=NOW, hints=NO_HINTS)
NOISE = b"OggS" + bytes(2000)
STEREO = wav(channels=2)


@pytest.mark.parametrize(
    ("content", "seen", "copies", "expected"),
    [
        (NOISE, submitted(), 0, (Sound.REJECTED, True)),
        (NOISE, submitted(recording=recording(Sound.ATTACHED)), 0, None),
        (STEREO, submitted(facts=replace(FACTS, agent_channel=1)), 1, (Sound.READY, False)),
        (STEREO, submitted(facts=replace(FACTS, agent_channel=1), recording=recording(Sound.ATTACHED)), 0, None),
    ],
)  # fmt: skip
def test_a_recording_after_the_submit_is_prepared_where_it_is_wanted(
    content: bytes, seen: Call, copies: int, expected: tuple[Sound, bool] | None
) -> None:
    played = world(seen)
    played.bucket.put(VERSION.key, content)
    created = replace(CREATED, version=replace(VERSION, etag=etag(content)), size=len(content))
    assert hand(played, "recording", created) == DONE
    after = played.store.get("call-1")
    left = after.recording if after.recording_state is not Sound.ATTACHED else None
    assert (queued(played), played.staging.serial) == ([TO_ATTACH] if copies else [], copies)
    assert (left and (left.state, left.needs_preparation)) == expected


@pytest.mark.parametrize(("more", "sound"), [(0, Sound.UPLOADED), (-1, Sound.BY_URL)])
def test_what_is_too_large_after_preparing_is_linked(monkeypatch: pytest.MonkeyPatch, more: int, sound: Sound) -> None:
    monkeypatch.setattr(recording_preparer, "MAX_UPLOAD_BYTES", len(CONTENT) + more)
    played = world()
    assert hand(played, "recording", CREATED) == DONE
    assert played.store.get("call-1").recording.state is sound
    assert played.coval.calls == (["create_upload", "put_audio"] if more == 0 else [])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ObjectGoneError(), ObjectGoneError().reason),
        (ObjectReplacedError(), ObjectReplacedError().reason),
        (PermanentError("CODE", "Bad.", None, 400), Reason("CODE", "Bad.")),
    ],
)
def test_a_recording_that_fails_while_it_is_sent(error: Exception, reason: Reason) -> None:
    played = world()
    played.coval.errors.append(("put_audio", error, False))
    assert hand(played, "recording", CREATED) == DONE
    after = played.store.get("call-1").recording
    assert (after.state, after.reason) == (Sound.REJECTED, reason)


def test_what_s3_denies_of_an_upload_is_for_the_operator() -> None:
    played = world()
    denied = PermanentError("s3_access_denied", "The function lacks a permission.")
    played.coval.errors.append(("put_audio", denied, False))
    with pytest.raises(PermanentError) as caught:
        hand(played, "recording", CREATED)
    assert caught.value == denied
    assert played.store.get("call-1").recording.state is Sound.READY


@pytest.mark.parametrize(
    ("hint", "held", "of_call", "side"),
    [
        (0, recording(agent_channel=1), 0, 1),
        (0, None, 1, 0),
        (None, recording(agent_channel=1), None, 1),
        (None, recording(agent_channel=1), 0, 1),
        (None, recording(agent_channel=1, identity="another"), None, None),
        (None, recording(), 1, 1),
        (None, None, 1, 1),
        (None, None, None, None),
    ],
)
def test_the_agents_side(hint: int | None, held: Recording | None, of_call: int | None, side: int | None) -> None:
    seen = call(State.WAITING, facts=replace(FACTS, agent_channel=of_call), recording=held)
    found = replace(FOUND, hints=RecordingHints(agent_channel=hint))
    assert upload_recording._recording(found, seen).agent_channel == side


@pytest.mark.parametrize("queue", ["attach", "call_end"])
@pytest.mark.parametrize(("since", "reported"), [(NOW - GIVE_UP_SECONDS, True), (NOW - GIVE_UP_SECONDS + 1, False)])
def test_a_call_that_is_given_up_is_reported(since: int, reported: bool, queue: QueueName) -> None:
    played = world(replace(WITHOUT_TRANSCRIPT, created_at=since, waiting_since=since, recording_missed_at=since))
    assert hand(played, queue, Resume("call-1")) == DONE
    assert played.telemetry == ([(LogEvent.CALL_GIVEN_UP, "call-1", {})] if reported else [])


@pytest.mark.parametrize(("since", "reported"), [(NOW - GIVE_UP_SECONDS, True), (NOW - GIVE_UP_SECONDS + 1, False)])
def test_a_recording_that_is_given_up_is_reported(since: int, reported: bool) -> None:
    late = submitted(recording=recording(Sound.ATTACHING, changed_at=since))
    played = world(late)
    hand(played, "attach", Resume("call-1"))
    events = [event for event, _, _ in played.telemetry]
    assert (LogEvent.RECORDING_GIVEN_UP in events) == reported


@pytest.mark.parametrize(("notes", "reported"), [((), True), ((lifecycle.AUDIT_GIVEN_UP,), False)])
def test_an_audit_that_is_given_up_is_reported_once(notes: tuple[Reason, ...], reported: bool) -> None:
    since = NOW - GIVE_UP_SECONDS
    seen = replace(submitted(maybe_sent_at=1, sweeps=2, notes=notes), submitted_at=since)
    played = world(seen)
    assert hand(played, "attach", Resume("call-1", sweep=2)) == DONE
    assert played.telemetry == [(LogEvent.AUDIT_GIVEN_UP, "call-1", {})] * reported
    assert (played.coval.calls, played.store.get("call-1").audited_at) == ([], NOW)


@pytest.mark.parametrize(("sweeps", "queue"), [(0, []), (1, [TO_UPLOAD]), (2, [])])
def test_the_sweep_lets_a_blocked_audit_keep_no_recording_from_its_copy(
    sweeps: int, queue: list[tuple[str, str]]
) -> None:
    unfit = recording(needs_preparation=True)
    seen = submitted(maybe_sent_at=1, sweeps=sweeps, due_at=NOW, recording=unfit)
    played = world(seen)
    played.coval.errors.append(("find", RetryableError("permission_denied"), False))
    hand(played, "attach", Sweep())
    assert queued(played) == queue
    told = (LogEvent.OPERATOR_NEEDED, "call-1") in [line[:2] for line in played.telemetry]
    assert told is not bool(queue)


def test_a_call_that_was_given_up_before_is_not_reported_again() -> None:
    given_up = call(State.REJECTED, reason=WAITED_TOO_LONG, recording=recording(Sound.UPLOADED))
    played = world(given_up)
    hand(played, "attach", Resume("call-1"))
    assert [event for event, _, _ in played.telemetry] == []


def test_what_is_put_off_is_due_then() -> None:
    played = world(replace(POINTED, due_at=NOW))
    calls: Any = played.consumers["attach"].calls
    calls.put_off("call-1", NOW + 500)
    assert (played.store.get("call-1").held_until, played.store.get("call-1").due_at) == (NOW + 500, NOW + 500)


def test_while_the_text_is_not_there_its_recording_is_uploaded_in_the_same_chain() -> None:
    played = world(replace(POINTED, recording=READY))
    service: Any = played.consumers["call_end"].service
    service.actions.run(
        Transition(replace(POINTED, recording=READY), Action.CONTINUE), replace(MINE, hops=3), Content()
    )
    (sent,) = played.queued
    assert (sent.queue, json.loads(sent.body)["detail"]["hops"]) == ("recording", 4)


UNFETCHED = AudioFetchError("Audio URL not found (404)")


@pytest.mark.parametrize("failing_for", [0, 600, TWELVE_DAYS])
def test_a_url_in_a_submit_that_cannot_be_fetched_is_reported(failing_for: int) -> None:
    audio = Parts(transcript=False, facts=True, recording=True)
    linked = recording(Sound.BY_URL, url="https://a.example/", fetch_failing_since=NOW - failing_for)
    seen = claimed(audio, recording=linked)
    played = world(seen)
    played.coval.errors.append(("submit", UNFETCHED, False))
    go(played, "attach", Transition(seen, Action.SUBMIT))
    rejection: list[Any] = [(LogEvent.RECORDING_REJECTED, "call-1", {"code": "audio_fetch_failed"})]
    assert played.telemetry == [not_fetched(failing_for), *rejection * (failing_for == TWELVE_DAYS)]


EXPECTED = {"recording": None, "facts": replace(FACTS, recording_expected=True)}
UNEXPECTED = {"recording": None, "facts": replace(FACTS, recording_expected=False)}
REJECTED_WORDS = PermanentError("INVALID_ARGUMENT", "Invalid role", "transcript[0].role", 400)


@pytest.mark.parametrize(
    ("more", "error", "goes_on", "reported"),
    [
        ({"recording": READY}, REJECTED_WORDS, True, ["TRANSCRIPT_DROPPED"]),
        (EXPECTED, REJECTED_WORDS, True, ["TRANSCRIPT_DROPPED"]),
        (UNEXPECTED, REJECTED_WORDS, False, ["TRANSCRIPT_DROPPED", "CALL_REJECTED"]),
        ({**EXPECTED, "recording_missed_at": 7}, REJECTED_WORDS, False, ["TRANSCRIPT_DROPPED", "CALL_REJECTED"]),
        (
            {"recording": recording(Sound.REJECTED), "facts": None},
            REJECTED_WORDS,
            False,
            ["TRANSCRIPT_DROPPED", "CALL_REJECTED"],
        ),
        ({"recording": READY}, replace(REJECTED_WORDS, status=422), True, ["TRANSCRIPT_DROPPED"]),
        ({"recording": READY}, replace(REJECTED_WORDS, status=409), False, ["CALL_REJECTED"]),
        ({"recording": READY}, replace(REJECTED_WORDS, field=None), False, ["CALL_REJECTED"]),
        ({"recording": READY}, replace(REJECTED_WORDS, field="the transcript"), False, ["CALL_REJECTED"]),
    ],
)
def test_words_that_coval_rejects_cost_the_call_only_what_hangs_on_them(
    more: dict[str, Any], error: PermanentError, goes_on: bool, reported: list[str]
) -> None:
    seen = replace(claimed(TEXT), **more)
    played = world(seen)
    played.coval.errors.append(("submit", error, False))
    assert go(played, "call_end", Transition(seen, Action.SUBMIT), SPOKEN) == DONE
    after = played.store.get("call-1")
    reason = Reason(error.code, error.reason)
    assert (after.state is not State.REJECTED, after.reason) == (goes_on, None if goes_on else reason)
    assert after.notes == ((reason,) if "TRANSCRIPT_DROPPED" in reported else ())
    assert played.events()[: len(reported)] == reported


@pytest.mark.parametrize("content", [b"no JSON", json.dumps(TURNS).encode()])
def test_a_text_that_is_there_is_tried_though_it_be_none(content: bytes) -> None:
    """Else a broken one would be waited for to its deadline."""
    played = world(POINTED)
    played.transcript_objects.transcript_objects[POINTER.key] = content
    service: Any = played.consumers["call_end"].service
    assert service.actions.submission.is_at_hand(POINTED) is True


def test_what_an_event_says_of_a_call_is_kept_with_it() -> None:
    played = world()
    description = Description(status="voicemail")
    assert hand(played, "call_end", CallDescribed("call-1", description)) == DONE
    assert played.store.get("call-1").described == description


def test_a_place_that_an_alias_names_is_looked_at_again() -> None:
    played = world()
    place = Alias("s3_object", "recordings/rec/a.wav")
    assert hand(played, "call_end", AliasesKnown(target="call-1", aliases=(place,))) == DONE
    assert [(one.queue, json.loads(one.body)["detail"]) for one in played.queued] == [
        ("recording", {"bucket": "recordings", "key": "rec/a.wav"})
    ]


# --- a sweep that is late, late in its time, or fails ------------------------------------------------


def due_calls(*names: str) -> World:
    played = world()
    for name in names:
        played.store.items[name] = replace(POINTED, external_conversation_id=name, due_at=NOW)
    return played


@pytest.mark.parametrize(("takes", "swept"), [(49, 2), (50, 1)])
def test_a_sweep_ends_before_the_next_one_begins(takes: int, swept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is due still; the rest of the table is not even read."""
    played = due_calls("call-1", "call-2")
    found, save, looked = tuple(played.store.items.values()), played.store.save, []

    def due(shard: int, *_: int) -> Any:
        looked.append(shard)
        yield from found if len(looked) == 1 else ()

    def slow(*both: Call) -> Call:
        played.clock.now += takes if len(played.queued) == 0 else 0
        written: Call = save(*both)
        return written

    monkeypatch.setattr(played.store, "due", due)
    monkeypatch.setattr(played.store, "save", slow)
    hand(played, "attach", Sweep())
    assert (len(played.queued), len(looked)) == (swept, SHARDS if swept == len(found) else 1)


def test_what_another_sweep_has_taken_meanwhile_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    played = due_calls("call-1")
    seen = played.store.items["call-1"]
    played.store.items["call-1"] = replace(seen, revision=seen.revision + 1, sweeps=1, due_at=NOW + 60)
    monkeypatch.setattr(played.store, "due", lambda shard, *_: iter([seen] if shard == 0 else []))
    hand(played, "attach", Sweep())
    assert (played.queued, played.telemetry) == ([], [(LogEvent.SWEEP_DONE, "", {"count": 0})])


def test_a_part_of_the_table_that_cannot_be_read_is_reported_after_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    played = due_calls("call-1")
    due, broken = played.store.due, RetryableError("table_ThrottlingException")

    def throttled(shard: int, *more: int) -> Any:
        if not list(due(shard, *more)):
            raise broken
        return due(shard, *more)

    monkeypatch.setattr(played.store, "due", throttled)
    with pytest.raises(RetryableError) as caught:
        hand(played, "attach", Sweep())
    assert (caught.value, len(played.queued)) == (broken, 1)


def test_what_fails_in_a_sweep_is_reported_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    played = due_calls("call-1")
    played.aliases.add_pending(Alias("leg", "L1"), PendingMessage("x", "recording", "{}", NOW - PENDING_SECONDS))

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    def busy(*_: object) -> None:
        raise RetryableError("table_busy")

    monkeypatch.setattr(played.store, "save", broken)
    monkeypatch.setattr(played.aliases, "put_off", busy)
    hand(played, "attach", Sweep())
    (waits, failed, _) = played.telemetry
    assert waits == (LogEvent.MESSAGE_WAITING, "", {"code": "table_busy"})
    where = failed[2].pop("where")
    assert failed == (LogEvent.DELIVERY_FAILED, "call-1", {"kind": "ZeroDivisionError"})
    assert re.fullmatch(r"test_messages\.py:\d+", str(where))


@pytest.mark.parametrize("closed", [0, 70])
def test_what_the_sweep_does_itself_waits_while_coval_is_left_alone(
    closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since its own turn: others came first in this sweep."""
    played = world(submitted(recording=recording(Sound.UPLOADED, upload_id="upl", changed_at=NOW), due_at=NOW))
    played.coval.conversations["ours"] = {
        "external_conversation_id": "call-1",
        "audio": None,
        "created": 1,
        "metadata": {},
    }
    monkeypatch.setattr(played.coval, "wait_turn", lambda: closed)
    played.clock.now += 40
    hand(played, "attach", Sweep())
    after, waiting = played.store.get("call-1"), [one for one in played.telemetry if one[0] is LogEvent.MESSAGE_WAITING]
    if closed:
        assert (played.coval.calls, after.held_until, after.due_at) == ([], NOW + 110, NOW + 110)
        assert waiting == [(LogEvent.MESSAGE_WAITING, "call-1", {"code": CIRCUIT_OPEN, "age_seconds": 0})]
    else:
        assert (played.coval.calls, after.recording_state, waiting) == (["attach"], Sound.ATTACHED, [])
