"""One message, or one decision, at a time: what a use case does then and there, before any other mends it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from coval_relay.adapters import relay_messages
from coval_relay.domain.aliases import Alias, Parked, QueueName
from coval_relay.domain.call import (
    Call,
    CallEnd,
    Facts,
    Lease,
    Parts,
    Reason,
    Recording,
    Traits,
    TranscriptPointer,
)
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.coval import Conversation
from coval_relay.domain.errors import InvalidInput, OutcomeUnknown, Permanent, RelayError, Retryable
from coval_relay.domain.journal import LogEvent
from coval_relay.domain.key_rules import KeyRule, Rulebook
from coval_relay.domain.messages import (
    AliasesKnown,
    AttachRecording,
    FragmentsSpoken,
    Message,
    ObjectCreated,
    ParkingExpired,
    RecordingFound,
    RecordingReady,
    Resume,
    Sweep,
)
from coval_relay.domain.payload import STAMP, Submit, encode
from coval_relay.domain.ports import ALIAS_SHARDS
from coval_relay.domain.protocol import Attempt, Then, Transition
from coval_relay.domain.recordings import ObjectGone, ObjectReplaced, ObjectVersion
from coval_relay.domain.transcript import Fragment, Transcript
from coval_relay.services import upload_recording
from coval_relay.services.attach_recording import _then_attach
from coval_relay.services.names import Unknown
from coval_relay.services.object_owner import GONE, REPLACED, ObjectOwner
from coval_relay.services.progress import DONE, Outcome
from tests.support.events import TURNS, etag, wav
from tests.support.in_memory import InMemoryAliases
from tests.support.world import World

NOW = 1_790_951_800
MINE = Attempt("mine", NOW + 180, NOW)
TEXT = Parts(text=True, facts=True, recording=False)
FACTS = Facts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=NOW - 60)
CONTENT = wav()
VERSION = ObjectVersion("recordings", "rec/call-1.wav", etag(CONTENT), "v1")
POINTER = TranscriptPointer(bucket="transcripts", key="call-1.json", format="canonical_v1", stored_at=NOW)
REASON = Reason("code", "text")
SPOKEN = Transcript(tuple(TURNS))


def recording(state: Sound = Sound.READY, **changes: Any) -> Recording:
    made = Recording(
        identity=f"s3://recordings/{VERSION.key}#{VERSION.version_id}", order="0-0000000000|1",
        created_at=NOW, state=state, version=VERSION, size=len(CONTENT),
    )  # fmt: skip
    return replace(made, **changes)


def call(state: State = State.NONE, **changes: Any) -> Call:
    made = Call(external_conversation_id="call-1", revision=1, state=state, created_at=NOW)
    return replace(made, **changes)


def world(seen: Call | None = None, **changes: Any) -> World:
    made = World(**changes)
    made.bucket.put(VERSION.key, CONTENT)
    if seen:
        made.store.items["call-1"] = seen
    return made


def hand(to: World, queue: str, message: Message) -> Outcome:
    service: Any = to.intakes[queue].service
    outcome: Outcome = service(message, MINE)
    return outcome


def go(to: World, queue: str, transition: Transition, transcript: Transcript | None = None) -> Outcome:
    service: Any = to.intakes[queue].service
    outcome: Outcome = service.progress.go(transition, MINE, transcript)
    return outcome


def letters(of: World) -> list[tuple[str, str]]:
    return [(letter.queue, json.loads(letter.body)["detail-type"]) for letter in of.letters]


# --- what follows ------------------------------------------------------------------------------------

WITHOUT_TEXT = call(State.WAITING, call_end=CallEnd.WITHOUT_TEXT, facts=FACTS)


TO_CALL_END, TO_ATTACH = ("call_end", "Resume"), ("attach", "Resume")
TO_UPLOAD = ("recording", "Recording Found")
POINTED = call(State.WAITING, transcript=POINTER)
LINKED = replace(WITHOUT_TEXT, recording=recording(Sound.LINKED))
UPLOADED = replace(WITHOUT_TEXT, recording=recording(Sound.UPLOADED, upload_id="upl"))
READY = recording()
DONE_WITH_READY = call(State.SUBMITTED, recording=READY)
DONE_WITH_RAW = call(State.SUBMITTED, recording=recording(unprepared=True))


@pytest.mark.parametrize(
    ("queue", "seen", "then", "sent", "state"),
    [
        ("recording", POINTED, Then.FOLLOW, [TO_CALL_END], State.WAITING),
        ("call_end", LINKED, Then.FOLLOW, [TO_ATTACH], State.WAITING),
        ("recording", LINKED, Then.FOLLOW, [], State.SUBMITTED),
        ("call_end", UPLOADED, Then.FOLLOW, [], State.SUBMITTED),
        ("call_end", DONE_WITH_RAW, Then.FOLLOW, [TO_UPLOAD], State.SUBMITTED),
        ("call_end", DONE_WITH_READY, Then.FOLLOW, [TO_ATTACH], State.SUBMITTED),
        ("call_end", DONE_WITH_READY, Then.DONE, [], State.SUBMITTED),
        ("call_end", call(State.WAITING, recording=READY), Then.UPLOAD_AGAIN, [TO_UPLOAD], State.WAITING),
        (
            "recording",
            replace(POINTED, recording=READY),
            Then.UPLOAD_AGAIN,
            [TO_UPLOAD, TO_CALL_END],
            State.WAITING,
        ),
    ],
)
def test_what_an_item_asks_for_is_done_or_handed_on(
    queue: str, seen: Call, then: Then, sent: list[tuple[str, str]], state: State
) -> None:
    played = world(seen)
    played.coval.uploads["upl"] = CONTENT
    assert go(played, queue, Transition(seen, then)) == DONE
    assert (letters(played), played.store.read("call-1").state) == (sent, state)


@pytest.mark.parametrize(("content", "reason"), [(None, GONE), (b"another", REPLACED)])
def test_what_is_not_there_any_more_is_not_submitted_by_its_url(
    content: bytes | None, reason: Reason
) -> None:
    played = world(LINKED)
    played.bucket.objects.clear()
    if content:
        played.bucket.put(VERSION.key, content)
    assert go(played, "recording", Transition(LINKED, Then.FOLLOW)) == DONE
    after = played.store.read("call-1")
    refused = replace(READY, state=Sound.REJECTED, reason=reason, changed_at=NOW)
    assert (after.state, after.recording, after.lease) == (State.WAITING, refused, None)
    assert played.journal == [(LogEvent.RECORDING_REFUSED, "call-1", {"code": reason.code})]
    assert (played.coval.calls, letters(played)) == ([], [])


def test_what_was_uploaded_goes_along_though_its_object_has_gone() -> None:
    played = world(UPLOADED)
    played.coval.uploads["upl"] = CONTENT
    played.bucket.objects.clear()
    assert go(played, "recording", Transition(UPLOADED, Then.FOLLOW)) == DONE
    (made,) = played.coval.conversations.values()
    assert (made["audio"], played.store.read("call-1").state) == (CONTENT, State.SUBMITTED)


def claimed(parts: Parts = TEXT, **changes: Any) -> Call:
    lease = Lease("mine", NOW + 180, parts)
    return call(State.SUBMITTING, lease=lease, call_end=CallEnd.WITH_TEXT, facts=FACTS, **changes)


def test_a_text_that_its_message_has_is_left_to_it() -> None:
    played = world(claimed())
    assert go(played, "call_end", Transition(claimed(), Then.SUBMIT)) == DONE
    assert (played.store.read("call-1").state, played.coval.calls) == (State.OPEN, [])


def test_a_recording_that_was_uploaded_after_the_claim_does_not_go_along() -> None:
    seen = claimed(recording=recording(Sound.UPLOADED, upload_id="upl"))
    played = world(seen)
    go(played, "call_end", Transition(seen, Then.SUBMIT), SPOKEN)
    (held,) = played.coval.conversations.values()
    assert (held["audio"], letters(played)) == (None, [("attach", "Resume")])


def test_a_request_that_is_too_large_without_a_text_is_refused() -> None:
    seen = claimed(
        Parts(text=False, facts=True, recording=True), recording=recording(Sound.UPLOADED, upload_id="upl")
    )
    played = world(seen, max_payload_bytes=50)
    go(played, "call_end", Transition(seen, Then.SUBMIT))
    after = played.store.read("call-1")
    assert (after.state, after.reason.code) == (State.REJECTED, "payload_too_large")


@pytest.mark.parametrize(("waited", "state"), [(1800, State.WAITING), (1799, State.OPEN)])
def test_a_missing_text_is_waited_for_to_its_deadline(waited: int, state: State) -> None:
    seen = claimed(transcript=POINTER, waiting_since=NOW - waited)
    played = world(seen)
    go(played, "call_end", Transition(seen, Then.SUBMIT))
    assert played.store.read("call-1").state is state


def test_a_missing_text_of_a_call_without_an_end_is_waited_for_since_it_came() -> None:
    seen = replace(claimed(transcript=POINTER), call_end=CallEnd.UNSEEN, facts=None)
    played = world(seen)
    outcome = go(played, "call_end", Transition(seen, Then.SUBMIT))
    assert (outcome.until, played.store.read("call-1").transcript) == (NOW + 30, POINTER)


def test_an_upload_that_was_used_up_by_a_submit_nobody_saw() -> None:
    seen = claimed(replace(TEXT, recording=True), recording=recording(Sound.UPLOADED, upload_id="upl"))
    played = world(seen)
    played.coval.uploads["upl"] = CONTENT
    gone = Permanent("NOT_FOUND", "Upload not found", "upload_id", 404)
    played.coval.errors.append(("submit", gone, True))
    go(played, "call_end", Transition(seen, Then.SUBMIT), SPOKEN)
    after = played.store.read("call-1")
    assert (after.state, after.recording.state) == (State.SUBMITTED, Sound.ATTACHED)
    assert (len(played.coval.conversations), played.events()) == (1, ["CALL_ADOPTED"])


@pytest.mark.parametrize("parts", [TEXT, replace(TEXT, recording=True)])
@pytest.mark.parametrize(("known", "sound"), [(True, Sound.ATTACHED), (False, Sound.UPLOADED)])
def test_whether_an_answer_has_audio_is_asked_where_it_does_not_tell(
    parts: Parts, known: bool, sound: Sound
) -> None:
    seen = claimed(parts, recording=recording(Sound.UPLOADED, upload_id="upl"))
    played = world(seen)
    played.coval.submit = lambda _: Conversation("conversation")
    played.coval.get = lambda name: played.coval.calls.append("get") or Conversation(name, has_audio=known)
    go(played, "call_end", Transition(seen, Then.SUBMIT), SPOKEN)
    asked = parts.recording
    assert played.coval.calls == (["get"] if asked else [])
    assert played.store.read("call-1").recording.state is (sound if asked else Sound.UPLOADED)


# --- call ends and transcripts -----------------------------------------------------------------------


def test_links_of_a_call_end_go_to_the_recordings() -> None:
    played = world()
    ready = RecordingReady(target="call-1", uri="https://a.example/b.wav", created_at=1, traits=Traits())
    assert hand(played, "call_end", ready) == DONE
    assert letters(played) == [("recording", "Recording Announced")]


FRAGMENTS = (Fragment("f1", "user", "Hi.", 1.0, 2.0),)
COLLECTED = TranscriptPointer(format="fragments", stored_at=NOW, settles_at=NOW + 60)


@pytest.mark.parametrize(
    ("seen", "outcome", "pointer", "late"),
    [
        (call(), DONE, None, ()),
        (call(State.OPEN, call_end=CallEnd.WITH_TEXT), DONE, None, ()),
        (call(State.WAITING, call_end=CallEnd.TEXT_PENDING), DONE, None, ()),
        (WITHOUT_TEXT, Outcome(NOW + 60), COLLECTED, ()),
        (call(State.SUBMITTED, sent=replace(TEXT, text=False)), DONE, None, ("transcript",)),
    ],
)
def test_fragments_wait_for_the_end_of_their_call(
    seen: Call, outcome: Outcome, pointer: TranscriptPointer | None, late: tuple[str, ...]
) -> None:
    played = world(seen)
    assert hand(played, "call_end", FragmentsSpoken("call-1", FRAGMENTS)) == outcome
    after = played.store.read("call-1")
    assert (after.transcript, after.late, played.fragments.read("call-1")) == (pointer, late, FRAGMENTS)


def with_rules(played: World, queue: str, *rules: KeyRule) -> Any:
    """The function's own service, with these key rules only."""
    service: Any = played.intakes[queue].service
    book = Rulebook(rules=rules)
    return replace(service, owner=replace(service.owner, rulebook=lambda: book))


