"""The services' small decisions, each at its limits."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import pytest

from coval_relay.domain.audio import AudioFacts, AudioRejectedError, ReadRange, probe
from coval_relay.domain.audio.facts import foreign, undecodable, unreadable, unsupported
from coval_relay.domain.call import (
    NO_HINTS,
    Call,
    CallEnd,
    ConversationState,
    Recording,
    RecordingHints,
    RecordingState,
    TranscriptPointer,
)
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.coval import ContentType, Conversation
from coval_relay.domain.errors import InvalidInputError, NotReadyError, PermanentError, RetryableError
from coval_relay.domain.lifecycle import Deadlines, Transition
from coval_relay.domain.messages import ObjectCreated, RecordingFound, RecordingReady
from coval_relay.domain.object_key_rules import KeyRule, KeyRuleSet
from coval_relay.domain.ports import ConflictError
from coval_relay.domain.raw_audio import RawAudio
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.services import recording_preparer as preparing_module
from coval_relay.services.action_runner import recording_found
from coval_relay.services.conditional_updates import Calls
from coval_relay.services.object_matcher import Matched, ObjectMatcher, Skipped, overlaid
from coval_relay.services.recording_preparer import RecordingPreparer
from coval_relay.services.submission import concerns_audio, concerns_upload, live
from coval_relay.services.transcript_loader import MAX_PAGES, TranscriptLoader
from coval_relay.services.upload_recording import identity_of, identity_of_url
from tests.support.events import wav
from tests.support.fakes import FakeBucket, FakeClock, FakeConverter, FakeTranscriptObjects, InMemoryCalls
from tests.support.in_memory import InMemoryStaging, InMemoryUrls, InMemoryUtterances

DEADLINES = Deadlines(grace=100, transcript=200, recording=300, audit=400, resume=500)
VERSION = ObjectVersion("recordings", "rec/call-1.wav", "e", "v1")
NEW = Call(external_conversation_id="call-1")


def rejected(field_: str | None = None, reason: str = "Bad.", status: int = 400) -> PermanentError:
    return PermanentError("CODE", reason, field_, status)


# --- Coval's rejections and conversations --------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "audio", "upload"),
    [
        (rejected("audio_url"), True, False),
        (rejected("audio"), True, False),
        (rejected("upload_id"), True, True),
        (rejected(reason="Audio file is empty."), True, False),
        (rejected(reason="Unsupported audio format."), True, False),
        (rejected(reason="Invalid or corrupt audio file."), True, False),
        (rejected(reason="Upload not found: upl"), False, True),
        (rejected("audio", status=404), False, False),
        (rejected(reason="Audio file is empty.", status=422), True, False),
        (rejected(reason="Audio file is empty.", status=409), False, False),
        (rejected("transcript"), False, False),
    ],
)
def test_what_a_rejection_is_about(error: PermanentError, audio: bool, upload: bool) -> None:
    assert (concerns_audio(error), concerns_upload(error)) == (audio, upload)


def test_live_conversations_the_oldest_first() -> None:
    conversations = [
        Conversation("c", create_time="2026-10-02"),
        Conversation("b", status="DELETED", create_time="2026-10-01"),
        Conversation("a", create_time="2026-10-01", status="COMPLETED"),
        Conversation("d", status="CANCELLED"),
        Conversation("e"),
    ]
    assert [one.conversation_id for one in live(conversations)] == ["e", "a", "c"]


# --- a recording's message ---------------------------------------------------------------------------


def recording(**changes: Any) -> Recording:
    made = Recording(identity=identity_of(VERSION), sort_key="1-0000000000|7", created_at=5, state=RecordingState.READY)
    return replace(made, **{"version": VERSION, "size": 9, "hints": RecordingHints(rank=1), **changes})


def test_the_message_that_brings_a_recording_again() -> None:
    created = ObjectCreated(version=VERSION, size=9, sort_key="7", created_at=5)
    found = RecordingFound(external_conversation_id="call-1", created_at=5, hints=RecordingHints(rank=1))
    assert recording_found(replace(NEW, recording=recording())) == replace(found, created=created)
    link = replace(found, url="https://a.example/")
    for version in (VERSION, None):
        held = replace(NEW, recording=recording(url="https://a.example/", version=version))
        assert recording_found(held) == link
    assert recording_found(replace(NEW, recording=recording(version=None))) is None
    assert recording_found(NEW) is None


def test_identities() -> None:
    assert identity_of(VERSION) == "s3://recordings/rec/call-1.wav#v1"
    assert identity_of(replace(VERSION, version_id=None)) == "s3://recordings/rec/call-1.wav#e"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?signature=secret#part", ""),
        ("?leg=2&leg=1", "?leg=1&leg=2"),
        ("?X-Amz-Algorithm=a&X-Amz-Date=d&versionId=v&X-Amz-Signature=s", "?versionId=v"),
        ("?Expires=1&Key-Pair-Id=K&Signature=s", ""),
        ("?sv=1&se=2&sr=b&sp=r&sig=s", ""),
        ("?track=&access_token=s", "?track="),
    ],
)
def test_the_identity_of_a_link_leaves_out_what_signs_it(query: str, named: str) -> None:
    assert identity_of_url(f"https://a.example:8443/b/c.wav{query}") == f"https://a.example:8443/b/c.wav{named}"


RAW = RawAudio(codec="pcm_mulaw")


@pytest.mark.parametrize(
    ("event_hints", "expected"),
    [
        (NO_HINTS, RecordingHints(agent_channel=1, rank=2)),
        (RecordingHints(agent_channel=0), RecordingHints(agent_channel=0, rank=2)),
        (RecordingHints(rank=3), RecordingHints(agent_channel=1, rank=3)),
        (RecordingHints(longest=True), RecordingHints(agent_channel=1, rank=2, longest=True)),
        (RecordingHints(several=True), RecordingHints(agent_channel=1, rank=2, several=True)),
        (RecordingHints(raw=RAW), RecordingHints(agent_channel=1, rank=2, raw=RAW)),
    ],
)
def test_an_event_goes_over_the_rule(event_hints: RecordingHints, expected: RecordingHints) -> None:
    assert overlaid(RecordingHints(agent_channel=1, rank=2), event_hints) == expected
    ruled = RecordingHints(longest=True, several=True, raw=RAW)
    assert overlaid(ruled, NO_HINTS) == ruled
    assert overlaid(ruled, RecordingHints(raw=RawAudio(codec="gsm"))).raw == RawAudio(codec="gsm")


# --- whose an object is ------------------------------------------------------------------------------

RULE = KeyRule(
    name="own", platform="acme", pattern=r"^rec/(?P<external_conversation_id>[^/]+)\.wav$",
    hints=RecordingHints(rank=1),
)  # fmt: skip
LEG = KeyRule(name="leg", platform="acme", pattern=r"^leg/(?P<alias>.*)\.wav$", alias_type="leg")


def owner(*rules: KeyRule, bucket: FakeBucket | None = None, clock: int = 100, **more: Any) -> ObjectMatcher:
    book = KeyRuleSet(rules=rules, **more)
    return ObjectMatcher(
        kind="recording",
        key_rule_set=lambda: book,
        buckets=("recordings",),
        prefixes=("rec/", "leg/", "odd/"),
        clock=FakeClock(clock),
        sidecar_seconds=60,
        source=bucket or FakeBucket({"odd/a.wav": ("e", b""), "leg/L1.wav": ("e", b"")}),
    )


@pytest.mark.parametrize(
    ("key", "rules", "suggested"),
    [
        ("rec/call-1.wav", (RULE,), ("call-1",)),
        ("leg/L1.wav", (RULE, LEG), (Alias("leg", "L1"),)),
        ("odd/a.wav", (RULE,), ()),
        ("rec/call-1.wav", (replace(RULE, kind="transcript"),), ()),
        (f"rec/{'x' * 300}.wav", (RULE,), ()),
    ],
)
def test_whose_a_key_alone_suggests_an_object_is(
    key: str, rules: tuple[KeyRule, ...], suggested: tuple[str | Alias, ...]
) -> None:
    assert owner(*rules).suggested(created(key).version) == suggested


def created(key: str, created_at: int = 50) -> ObjectCreated:
    version = ObjectVersion("recordings", key, "e")
    return ObjectCreated(version=version, size=9, sort_key="1", created_at=created_at)


@pytest.mark.parametrize(
    ("key", "rules", "expected"),
    [
        ("rec/call-1.wav", (RULE,), Matched("call-1", RULE, RecordingHints(rank=1))),
        ("leg/L1.wav", (RULE, LEG), Matched(Alias("leg", "L1"), LEG, NO_HINTS)),
        ("odd/a.wav", (RULE,), Matched(Alias("s3_object", "recordings/odd/a.wav"))),
        ("rec/", (), Skipped("ignored_key")),
        *(
            (key, (), Skipped("ignored_key"))
            for key in (
                "rec/.temp-1",
                "rec/.DS_Store",
                "rec/._call-1.wav",
                "odd/call-1.wav.filepart",
                "odd/call-1.wav.md5",
                "odd/2026_$folder$",
                "odd/_SUCCESS",
                "odd/_temporary/0/part-0",
                "odd/Thumbs.db",
                "odd/call-1.wav.tmp",
            )
        ),
        ("odd/a.JSON", (), Skipped("ignored_key")),
        ("rec/call-1.wav", (replace(RULE, kind="transcript"),), Skipped("is_a_transcript")),
        ("rec/call-1.wav", (replace(RULE, redacted=True),), Skipped("other_twin_by_redaction")),
        (
            "rec/call-1.wav",
            (replace(RULE, redacted=False),),
            Matched("call-1", replace(RULE, redacted=False), RecordingHints(rank=1)),
        ),
        (
            "rec/call-1.wav",
            (replace(RULE, bucket="other"),),
            Matched(Alias("s3_object", "recordings/rec/call-1.wav")),
        ),
    ],
)  # fmt: skip
def test_an_object_by_its_key(key: str, rules: tuple[KeyRule, ...], expected: Matched | Skipped) -> None:
    bucket = FakeBucket({key: ("e", b"")})
    assert owner(*rules, bucket=bucket).match(created(key)) == expected


def test_a_key_that_the_operator_ignores_matches_no_rule() -> None:
    assert owner(RULE, ignored=(re.compile("call"),)).match(created("rec/call-1.wav")) == Skipped("ignored_key")


def test_what_stands_with_an_object_goes_before_its_alias() -> None:
    bucket = FakeBucket({"leg/L1.wav": ("e", b""), "odd/a.wav": ("e", b"")})
    bucket.metadata["leg/L1.wav"] = {"external-conversation-id": "call-2"}
    bucket.tagging["odd/a.wav"] = {"external_conversation_id": "call-3"}
    assert owner(LEG, bucket=bucket).match(created("leg/L1.wav")) == Matched("call-2", LEG, NO_HINTS)
    assert owner(LEG, bucket=bucket).match(created("odd/a.wav")) == Matched("call-3")


@pytest.mark.parametrize(("key", "rule"), [('rec/"x".wav', RULE), ("leg/.wav", LEG), (f"rec/{'x' * 257}.wav", RULE)])
def test_an_id_that_cannot_be_one_names_the_key(key: str, rule: KeyRule) -> None:
    with pytest.raises(InvalidInputError) as caught:
        owner(rule).match(created(key))
    assert caught.value.field == "detail.object.key"


def test_a_transcript_must_be_known_by_its_key() -> None:
    texts = replace(owner(), kind="transcript", source=None)
    with pytest.raises(InvalidInputError) as caught:
        texts.match(created("rec/call-1.wav"))
    assert caught.value == InvalidInputError("detail.object.key", "no transcript key rule finds a call id")


def test_the_rules_that_were_tried_and_their_traits() -> None:
    rest = "metadata external-conversation-id; tag external_conversation_id; sidecar; aliases"
    named, of_key = replace(RULE, named_by="a word of its own"), created("rec/call-1.wav")
    linked = RecordingReady(target="call-1", uri="https://a.example/a", created_at=1)
    assert owner(RULE, LEG).tried_rules(of_key) == f"tried: key rules own, leg; {rest}"
    assert owner().tried_rules(of_key) == f"tried: key rules none; {rest}"
    assert owner(named).tried_rules(of_key) == f"own needs a word of its own; tried: key rules own; {rest}"
    assert owner(named).tried_rules(linked) == f"tried: key rules own; {rest}"
    assert owner(RULE).hints(VERSION) == RecordingHints(rank=1)
    assert owner().hints(VERSION) == NO_HINTS


JUDGED = replace(RULE, sidecar="{external_conversation_id}.json")


def judged(content: object, hints: RecordingHints) -> RecordingHints | None:
    return replace(hints, agent_channel=1) if content == {"voice": True} else None


@pytest.mark.parametrize(
    ("sidecar", "clock", "expected"),
    [
        (b'{"voice": true}', 0, Matched("call-1", JUDGED, RecordingHints(rank=1, agent_channel=1))),
        (b"{}", 0, Skipped("not_a_voice_recording")),
        (None, 110, Matched("call-1", JUDGED, RecordingHints(rank=1))),
    ],
)
def test_a_sidecar_judges(sidecar: bytes | None, clock: int, expected: Matched | Skipped) -> None:
    bucket = FakeBucket({"call-1.json": ("s", sidecar)} if sidecar else {})
    found = owner(JUDGED, bucket=bucket, clock=clock, sidecar_hints={"acme": judged}).match(created(VERSION.key))
    assert found == expected


def test_a_sidecar_is_waited_for() -> None:
    with pytest.raises(NotReadyError) as caught:
        owner(JUDGED, clock=109, sidecar_hints={"acme": judged}).match(created(VERSION.key))
    assert caught.value.code == "sidecar_missing"


def test_a_sidecar_that_is_no_json() -> None:
    bucket = FakeBucket({"call-1.json": ("s", b"{")})
    with pytest.raises(InvalidInputError) as caught:
        owner(JUDGED, bucket=bucket, sidecar_hints={"acme": judged}).match(created(VERSION.key))
    assert caught.value == InvalidInputError("sidecar", "must be JSON")


def test_a_rule_without_a_judge_asks_for_no_sidecar() -> None:
    assert owner(JUDGED).match(created(VERSION.key)) == Matched("call-1", JUDGED, RecordingHints(rank=1))
    asked = owner(RULE, sidecar_hints={"acme": judged}).match(created(VERSION.key))
    assert asked == Matched("call-1", RULE, RecordingHints(rank=1))


# --- preparing ---------------------------------------------------------------------------------------


def prepared(content: bytes, *, converted: bytes = b"") -> RecordingPreparer:
    bucket = FakeBucket({VERSION.key: ("e", content)})

    return RecordingPreparer(
        bucket, InMemoryUrls({"https://a.example/": b"abc"}), InMemoryStaging(bucket), FakeConverter(converted)
    )


def looked(content: bytes, **changes: Any) -> tuple[Recording, AudioFacts]:
    return prepared(content).inspect(recording(size=len(content), **changes))


def test_a_look_describes_a_recording() -> None:
    described, _ = looked(wav(6.0, channels=2), hints=RecordingHints(rank=3, longest=True), sort_key="7")
    assert described == recording(
        size=192_044,
        hints=RecordingHints(rank=3, longest=True),
        sort_key="3-0000006000|7",
        content_type="audio/wav",
        duration_milliseconds=6000,
        channels=2,
    )
    assert looked(wav(6.0), sort_key="7")[0].sort_key == "1-0000000000|7"
    assert looked(wav(6.0, channels=2), agent_channel=1)[0].needs_preparation


@pytest.mark.parametrize(
    ("version_id", "url", "needs_copy"),
    [("v1", "", False), (None, "", True), (None, "https://a.example/", False)],
    ids=["a version", "none", "fetched from a link"],
)
def test_what_has_no_version_is_fetched_from_a_copy(version_id: str | None, url: str, needs_copy: bool) -> None:
    content = wav(6.0)
    parts = prepared(content)
    version = replace(VERSION, version_id=version_id)
    found, facts = parts.inspect(recording(size=len(content), version=version, url=url))
    assert (found.needs_copy, found.needs_preparation, found.state) == (
        needs_copy,
        False,
        RecordingState.READY,
    )
    copy = parts.make_copy(found, facts)
    assert copy == replace(found, prepared=copy.prepared)
    assert not copy.needs_copy
    assert copy.prepared is not None
    assert b"".join(parts.source.stream(copy.prepared)) == content


@pytest.mark.parametrize(("more", "state"), [(0, RecordingState.READY), (-1, RecordingState.BY_URL)])
def test_of_what_has_no_version_only_the_too_large_is_copied_before_it_is_sent(
    monkeypatch: pytest.MonkeyPatch, more: int, state: RecordingState
) -> None:
    content = wav(6.0)
    monkeypatch.setattr(preparing_module, "MAX_UPLOAD_BYTES", len(content) + more)
    parts = prepared(content)
    found, facts = parts.inspect(recording(size=len(content), version=replace(VERSION, version_id=None)))
    assert found.state is RecordingState.READY
    assert parts.must_copy(found, facts) == (state is RecordingState.BY_URL)
    sent = parts.make_copy(found, facts) if parts.must_copy(found, facts) else found
    assert sent.state is state
    assert b"".join(parts.prepare(sent, facts).chunks) == content


@pytest.mark.parametrize(("more", "state"), [(0, RecordingState.READY), (-1, RecordingState.BY_URL)])
def test_what_is_too_large_for_an_upload_is_linked(
    monkeypatch: pytest.MonkeyPatch, more: int, state: RecordingState
) -> None:
    content = wav(6.0, channels=2)
    monkeypatch.setattr(preparing_module, "MAX_UPLOAD_BYTES", len(content) + more)
    assert looked(content)[0].state is state
    assert looked(content, agent_channel=1)[0].state is RecordingState.READY
    parts = prepared(content)
    wrong, facts = parts.inspect(recording(size=len(content), agent_channel=1))
    assert parts.must_copy(wrong, facts) == (state is RecordingState.BY_URL)
    copy = parts.make_copy(wrong, facts)
    assert copy.prepared is not None
    assert (copy.state, copy.prepared.bucket, copy.needs_preparation) == (state, "staging", False)
    sent = parts.prepare(copy, facts)
    assert (sent.size, len(b"".join(sent.chunks)), copy.channels) == (len(content), len(content), 2)


def test_a_copy_is_described_and_lies_below_its_kind() -> None:
    parts = prepared(b"OggS" + bytes(100), converted=wav(7.0))
    foreign, facts = parts.inspect(recording(size=104))
    assert (foreign.needs_preparation, foreign.channels, facts.format) == (True, 0, "foreign")
    copy = parts.make_copy(foreign, facts)
    assert copy.prepared is not None
    assert copy.prepared.key == "prepared/00000001"
    assert (copy.duration_milliseconds, copy.channels, copy.content_type) == (7000, 1, "audio/wav")
    version, size = parts.fetch("https://a.example/")
    assert (version.key, size) == ("fetched/00000002", 3)


HOUR_MILLISECONDS = 3_600_000
MEASURED = AudioFacts(
    format="wav",
    content_type="audio/wav",
    duration_milliseconds=HOUR_MILLISECONDS + 100,
    channels=1,
    sample_rate=8000,
    codec="pcm_s16le",
    size=9,
)


def copied(monkeypatch: pytest.MonkeyPatch, before: bool, after: bool) -> Recording:
    """Of a recording whose length may count an encoder's padding, before or after."""
    monkeypatch.setattr(preparing_module, "probe", lambda *_: replace(MEASURED, padded=after))
    return prepared(wav(6.0)).make_copy(recording(size=9), replace(MEASURED, padded=before))


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True)])
def test_an_encoder_s_padding_makes_no_copy_too_long(
    monkeypatch: pytest.MonkeyPatch, before: bool, after: bool
) -> None:
    assert copied(monkeypatch, before, after).duration_milliseconds == HOUR_MILLISECONDS + 100


