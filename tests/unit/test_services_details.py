"""The services' small decisions, each at its limits."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import pytest

from coval_relay.domain.aliases import Alias
from coval_relay.domain.audio import AudioFacts, AudioRefused, ReadRange
from coval_relay.domain.call import (
    NO_TRAITS,
    Call,
    CallEnd,
    ConversationState,
    Recording,
    RecordingState,
    Traits,
    TranscriptPointer,
)
from coval_relay.domain.coval import ContentType, Conversation
from coval_relay.domain.errors import InvalidInput, NotReady, Permanent, Retryable
from coval_relay.domain.key_rules import KeyRule, Rulebook
from coval_relay.domain.messages import ObjectCreated, RecordingFound
from coval_relay.domain.ports import Conflict
from coval_relay.domain.protocol import Deadlines, Transition
from coval_relay.domain.recordings import ObjectVersion
from coval_relay.services import preparing as preparing_module
from coval_relay.services.calls import Calls
from coval_relay.services.object_owner import ObjectOwner, Owned, Passed, overlaid
from coval_relay.services.preparing import Preparing
from coval_relay.services.progress import concerns_audio, concerns_upload, live, recording_of
from coval_relay.services.transcripts import MOST_PAGES, TranscriptFiles
from coval_relay.services.upload_recording import identity_of, identity_of_link
from tests.support.events import wav
from tests.support.fakes import FakeBucket, FakeClock, FakeDocuments, InMemoryCalls
from tests.support.in_memory import InMemoryFragments, InMemoryLinks, InMemoryStaging

DEADLINES = Deadlines(grace=100, transcript=200, recording=300, audit=400, resume=500)
VERSION = ObjectVersion("recordings", "rec/call-1.wav", "e", "v1")
NEW = Call(external_conversation_id="call-1")


def refused(field_: str | None = None, reason: str = "Bad.", status: int = 400) -> Permanent:
    return Permanent("CODE", reason, field_, status)


# --- Coval's refusals and conversations --------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "audio", "upload"),
    [
        (refused("audio_url"), True, False),
        (refused("audio"), True, False),
        (refused("upload_id"), True, True),
        (refused(reason="Audio file is empty."), True, False),
        (refused(reason="Unsupported audio format."), True, False),
        (refused(reason="Invalid or corrupt audio file."), True, False),
        (refused(reason="Upload not found: upl"), False, True),
        (refused("audio", status=404), False, False),
        (refused(reason="Audio file is empty.", status=422), False, False),
        (refused("transcript"), False, False),
    ],
)
def test_what_a_refusal_is_about(error: Permanent, audio: bool, upload: bool) -> None:
    assert (concerns_audio(error), concerns_upload(error)) == (audio, upload)


def test_live_conversations_the_oldest_first() -> None:
    told = [
        Conversation("c", create_time="2026-10-02"),
        Conversation("b", status="DELETED", create_time="2026-10-01"),
        Conversation("a", create_time="2026-10-01", status="COMPLETED"),
        Conversation("d", status="CANCELLED"),
        Conversation("e"),
    ]
    assert [one.conversation_id for one in live(told)] == ["e", "a", "c"]


# --- a recording's message ---------------------------------------------------------------------------


def recording(**changes: Any) -> Recording:
    made = Recording(
        identity=identity_of(VERSION), order="1-0000000000|7", created_at=5, state=RecordingState.READY
    )
    return replace(made, **{"version": VERSION, "size": 9, "traits": Traits(rank=1), **changes})


def test_the_message_that_brings_a_recording_again() -> None:
    created = ObjectCreated(version=VERSION, size=9, order="7", created_at=5, copied=True)
    found = RecordingFound(external_conversation_id="call-1", created_at=5, traits=Traits(rank=1))
    assert recording_of(replace(NEW, recording=recording(copied=True))) == replace(found, created=created)
    link = replace(found, url="https://a.example/")
    for version in (VERSION, None):
        held = replace(NEW, recording=recording(url="https://a.example/", version=version))
        assert recording_of(held) == link
    assert recording_of(replace(NEW, recording=recording(version=None))) is None
    assert recording_of(NEW) is None


def test_identities() -> None:
    assert identity_of(VERSION) == "s3://recordings/rec/call-1.wav#v1"
    assert identity_of(replace(VERSION, version_id=None)) == "s3://recordings/rec/call-1.wav#e"
    link = "https://a.example:8443/b/c.wav?signature=secret#part"
    assert identity_of_link(link) == "https://a.example:8443/b/c.wav"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (NO_TRAITS, Traits(agent_channel=1, rank=2)),
        (Traits(agent_channel=0), Traits(agent_channel=0, rank=2)),
        (Traits(rank=3), Traits(agent_channel=1, rank=3)),
        (Traits(longest=True), Traits(agent_channel=1, rank=2, longest=True)),
        (Traits(several=True), Traits(agent_channel=1, rank=2, several=True)),
    ],
)
def test_an_event_goes_over_the_rule(told: Traits, expected: Traits) -> None:
    assert overlaid(Traits(agent_channel=1, rank=2), told) == expected
    assert overlaid(replace(NO_TRAITS, longest=True, several=True), NO_TRAITS) == Traits(
        longest=True, several=True
    )


# --- whose an object is ------------------------------------------------------------------------------

RULE = KeyRule(
    name="own", platform="acme", pattern=r"^rec/(?P<external_conversation_id>[^/]+)\.wav$",
    traits=Traits(rank=1),
)  # fmt: skip
LEG = KeyRule(name="leg", platform="acme", pattern=r"^leg/(?P<alias>.*)\.wav$", alias_type="leg")


def owner(*rules: KeyRule, bucket: FakeBucket | None = None, clock: int = 100, **more: Any) -> ObjectOwner:
    book = Rulebook(rules=rules, **more)
    return ObjectOwner(
        kind="recording",
        rulebook=lambda: book,
        buckets=("recordings",),
        prefixes=("rec/", "leg/", "odd/"),
        clock=FakeClock(clock),
        sidecar_seconds=60,
        source=bucket or FakeBucket({"odd/a.wav": ("e", b""), "leg/L1.wav": ("e", b"")}),
    )


def created(key: str, created_at: int = 50) -> ObjectCreated:
    version = ObjectVersion("recordings", key, "e")
    return ObjectCreated(version=version, size=9, order="1", created_at=created_at)


@pytest.mark.parametrize(
    ("key", "rules", "expected"),
    [
        ("rec/call-1.wav", (RULE,), Owned("call-1", RULE, Traits(rank=1))),
        ("leg/L1.wav", (RULE, LEG), Owned(Alias("leg", "L1"), LEG, NO_TRAITS)),
        ("odd/a.wav", (RULE,), Owned(Alias("s3_object", "recordings/odd/a.wav"))),
        ("rec/", (), Passed("ignored_key")),
        ("rec/.temp-1", (), Passed("ignored_key")),
        ("odd/a.JSON", (), Passed("ignored_key")),
        ("rec/call-1.wav", (replace(RULE, kind="transcript"),), Passed("is_a_transcript")),
        ("rec/call-1.wav", (replace(RULE, redacted=True),), Passed("other_twin_by_redaction")),
        (
            "rec/call-1.wav",
            (replace(RULE, redacted=False),),
            Owned("call-1", replace(RULE, redacted=False), Traits(rank=1)),
        ),
        (
            "rec/call-1.wav",
            (replace(RULE, bucket="other"),),
            Owned(Alias("s3_object", "recordings/rec/call-1.wav")),
        ),
    ],
)  # fmt: skip
def test_an_object_by_its_key(key: str, rules: tuple[KeyRule, ...], expected: Owned | Passed) -> None:
    bucket = FakeBucket({key: ("e", b"")})
    assert owner(*rules, bucket=bucket).find(created(key)) == expected


def test_a_key_that_the_operator_ignores_matches_no_rule() -> None:
    assert owner(RULE, ignored=(re.compile("call"),)).find(created("rec/call-1.wav")) == Passed("ignored_key")


def test_what_stands_with_an_object_goes_before_its_alias() -> None:
    bucket = FakeBucket({"leg/L1.wav": ("e", b""), "odd/a.wav": ("e", b"")})
    bucket.metadata["leg/L1.wav"] = {"external-conversation-id": "call-2"}
    bucket.tagging["odd/a.wav"] = {"external_conversation_id": "call-3"}
    assert owner(LEG, bucket=bucket).find(created("leg/L1.wav")) == Owned("call-2", LEG, NO_TRAITS)
    assert owner(LEG, bucket=bucket).find(created("odd/a.wav")) == Owned("call-3")


@pytest.mark.parametrize(
    ("key", "rule"), [('rec/"x".wav', RULE), ("leg/.wav", LEG), (f"rec/{'x' * 257}.wav", RULE)]
)
def test_an_id_that_cannot_be_one_names_the_key(key: str, rule: KeyRule) -> None:
    with pytest.raises(InvalidInput) as caught:
        owner(rule).find(created(key))
    assert caught.value.field == "detail.object.key"


def test_a_transcript_must_be_known_by_its_key() -> None:
    texts = replace(owner(), kind="transcript", source=None)
    with pytest.raises(InvalidInput) as caught:
        texts.find(created("rec/call-1.wav"))
    assert caught.value == InvalidInput("detail.object.key", "no transcript key rule finds a call id")


def test_the_rules_that_were_tried_and_their_traits() -> None:
    rest = "metadata external-conversation-id; tag external_conversation_id; sidecar; aliases"
    assert owner(RULE, LEG).tried() == f"key rules own, leg; {rest}"
    assert owner().tried() == f"key rules none; {rest}"
    assert owner(RULE).traits(VERSION) == Traits(rank=1)
    assert owner().traits(VERSION) == NO_TRAITS


JUDGED = replace(RULE, sidecar="{external_conversation_id}.json")


def judged(content: object, traits: Traits) -> Traits | None:
    return replace(traits, agent_channel=1) if content == {"voice": True} else None


@pytest.mark.parametrize(
    ("sidecar", "clock", "expected"),
    [
        (b'{"voice": true}', 0, Owned("call-1", JUDGED, Traits(rank=1, agent_channel=1))),
        (b"{}", 0, Passed("not_a_voice_recording")),
        (None, 110, Owned("call-1", JUDGED, Traits(rank=1))),
    ],
)
def test_a_sidecar_judges(sidecar: bytes | None, clock: int, expected: Owned | Passed) -> None:
    bucket = FakeBucket({"call-1.json": ("s", sidecar)} if sidecar else {})
    found = owner(JUDGED, bucket=bucket, clock=clock, judges={"acme": judged}).find(created(VERSION.key))
    assert found == expected


def test_a_sidecar_is_waited_for() -> None:
    with pytest.raises(NotReady) as caught:
        owner(JUDGED, clock=109, judges={"acme": judged}).find(created(VERSION.key))
    assert caught.value.code == "sidecar_missing"


def test_a_sidecar_that_is_no_json() -> None:
    bucket = FakeBucket({"call-1.json": ("s", b"{")})
    with pytest.raises(InvalidInput) as caught:
        owner(JUDGED, bucket=bucket, judges={"acme": judged}).find(created(VERSION.key))
    assert caught.value == InvalidInput("sidecar", "must be JSON")


def test_a_rule_without_a_judge_asks_for_no_sidecar() -> None:
    assert owner(JUDGED).find(created(VERSION.key)) == Owned("call-1", JUDGED, Traits(rank=1))
    asked = owner(RULE, judges={"acme": judged}).find(created(VERSION.key))
    assert asked == Owned("call-1", RULE, Traits(rank=1))


# --- preparing ---------------------------------------------------------------------------------------


@dataclass
class Converted:
    """A conversion whose outcome is known."""

    content: bytes

    def __call__(
        self, size: int, read: ReadRange, sink: BinaryIO, *, agent_channel: int | None
    ) -> ContentType:
        sink.write(self.content)
        return "audio/wav"


def prepared(content: bytes, *, converted: bytes = b"") -> Preparing:
    bucket = FakeBucket({VERSION.key: ("e", content)})

    return Preparing(
        bucket, InMemoryLinks({"https://a.example/": b"abc"}), InMemoryStaging(bucket), Converted(converted)
    )


def looked(content: bytes, **changes: Any) -> tuple[Recording, AudioFacts]:
    return prepared(content).look(recording(size=len(content), **changes))


def test_a_look_describes_a_recording() -> None:
    described, _ = looked(wav(6.0, channels=2), traits=Traits(rank=3, longest=True), order="7")
    assert described == recording(
        size=192_044,
        traits=Traits(rank=3, longest=True),
        order="3-0000006000|7",
        content_type="audio/wav",
        duration_milliseconds=6000,
        channels=2,
    )
    assert looked(wav(6.0), order="7")[0].order == "1-0000000000|7"
    assert looked(wav(6.0, channels=2), agent_channel=1)[0].unprepared


@pytest.mark.parametrize(
    ("version_id", "url", "to_copy"),
    [("v1", "", False), (None, "", True), (None, "https://a.example/", False)],
    ids=["a version", "none", "fetched from a link"],
)
def test_what_has_no_version_is_fetched_from_a_copy(version_id: str | None, url: str, to_copy: bool) -> None:
    content = wav(6.0)
    parts = prepared(content)
    version = replace(VERSION, version_id=version_id)
    found, facts = parts.look(recording(size=len(content), version=version, url=url))
    assert (found.to_copy, found.unprepared, found.state) == (to_copy, False, RecordingState.READY)
    copy, made = parts.copied(found, facts)
    assert copy == replace(found, prepared=copy.prepared)
    assert (copy.to_copy, made) == (False, facts)
    assert copy.prepared is not None
    assert b"".join(parts.source.stream(copy.prepared)) == content


@pytest.mark.parametrize(("more", "state"), [(0, RecordingState.READY), (-1, RecordingState.LINKED)])
def test_of_what_has_no_version_only_the_too_large_is_copied_before_it_is_sent(
    monkeypatch: pytest.MonkeyPatch, more: int, state: RecordingState
) -> None:
    content = wav(6.0)
    monkeypatch.setattr(preparing_module, "MAX_UPLOAD_BYTES", len(content) + more)
    parts = prepared(content)
    found, facts = parts.look(recording(size=len(content), version=replace(VERSION, version_id=None)))
    sent = parts.sendable(found, facts)
    assert (found.state, sent.recording.state) == (RecordingState.READY, state)
    assert (sent.recording.prepared is None) == (state is RecordingState.READY)
    assert b"".join(sent.chunks) == content


@pytest.mark.parametrize(("more", "state"), [(0, RecordingState.READY), (-1, RecordingState.LINKED)])
def test_what_is_too_large_for_an_upload_is_linked(
    monkeypatch: pytest.MonkeyPatch, more: int, state: RecordingState
) -> None:
    content = wav(6.0, channels=2)
    monkeypatch.setattr(preparing_module, "MAX_UPLOAD_BYTES", len(content) + more)
    assert looked(content)[0].state is state
    assert looked(content, agent_channel=1)[0].state is RecordingState.READY
    parts = prepared(content)
    wrong, facts = parts.look(recording(size=len(content), agent_channel=1))
    sent = parts.sendable(wrong, facts).recording
    assert (sent.prepared is None) == (state is RecordingState.READY)
    copy, made = parts.copied(wrong, facts)
    assert copy.prepared is not None
    assert (copy.state, copy.prepared.bucket, copy.unprepared) == (state, "staging", False)
    assert (made.size, made.channels) == (len(content), 2)


def test_a_copy_is_described_and_lies_below_its_kind() -> None:
    parts = prepared(b"OggS" + bytes(100), converted=wav(7.0))
    foreign, facts = parts.look(recording(size=104))
    assert (foreign.unprepared, foreign.channels, facts.format) == (True, 0, "foreign")
    copy, _ = parts.copied(foreign, facts)
    assert copy.prepared is not None
    assert copy.prepared.key == "prepared/00000001"
    assert (copy.duration_milliseconds, copy.channels, copy.content_type) == (7000, 1, "audio/wav")
    version, size = parts.fetched("https://a.example/")
    assert (version.key, size) == ("fetched/00000002", 3)


@pytest.mark.parametrize("converted", [wav(1.0), b""])
def test_a_copy_that_coval_would_refuse(converted: bytes) -> None:
    parts = prepared(b"OggS" + bytes(100), converted=converted)
    with pytest.raises(AudioRefused):
        parts.copied(*parts.look(recording(size=104)))


# --- transcripts -------------------------------------------------------------------------------------


@dataclass
class Web:
    """Pages by their URL."""

    pages: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, url: str, max_bytes: int) -> bytes:
        assert max_bytes == 8 * 1024 * 1024
        return self.pages[url]


def files(web: Web, clock: int = 100) -> TranscriptFiles:
    return TranscriptFiles(
        documents=FakeDocuments(),
        web=web,
        fragments=InMemoryFragments(),
        parse=lambda format_, pages, facts: (format_, list(pages), facts),  # type: ignore[arg-type]
        next_page=lambda _, page: page.get("next") if isinstance(page, dict) else None,
        clock=FakeClock(clock),
        settle_seconds=60,
    )


def pointed(url: str = "", format_: str = "f", waiting_since: int = 0) -> Call:
    pointer = TranscriptPointer(url=url, format=format_, stored_at=1)
    return replace(NEW, transcript=pointer, waiting_since=waiting_since)


def chain(length: int) -> Web:
    """Pages of which each names the next."""
    names = [str(number) for number in range(length)]
    return Web(
        {
            name: json.dumps({"next": following}).encode()
            for name, following in zip(names, [*names[1:], None], strict=True)
        }
    )


def test_pages_are_followed_to_their_end() -> None:
    told: Any = files(chain(3)).load(pointed("0"))
    assert told == ("f", [{"next": "1"}, {"next": "2"}, {"next": None}], None)
    most: Any = files(chain(MOST_PAGES)).load(pointed("0"))
    assert len(most[1]) == MOST_PAGES == 50


def test_pages_without_end_are_refused() -> None:
    with pytest.raises(Permanent) as caught:
        files(chain(MOST_PAGES + 1)).load(pointed("0"))
    assert caught.value == Permanent("transcript_too_long", "The transcript has more than 50 pages.")


@pytest.mark.parametrize(("waiting_since", "code"), [(41, "fragments_may_come"), (40, "fragments_missing")])
def test_fragments_are_waited_for(waiting_since: int, code: str) -> None:
    with pytest.raises(NotReady) as caught:
        files(Web()).load(pointed(format_="fragments", waiting_since=waiting_since))
    assert caught.value.code == code


# --- writing -----------------------------------------------------------------------------------------


@dataclass
class Contended(InMemoryCalls):
    """Somebody else always writes first."""

    losses: int = 1000

    def write(self, seen: Call, call: Call) -> Call:
        if self.losses:
            self.losses -= 1
            raise Conflict(seen)
        return super().write(seen, call)


@pytest.mark.parametrize("losses", [0, 1, 19])
def test_who_loses_a_race_decides_again(losses: int) -> None:
    calls = Calls(Contended(losses=losses), FakeClock(), DEADLINES)
    settled = calls.settle(NEW, lambda seen: Transition(replace(seen, created_at=1)))
    assert settled == Transition(replace(NEW, created_at=1, revision=1))


def test_who_always_loses_gives_up() -> None:
    store = Contended()
    with pytest.raises(Retryable) as caught:
        Calls(store, FakeClock(), DEADLINES).settle(NEW, lambda seen: Transition(replace(seen, created_at=1)))
    assert (caught.value, store.losses) == (Retryable("contention"), 980)


def test_any_other_change_than_the_sweeps_begins_its_rests_anew() -> None:
    waiting = replace(
        NEW, state=ConversationState.WAITING, call_end=CallEnd.TEXT_PENDING, waiting_since=50,
        swept=3, due_at=9,
    )  # fmt: skip
    calls = Calls(InMemoryCalls(), FakeClock(60), DEADLINES)
    noted = calls.settle(waiting, lambda seen: Transition(replace(seen, created_at=1))).call
    assert (noted.swept, noted.due_at) == (0, 250)
    calls = Calls(InMemoryCalls(), FakeClock(60), DEADLINES)
    swept = calls.settle(waiting, lambda seen: Transition(replace(seen, swept=4))).call
    assert (swept.swept, swept.due_at) == (4, 60 + 4000)