TEXTS = KeyRule(
    name="texts", platform="acme", pattern=r"^(?P<external_conversation_id>[^/]+)\.json$", kind="transcript",
    format="vapi", traits=Traits(rank=3, several=True),
)  # fmt: skip


def text_object(key: str = "call-1.json", version_id: str | None = None) -> ObjectCreated:
    version = ObjectVersion("transcripts", key, "e", version_id)
    return ObjectCreated(version=version, size=9, order="1", created_at=NOW)


@pytest.mark.parametrize(("several", "settles_at"), [(True, NOW + 60), (False, 0)])
def test_a_transcript_object_becomes_a_pointer(several: bool, settles_at: int) -> None:
    played = world()
    rule = replace(TEXTS, traits=replace(TEXTS.traits, several=several))
    assert with_rules(played, "call_end", rule)(text_object(), MINE) == DONE
    assert played.store.read("call-1").transcript == TranscriptPointer(
        bucket="transcripts", key="call-1.json", format="vapi", stored_at=NOW, rank=3, settles_at=settles_at
    )


def test_an_object_that_is_no_transcript_is_passed_over() -> None:
    played = world()
    outcome = with_rules(played, "call_end", replace(TEXTS, kind="recording"))(text_object(), MINE)
    assert (outcome, [(e.name, f) for e, _, f in played.journal]) == (
        DONE,
        [("OBJECT_SKIPPED", {"code": "is_a_recording"})],
    )