def test_a_copy_that_is_too_long_without_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AudioRejectedError) as caught:
        copied(monkeypatch, before=False, after=False)
    assert caught.value == AudioRejectedError(
        "audio_too_long", "Audio too long: 60.1 minutes. Maximum duration is 60 minutes."
    )


@dataclass
class Reads:
    """A conversion that reads all, and fails at its end."""

    error: AudioRejectedError
    seen: list[bytes] = field(default_factory=list)

    def __call__(
        self, size: int, read: ReadRange, sink: BinaryIO, *, agent_channel: int | None, raw: RawAudio | None = None
    ) -> ContentType:
        self.seen += [read(0, 1), read(2, size - 2)]
        raise self.error


@pytest.mark.parametrize(("end", "rest"), [(0, b"dio, tags"), (9, b"dio")])
@pytest.mark.parametrize(
    ("error", "reported"), [(unreadable(), undecodable("opus")), (unsupported("x"), unsupported("x"))]
)
def test_only_the_audio_is_decoded_and_its_errors_name_the_codec(
    end: int, rest: bytes, error: AudioRejectedError, reported: AudioRejectedError
) -> None:
    content = b"ID3:audio, tags"
    parts, convert = prepared(content), Reads(error)
    facts = foreign("opus", len(content), begin=4, end=end)
    with pytest.raises(AudioRejectedError) as caught:
        replace(parts, convert=convert).make_copy(recording(size=len(content)), facts)
    assert caught.value == reported
    assert convert.seen == [b"a", rest]