LEGS = KeyRule(
    name="legs", platform="acme", pattern=r"^(?P<alias>[^/]+)\.json$", alias_type="leg", kind="transcript"
)  # fmt: skip


@pytest.mark.parametrize(("version_id", "mark"), [(None, "e"), ("v1", "v1")])
def test_a_transcript_under_another_name_is_parked_until_its_end(version_id: str | None, mark: str) -> None:
    played, created = world(), text_object("L1.json", version_id)
    serve = with_rules(played, "call_end", LEGS)
    assert serve(created, MINE) == DONE
    (parked,) = played.aliases.waiting(Alias("leg", "L1"))
    identity = f"transcripts/L1.json#{mark}"
    assert (parked.identity, parked.queue) == (identity, "call_end")
    assert relay_messages.from_text(parked.event) == created
    with pytest.raises(InvalidInput) as caught:
        serve(ParkingExpired(Alias("leg", "L1"), parked), MINE)
    assert caught.value.field == "detail.parked.event"
    assert caught.value.rule.startswith(
        "no call became known under its leg, s3_object in time (tried: key rules"
    )
    assert played.aliases.waiting(Alias("leg", "L1")) == ()


def test_a_transcript_whose_call_became_known_after_all() -> None:
    played = world()
    serve = with_rules(played, "call_end", LEGS)
    serve(text_object("L1.json"), MINE)
    (parked,) = played.aliases.waiting(Alias("leg", "L1"))
    played.aliases.bind(Alias("leg", "L1"), "call-1")
    assert serve(ParkingExpired(Alias("leg", "L1"), parked), MINE) == DONE
    assert played.store.read("call-1").transcript is not None
    assert played.aliases.waiting(Alias("leg", "L1")) == ()


@pytest.mark.parametrize("queue", ["call_end", "recording"])
def test_a_message_that_cannot_have_waited(queue: str) -> None:
    parked = Parked("x", "call_end", relay_messages.to_text(Sweep()), NOW)
    with pytest.raises(InvalidInput) as caught:
        hand(world(), queue, ParkingExpired(Alias("leg", "L1"), parked))
    assert caught.value == InvalidInput("detail.parked.event", "is not one that this function takes")


# --- other names -------------------------------------------------------------------------------------


def test_every_name_is_bound_whatever_becomes_of_the_one_before() -> None:
    played = world()
    own, taken, last = Alias("room", "R1"), Alias("leg", "L1"), Alias("leg", "L2")
    played.aliases.bind(taken, "call-2")
    hand(played, "call_end", AliasesKnown(target=own.key, aliases=(own, taken, last)))
    bound = [played.aliases.target(alias) for alias in (own, taken, last)]
    assert bound == [None, "call-2", own.key]


def test_what_is_given_up_waits_under_none_of_its_names() -> None:
    played = world()
    names: Any = played.intakes["call_end"].service.names  # type: ignore[attr-defined]
    found = names.owner((Alias("leg", "L1"), Alias("room", "R1")), "x", "call_end", Sweep())
    assert isinstance(found, Unknown)
    with pytest.raises(InvalidInput) as caught:
        names.give_up(found, "nothing")
    rule = "no call became known under its leg, room in time (tried: nothing)"
    assert caught.value == InvalidInput("detail.parked.event", rule)
    assert played.every_parked() == []


def test_what_is_named_as_its_waiting_ends_is_sent_on() -> None:
    played = world()
    names: Any = played.intakes["call_end"].service.names  # type: ignore[attr-defined]
    leg, room = Alias("leg", "L1"), Alias("room", "R1")
    found = names.owner((leg, room), "x", "call_end", Sweep())
    played.aliases.bind(leg, "call-1")
    names.give_up(found, "nothing")
    assert [(letter.queue, letter.body) for letter in played.letters] == [("call_end", found.parked.event)]
    assert (played.aliases.waiting(leg), played.aliases.waiting(room)) == ((found.parked,), ())


class NamedAsTheWaitingEnds(InMemoryAliases):
    """A call's end comes between the last look at a name and its removal."""

    def expire(self, alias: Alias, parked: Parked) -> str | None:
        self.bind(alias, "call-1")
        return super().expire(alias, parked)


@pytest.mark.parametrize("queue", ["call_end", "recording"])
def test_a_name_that_comes_as_the_waiting_ends_makes_no_dead_letter(queue: str) -> None:
    played = world(aliases=NamedAsTheWaitingEnds())
    played.bucket.put("odd/L1.json", CONTENT)
    bucket = "transcripts" if queue == "call_end" else "recordings"
    created = replace(text_object("odd/L1.json"), version=ObjectVersion(bucket, "odd/L1.json", etag(CONTENT)))
    kind: Any = bucket.removesuffix("s")
    serve = with_rules(played, queue, replace(LEGS, kind=kind, pattern=r"^odd/(?P<alias>[^/]+)\.json$"))
    assert serve(created, MINE) == DONE
    (parked,) = played.aliases.waiting(Alias("leg", "L1"))
    assert serve(ParkingExpired(Alias("leg", "L1"), parked), MINE) == DONE
    assert letters(played) == [(queue, "Object Waiting")]