@pytest.mark.parametrize(("url", "name"), [("", VERSION.key), ("https://a.example/b/c.mp3?d=e", "/b/c.mp3")])
def test_what_a_recording_is_its_own_name_says(monkeypatch: pytest.MonkeyPatch, url: str, name: str) -> None:
    names: list[str] = []

    def look(size: int, read: ReadRange, raw: RawAudio | None, key: str) -> AudioFacts:
        names.append(key)
        return probe(size, read, raw, key)

    monkeypatch.setattr(preparing_module, "probe", look)
    looked(wav(6.0), url=url)
    assert names == [name]


@pytest.mark.parametrize("converted", [wav(1.0), b""])
def test_a_copy_that_coval_would_reject(converted: bytes) -> None:
    parts = prepared(b"OggS" + bytes(100), converted=converted)
    with pytest.raises(AudioRejectedError):
        parts.make_copy(*parts.inspect(recording(size=104)))


# --- transcripts -------------------------------------------------------------------------------------


@dataclass
class Web:
    """Pages by their URL."""

    pages: Mapping[str, bytes] = field(default_factory=dict)

    def fetch(self, url: str, max_bytes: int) -> bytes:
        assert max_bytes == 8 * 1024 * 1024
        return self.pages[url]


def files(web: Web, clock: int = 100) -> TranscriptLoader:
    return TranscriptLoader(
        objects=FakeTranscriptObjects(),
        urls=web,
        utterances=InMemoryUtterances(),
        parse=lambda format_, pages, facts: (format_, list(pages), facts),  # type: ignore[arg-type]
        next_page=lambda _, page: page.get("next") if isinstance(page, dict) else None,
        clock=FakeClock(clock),
        deadlines=DEADLINES,
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
    loaded: Any = files(chain(3)).load(pointed("0"))
    assert loaded == ("f", [{"next": "1"}, {"next": "2"}, {"next": None}], None)
    most: Any = files(chain(MAX_PAGES)).load(pointed("0"))
    assert len(most[1]) == MAX_PAGES == 50


def test_pages_without_end_are_rejected() -> None:
    with pytest.raises(PermanentError) as caught:
        files(chain(MAX_PAGES + 1)).load(pointed("0"))
    assert caught.value == PermanentError("transcript_too_long", "The transcript has more than 50 pages.")


@pytest.mark.parametrize(("waiting_since", "code"), [(66, "utterances_may_come"), (65, "utterances_missing")])
def test_fragments_are_waited_for(waiting_since: int, code: str) -> None:
    with pytest.raises(NotReadyError) as caught:
        files(Web(), clock=200).load(pointed(format_="utterances", waiting_since=waiting_since))
    assert caught.value.code == code


# --- writing -----------------------------------------------------------------------------------------


@dataclass
class Contended(InMemoryCalls):
    """Somebody else always writes first."""

    losses: int = 1000

    def save(self, seen: Call, call: Call) -> Call:
        if self.losses:
            self.losses -= 1
            raise ConflictError(seen)
        return super().save(seen, call)


@pytest.mark.parametrize("losses", [0, 1, 19])
def test_who_loses_a_race_decides_again(losses: int) -> None:
    calls = Calls(Contended(losses=losses), FakeClock(), DEADLINES)
    updated = calls.update(NEW, lambda seen: Transition(replace(seen, created_at=1)))
    assert updated == Transition(replace(NEW, created_at=1, revision=1))


def test_who_always_loses_gives_up() -> None:
    store = Contended()
    with pytest.raises(RetryableError) as caught:
        Calls(store, FakeClock(), DEADLINES).update(NEW, lambda seen: Transition(replace(seen, created_at=1)))
    assert (caught.value, store.losses) == (RetryableError("contention"), 980)


def test_only_what_gets_a_call_anywhere_begins_its_rests_anew() -> None:
    waiting = replace(
        NEW, state=ConversationState.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, waiting_since=50,
        sweeps=3, due_at=9,
    )  # fmt: skip
    calls = Calls(InMemoryCalls(), FakeClock(60), DEADLINES)
    noted = calls.update(waiting, lambda seen: Transition(replace(seen, created_at=1))).call
    assert (noted.sweeps, noted.due_at) == (3, 60 + 240)
    calls = Calls(InMemoryCalls(), FakeClock(60), DEADLINES)
    got_on = calls.update(waiting, lambda seen: Transition(replace(seen, call_end=CallEnd.WITHOUT_TRANSCRIPT))).call
    assert got_on.sweeps == 0
    calls = Calls(InMemoryCalls(), FakeClock(60), DEADLINES)
    sweeps = calls.update(waiting, lambda seen: Transition(replace(seen, sweeps=4))).call
    assert (sweeps.sweeps, sweeps.due_at) == (4, 60 + 480)