def test_a_sidecar_s_place_is_made_of_the_groups_that_matched() -> None:
    rule = KeyRule(
        name="own", platform="acme", sidecar="{external_conversation_id}{more}.json",
        pattern=r"^rec/(?P<external_conversation_id>[^/]+?)(?P<more>-x)?\.wav$",
    )  # fmt: skip
    book = Rulebook(rules=(rule,), judges={"acme": lambda content, _: Traits(rank=int(str(content)))})
    played = world()
    played.bucket.put("call-1.json", b"4")
    owner = ObjectOwner(
        kind="recording", rulebook=lambda: book, buckets=("recordings",), prefixes=("",), clock=played.clock,
        source=played.bucket,
    )  # fmt: skip
    found: Any = owner.find(ObjectCreated(version=VERSION, size=1, order="1", created_at=NOW))
    assert found.traits == Traits(rank=4)


# --- recordings --------------------------------------------------------------------------------------

ODD = ObjectCreated(version=replace(VERSION, key="odd/one.wav"), size=9, order="1", created_at=NOW)


def test_an_object_that_is_gone_before_its_call_is_known() -> None:
    played = world()
    assert hand(played, "recording", ODD) == DONE
    parked = Parked("x", "recording", relay_messages.to_text(ODD), NOW)
    alias = Alias("s3_object", "recordings/odd/one.wav")
    played.aliases.park(alias, parked)
    assert hand(played, "recording", ParkingExpired(alias, parked)) == DONE
    assert played.aliases.waiting(alias) == ()
    skipped = ("RECORDING_SKIPPED", {"code": "gone_before_its_call_was_known"})
    assert [(e.name, f) for e, _, f in played.journal] == [skipped, skipped]


def test_a_link_under_another_name_is_parked_and_found_after_all() -> None:
    played = world()
    room = Alias("room", "R1")
    ready = RecordingReady(
        target=room.key, uri="https://a.example/b.wav?x=1", created_at=NOW, traits=Traits()
    )
    assert hand(played, "recording", ready) == DONE
    (parked,) = played.aliases.waiting(room)
    assert (parked.identity, parked.queue) == ("https://a.example/b.wav", "recording")
    other = replace(parked, identity="y")
    played.aliases.park(room, other)
    played.aliases.bind(room, "call-1")
    played.links.contents[ready.uri] = CONTENT
    assert hand(played, "recording", ParkingExpired(room, other)) == DONE
    assert played.aliases.waiting(room) == (parked,)
    assert played.store.read("call-1").recording.state is Sound.UPLOADED


def test_a_link_that_waited_in_vain_is_given_up_under_its_own_identity() -> None:
    played = world()
    room = Alias("room", "R1")
    ready = RecordingReady(target=room.key, uri="https://a.example/b.wav", created_at=NOW, traits=Traits())
    parked = Parked("x", "recording", relay_messages.to_text(ready), NOW)
    played.aliases.park(room, parked)
    with pytest.raises(InvalidInput) as caught:
        hand(played, "recording", ParkingExpired(room, parked))
    assert caught.value.rule.startswith("no call became known under its room in time")
    assert played.every_parked() == []
    assert played.journal == [(LogEvent.PARKED, "", {"queue": "recording"})]


def test_an_object_of_a_foreign_bucket_is_not_even_looked_at() -> None:
    played = world()
    ready = RecordingReady(
        target="call-1", uri="s3://foreign/rec/call-1.wav", created_at=NOW, traits=Traits()
    )
    with pytest.raises(InvalidInput) as caught:
        hand(played, "recording", ready)
    rule = "is not one of the configured recording buckets"
    assert caught.value == InvalidInput("detail.recording.uri", rule, "call-1")


# --- attaching, and the audit ------------------------------------------------------------------------


def submitted(**changes: Any) -> Call:
    return call(State.SUBMITTED, conversation_id="ours", sent=TEXT, submitted_at=NOW - 1000, **changes)


@pytest.mark.parametrize("then", [Then.AUDIT, Then.WAIT, Then.DONE])
def test_only_what_follows_is_attached_at_once(then: Then) -> None:
    told = Transition(submitted(recording=recording()), then, 7)
    assert _then_attach(told, NOW) == told


def test_what_s3_refuses_is_for_the_operator() -> None:
    played = world(submitted(recording=recording()))

    def refuse(_: ObjectVersion) -> Any:
        raise Permanent("s3_access_denied", "The function lacks a permission.")

    played.bucket.head = refuse
    with pytest.raises(Permanent) as caught:
        hand(played, "attach", Resume("call-1"))
    assert caught.value == Permanent("s3_access_denied", "The function lacks a permission.")


def held(*names: str) -> Mapping[str, dict[str, Any]]:
    """Names in capitals are of somebody else."""
    common: dict[str, Any] = {"external_conversation_id": "call-1", "audio": None}
    return {
        name: {**common, "created": number, "metadata": {} if name.isupper() else {STAMP: "text facts"}}
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
    assert played.store.read("call-1").audited_at == NOW


def test_the_audit_leaves_others_where_ours_was_deleted_in_coval() -> None:
    played = world(submitted(maybe_sent_at=7))
    played.coval.conversations.update(held("a", "b"))
    played.coval.get = lambda name: Conversation(name, status="DELETED")
    hand(played, "attach", Resume("call-1"))
    assert list(played.coval.conversations) == ["a", "b"]


@pytest.mark.parametrize("state", [State.NONE, State.OPEN, State.REJECTED])
def test_the_audit_of_a_call_that_was_given_up_adopts_what_landed_late(state: State) -> None:
    played = world(call(state, maybe_sent_at=NOW - 1000))
    played.coval.conversations.update(held("late"))
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.read("call-1")
    assert (after.state, after.conversation_id, after.submitted_at) == (State.SUBMITTED, "late", NOW)
    assert played.coval.calls == ["find"]


@pytest.mark.parametrize("state", [State.NONE, State.OPEN, State.REJECTED, State.FILTERED])
def test_an_audit_that_finds_nothing_is_the_last_one(state: State) -> None:
    played = world(call(state, maybe_sent_at=NOW - 1000))
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.read("call-1")
    assert (after.state, after.audited_at, after.due_at) == (state, NOW, None)


def test_of_a_simulation_nothing_stays_in_coval() -> None:
    played = world(call(State.FILTERED, maybe_sent_at=NOW - 1000))
    played.coval.conversations.update(held("a", "b"))
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.read("call-1")
    assert (after.state, after.conversation_id, after.audited_at) == (State.FILTERED, None, NOW)
    assert list(played.coval.conversations) == []


def test_what_somebody_else_has_submitted_of_a_simulation_stays() -> None:
    played = world(call(State.FILTERED, maybe_sent_at=NOW - 1000))
    played.coval.conversations.update(held("THEIRS", "a"))
    hand(played, "attach", Resume("call-1"))
    assert list(played.coval.conversations) == ["THEIRS"]


def test_the_sweep_has_an_audit_done_by_the_function_that_can() -> None:
    waiting = call(State.WAITING, transcript=POINTER, maybe_sent_at=NOW - 1000, due_at=NOW - 1)
    played = world(waiting)
    hand(played, "attach", Sweep())
    assert letters(played) == [("attach", "Resume")]
    played = world(replace(waiting, audited_at=NOW - 1))
    hand(played, "attach", Sweep())
    assert letters(played) == [("call_end", "Resume")]


@pytest.mark.parametrize(("has_audio", "left"), [(True, Sound.ATTACHED), (False, Sound.REJECTED)])
def test_the_last_look_tells_what_became_of_a_recording(has_audio: bool, left: Sound) -> None:
    given_up = recording(Sound.PINNED, reason=REASON, maybe_attached=True)
    played = world(submitted(recording=given_up))
    conversation = {**held("ours")["ours"], "audio": "audio" if has_audio else None}
    played.coval.conversations["ours"] = conversation
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.read("call-1").recording
    assert after is not None
    assert (after.state, after.reason, after.changed_at) == (left, None if has_audio else REASON, NOW)
    assert played.coval.calls == ["get"]


@pytest.mark.parametrize(
    "error", [OutcomeUnknown("timeout"), Permanent("ALREADY_EXISTS", "Being attached.", None, 409)]
)
def test_an_attach_that_may_have_worked_is_tried_again(error: RelayError) -> None:
    played = world(submitted(recording=recording()))
    played.coval.conversations.update(held("ours"))
    played.coval.errors.append(("attach", error, False))
    assert hand(played, "attach", Resume("call-1")) == Outcome(NOW + 30)


HELD_UP = replace(MINE, lease_until=NOW)
"""An attempt whose lease ends now: another worker may have taken over."""


def test_who_was_held_up_submits_nothing() -> None:
    lease = Lease(HELD_UP.token, HELD_UP.lease_until, TEXT)
    played = world(call(State.SUBMITTING, lease=lease, facts=FACTS, call_end=CallEnd.WITH_TEXT))
    service: Any = played.intakes["call_end"].service
    claimed = Transition(played.store.read("call-1"), Then.SUBMIT)
    assert service.progress.go(claimed, HELD_UP, SPOKEN) == Outcome(NOW + 30)
    assert played.coval.calls == []


def test_who_was_held_up_attaches_nothing() -> None:
    played = world(submitted(recording=recording()))
    service: Any = played.intakes["attach"].service
    assert service(Resume("call-1"), HELD_UP) == Outcome(NOW + 30)
    assert played.coval.calls == []
    assert played.store.read("call-1").recording_state is Sound.PINNED


@pytest.mark.parametrize("listed", [True, False])
def test_the_audit_adopts_a_late_submit_with_its_recording(listed: bool) -> None:
    sound = recording(Sound.REJECTED, reason=Reason("gone", "Gone."))
    seen = replace(WITHOUT_TEXT, recording=sound, maybe_sent_at=NOW - 600)
    late = Submit(external_conversation_id="call-1", facts=FACTS, recording=sound.identity, upload_id="upl")
    sent = json.loads(encode(late, limit=9000, policy="reject").body)
    played = world(seen)
    played.coval.conversations["late"] = {**sent, "audio": CONTENT, "created": 1}
    if not listed:  # a list may leave open whether there is audio
        late_one = played.coval.get("late")
        played.coval.find = lambda _: [replace(late_one, has_audio=None)]
    assert hand(played, "attach", Resume("call-1")) == DONE
    after = played.store.read("call-1")
    assert (after.state, after.conversation_id) == (State.SUBMITTED, "late")
    assert after.sent == Parts(text=False, facts=True, recording=True)
    assert after.recording == replace(sound, state=Sound.ATTACHED, reason=None, changed_at=NOW)
    assert played.journal == [(LogEvent.CALL_ADOPTED, "call-1", {"audio": "ours"})]


@pytest.mark.parametrize(("failures", "refused"), [(3, False), (4, True)])
def test_an_attach_whose_url_cannot_be_fetched_is_not_tried_for_ever(failures: int, refused: bool) -> None:
    played = world(submitted(recording=recording(Sound.LINKED, fetch_failures=failures)))
    played.coval.errors.append(("attach", Retryable("audio_fetch_failed"), False))
    assert hand(played, "attach", Resume("call-1")) == (DONE if refused else Outcome(NOW + 120))
    told = [(LogEvent.RECORDING_REFUSED, "call-1", {"code": "audio_fetch_failed"})]
    assert played.journal == (told if refused else [])
    assert played.store.read("call-1").recording_state is (Sound.REJECTED if refused else Sound.PINNED)


def test_the_sweep_counts_on_the_item() -> None:
    played = world(replace(WITHOUT_TEXT, waiting_since=NOW - 90_000, due_at=NOW - 1))
    hand(played, "attach", Sweep())
    assert played.store.read("call-1").swept == 1


# --- the sweep ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "sent"),
    [
        (call(recording=READY), [TO_UPLOAD, TO_ATTACH]),
        (call(State.WAITING, recording=READY), [TO_UPLOAD, TO_ATTACH]),
        (call(State.OPEN, recording=READY), [TO_ATTACH]),
        (call(State.SUBMITTED, recording=READY), [TO_ATTACH]),
        (replace(WITHOUT_TEXT, recording=recording(Sound.UPLOADED)), [TO_ATTACH]),
        (call(recording=recording(version=None)), [TO_ATTACH]),
        (POINTED, [TO_CALL_END]),
        (call(transcript=POINTER, recording=READY), [TO_UPLOAD, TO_CALL_END]),
        (call(State.SUBMITTED, transcript=POINTER, recording=READY), [TO_ATTACH]),
    ],
)
def test_the_sweep_sends_on_what_is_due(seen: Call, sent: list[tuple[str, str]]) -> None:
    played = world(replace(seen, due_at=NOW))
    hand(played, "attach", Sweep())
    assert letters(played) == sent
    assert played.journal == [(LogEvent.SWEPT, "", {"count": 1})]


def test_the_sweep_leaves_what_is_not_due() -> None:
    played = world(replace(POINTED, due_at=NOW + 1))
    hand(played, "attach", Sweep())
    assert (letters(played), played.journal) == ([], [])


QUEUES: tuple[QueueName, ...] = ("call_end", "recording", "attach")


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize(("waited", "ends"), [(7200, True), (7199, False)])
def test_what_waits_under_a_name_comes_to_its_end_once(queue: QueueName, waited: int, ends: bool) -> None:
    played = world()
    for value in ("L1", "L2"):
        played.aliases.park(Alias("leg", value), Parked("x", queue, "{}", NOW - waited))
        played.aliases.items[Alias("leg", value)].due_at = NOW
    hand(played, "attach", Sweep())
    assert letters(played) == ([(queue, "Parking Expired")] if ends else [])
    assert played.journal == [(LogEvent.SWEPT, "", {"count": 2})]
    assert len(played.every_parked()) == 2


def test_what_waits_under_a_bound_name_is_sent_on() -> None:
    played = world()
    leg = Alias("leg", "L1")
    played.aliases.park(leg, Parked("x", "recording", '{"detail-type": "Any"}', NOW - 9000))
    played.aliases.bind(leg, "call-1")
    played.aliases.items[leg].due_at = NOW
    hand(played, "attach", Sweep())
    assert (letters(played), played.every_parked()) == ([("recording", "Any")], [])


def test_an_alias_that_cannot_be_read_is_told_after_all_others_were_swept() -> None:
    played = world(replace(POINTED, due_at=NOW))
    broken = Permanent("item_unreadable", "reason")

    def unreadable(shard: int, *_: int) -> Any:
        if shard == ALIAS_SHARDS[0]:
            raise broken
        return iter(())

    played.aliases.due = unreadable
    with pytest.raises(Permanent) as caught:
        hand(played, "attach", Sweep())
    assert (caught.value, letters(played)) == (broken, [TO_CALL_END])


# --- uploads -----------------------------------------------------------------------------------------

CREATED = ObjectCreated(version=VERSION, size=len(CONTENT), order="1", created_at=NOW)
FOUND = RecordingFound(external_conversation_id="call-1", created=CREATED, created_at=NOW, traits=Traits())
NOISE = b"OggS" + bytes(2000)
STEREO = wav(channels=2)


@pytest.mark.parametrize(
    ("content", "seen", "copies", "sound", "unprepared"),
    [
        (NOISE, submitted(), 0, Sound.REJECTED, False),
        (NOISE, submitted(recording=recording(Sound.ATTACHED)), 0, Sound.READY, True),
        (NOISE, submitted(recording=recording(Sound.REJECTED)), 0, Sound.REJECTED, False),
        (NOISE, call(State.REJECTED), 0, Sound.READY, True),
        (STEREO, submitted(facts=replace(FACTS, agent_channel=1)), 1, Sound.READY, False),
        (STEREO, submitted(facts=replace(FACTS, agent_channel=1), recording=recording(Sound.ATTACHED)), 0,
         Sound.READY, True),
    ],
)  # fmt: skip
def test_a_recording_after_the_submit_is_prepared_where_it_is_wanted(
    content: bytes, seen: Call, copies: int, sound: Sound, unprepared: bool
) -> None:
    played = world(seen)
    played.bucket.put(VERSION.key, content)
    created = replace(CREATED, version=replace(VERSION, etag=etag(content)), size=len(content))
    assert hand(played, "recording", replace(FOUND, created=created)) == DONE
    (letter,) = played.letters
    told = relay_messages.from_text(letter.body)
    assert isinstance(told, AttachRecording)
    assert (letter.queue, played.staging.serial) == ("attach", copies)
    assert (told.recording.state, told.recording.unprepared) == (sound, unprepared)


@pytest.mark.parametrize(("more", "sound"), [(0, Sound.UPLOADED), (-1, Sound.LINKED)])
def test_what_is_too_large_after_preparing_is_linked(
    monkeypatch: pytest.MonkeyPatch, more: int, sound: Sound
) -> None:
    monkeypatch.setattr(upload_recording, "MAX_UPLOAD_BYTES", len(CONTENT) + more)
    played = world()
    assert hand(played, "recording", FOUND) == DONE
    assert played.store.read("call-1").recording.state is sound
    assert played.coval.calls == (["create_upload", "put_audio"] if more == 0 else [])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ObjectGone(), GONE),
        (ObjectReplaced(), REPLACED),
        (Permanent("CODE", "Bad.", None, 400), Reason("CODE", "Bad.")),
    ],
)
def test_a_recording_that_fails_while_it_is_sent(error: Exception, reason: Reason) -> None:
    played = world()
    played.coval.errors.append(("put_audio", error, False))
    assert hand(played, "recording", FOUND) == DONE
    after = played.store.read("call-1").recording
    assert (after.state, after.reason) == (Sound.REJECTED, reason)


def test_what_s3_refuses_of_an_upload_is_for_the_operator() -> None:
    played = world()
    denied = Permanent("s3_access_denied", "The function lacks a permission.")
    played.coval.errors.append(("put_audio", denied, False))
    with pytest.raises(Permanent) as caught:
        hand(played, "recording", FOUND)
    assert caught.value == denied
    assert played.store.read("call-1").recording.state is Sound.READY


@pytest.mark.parametrize(
    ("told", "held", "of_call", "side"),
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
def test_the_agents_side(
    told: int | None, held: Recording | None, of_call: int | None, side: int | None
) -> None:
    seen = call(State.WAITING, facts=replace(FACTS, agent_channel=of_call), recording=held)
    found = replace(FOUND, traits=Traits(agent_channel=told))
    assert upload_recording._recording(found, seen).agent_channel == side
