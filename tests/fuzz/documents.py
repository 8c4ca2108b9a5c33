"""What is read from buckets, parameters, secrets and the table: files, rules, credentials, items."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from coval_relay.adapters.aws.dynamodb_aliases import _pending_message
from coval_relay.adapters.aws.dynamodb_calls import from_item, to_item
from coval_relay.adapters.aws.dynamodb_table import plain, serialized
from coval_relay.adapters.aws.queue_messages import from_text
from coval_relay.adapters.aws.secrets import key_of
from coval_relay.adapters.web.platform_credentials import headers_by_host
from coval_relay.configuration.document import Configuration
from coval_relay.configuration.parsing import ConfigurationError, parse, validated
from coval_relay.domain.call import (
    NO_HINTS,
    UTTERANCES,
    Call,
    CallEnd,
    CallFacts,
    ConversationState,
    Lease,
    Parts,
    Recording,
    RecordingState,
    TranscriptPointer,
)
from coval_relay.domain.errors import Reason
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.platforms.registry import key_rule_set, next_page, parse_transcript
from coval_relay.services.transcript_loader import _parsed
from tests.fuzz.boundary import SECRET, outcome_of
from tests.fuzz.deliveries import EVENTS, NAMES, OPTIONS
from tests.fuzz.mutation import text_of
from tests.support.events import TURNS

PROJECT = Path(__file__).parents[2]
FACTS: Final = CallFacts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=1_790_951_797, seconds=347.0)
FORMATS: Final[dict[str, list[Any]]] = {
    "canonical_v1": [TURNS, {"messages": TURNS}],
    "contact_lens_v1": ["amazon_connect/contact_lens", "amazon_connect/contact_lens_bot"],
    "transcribe_call_analytics": ["amazon_chime/transcribe_call_analytics"],
    "twilio_sentences": ["twilio/sentences", "twilio/sentences_last_page"],
    "livekit_session_report": ["livekit/session_report", "livekit/session_report_odd_items"],
    "vapi": ["vapi/end_of_call_report", "vapi/end_of_call_report_odd_messages"],
    "retell": ["retell/call_analyzed", "retell/call_ended_web_odd_turns"],
    "elevenlabs": ["elevenlabs/post_call_transcription", "elevenlabs/post_call_transcription_odd_turns"],
}


def _content(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    read = json.loads((EVENTS / f"{given}.json").read_text(encoding="utf-8"))
    return read.get("detail", read) if isinstance(read, dict) else read


# --- transcripts and sidecars ------------------------------------------------------------------------


def transcripts() -> list[Any]:
    return [[name, _content(given)] for name, files in FORMATS.items() for given in files]


def judged_transcript(given: Any) -> str:
    """A file's text by its format, with the call's facts and without."""
    name, content = given if isinstance(given, list) and len(given) == 2 else ("canonical_v1", given)
    raw = text_of(content).encode(errors="replace")
    format_ = name if isinstance(name, str) else "canonical_v1"
    if format_ == UTTERANCES:
        return "collected by the relay itself, never read from a file"
    after = outcome_of(lambda: next_page(format_, _parsed(raw)))
    for facts in (FACTS, None):
        last = outcome_of(lambda: parse_transcript(format_, [_parsed(raw)], facts, OPTIONS))  # noqa: B023 - now
    return f"{format_} {last}, then {after}"


def sidecars() -> list[Any]:
    owner = {"external_conversation_id": "call-1"}
    return [
        ["rec/call-1.wav.json", owner],
        ["EG_1.json", _content("livekit/manifest")],
        *(["genesys", _content(f"genesys/{name}")] for name in (
            "recording_metadata", "recording_metadata_chat", "recording_metadata_screen",
            "recording_metadata_station",
        )),
    ]  # fmt: skip


def judged_sidecar(given: Any) -> str:
    """What is pushed is read by its key's pattern, what is pulled by every platform that pulls."""
    key, content = given if isinstance(given, list) and len(given) == 2 else ("a.wav.json", given)
    book = key_rule_set(NAMES, OPTIONS, (), ())
    outcomes = [
        outcome_of(lambda: sidecar.read(content, "recordings", key))  # noqa: B023 - called at once
        for sidecar in book.sidecars
        if isinstance(key, str) and sidecar.pattern.search(key)
    ]
    outcomes += [outcome_of(lambda: hints_of(content, NO_HINTS)) for hints_of in book.sidecar_hints.values()]  # noqa: B023
    return ", ".join(outcomes)


# --- the operator's and our own texts ----------------------------------------------------------------


def key_rules() -> list[Any]:
    rule = {"name": "own", "pattern": r"^(?P<external_conversation_id>[^/]+)\.wav$"}
    by_alias = {
        "name": "legs", "platform": "twilio", "bucket": "recordings", "pattern": r"(?P<alias>RE[0-9a-f]{32})",
        "alias_type": "leg", "kind": "transcript", "format": "vapi", "agent_channel": 1, "rank": 2,
        "redacted": True, "several": True, "longest": True,
    }  # fmt: skip
    odd = [
        "(" * 2000,
        "(?P<alias>a{99999999999})",
        "(?P<alias>a{4294967295})",
        "(?P<alias>(a*)*)",
        "(?P<a",
        "[",
    ]
    return [[rule, by_alias], [], *([{**rule, "pattern": pattern}] for pattern in odd)]


def configurations() -> list[Any]:
    texts = [
        example.read_text(encoding="utf-8") for example in (PROJECT / "relay.example.toml", PROJECT / "relay.toml")
    ]
    return [*texts, *({"key_rules": rules} for rules in key_rules())]


def judged_configuration(value: Any) -> str:
    """A document as it is written, or what was read of it."""
    last = ""
    for deployed in (None, Configuration()):
        try:
            if isinstance(value, dict):
                validated(value, deployed=deployed)
            else:
                parse(text_of(value), deployed=deployed)
            last = "accepted"
        except ConfigurationError:
            last = "rejected"
    return last


def credentials() -> list[Any]:
    return [
        {"api.twilio.com": {"username": "AC1", "password": SECRET}},
        {"media.example.com:8443": {"header": "X-Api-Key", "value": SECRET}},
    ]


def judged_credentials(value: Any) -> str:
    return outcome_of(lambda: headers_by_host(text_of(value)))


def secrets() -> list[Any]:
    return ["key-1", {"api_key": "key-1"}, {"api_key": SECRET}, "{", '{"a":' * 100_000, "[" * 100_000]


def judged_secret(value: Any) -> str:
    return outcome_of(lambda: key_of(text_of(value)))


def judged_relay_text(value: Any) -> str:
    return outcome_of(lambda: from_text(text_of(value)))


# --- the table's items -------------------------------------------------------------------------------


def items() -> list[Any]:
    recording = Recording(
        identity="s3://recordings/a.wav#1", sort_key="1", created_at=1, state=RecordingState.UPLOADED,
        version=ObjectVersion("recordings", "a.wav", "e"), upload_id="upl_1", reason=Reason("a", "b"),
    )  # fmt: skip
    call = Call(
        external_conversation_id="call-1", revision=3, state=ConversationState.SUBMITTING, facts=FACTS,
        call_end=CallEnd.WITH_TRANSCRIPT,
        lease=Lease("t", 5, Parts(transcript=True, facts=True, recording=True)),
        transcript=TranscriptPointer(format="vapi", stored_at=1, url="https://media.example.com/a.json"),
        sent=Parts(transcript=True, facts=True, recording=False), recording=recording,
        other_recordings={"s3://b": "superseded"}, notes=(Reason("invalid_input", "a: b"),),
        due_at=1_790_951_900,
    )  # fmt: skip
    pending = {
        "external_conversation_id": "alias#room#R1", "item_key": "pending#1", "identity": "s3://a",
        "queue": "recording", "event": "{}", "pending_since": 1_790_951_900,
    }  # fmt: skip
    return [to_item(call), to_item(Call(external_conversation_id="call-1")), pending]


def judged_item(item: Any) -> str:
    """An item that an older or a newer version has written, or somebody by hand."""
    try:
        typed = {str(name): serialized(_stored(value)) for name, value in dict(item).items()}
    except (TypeError, ValueError, ArithmeticError, RecursionError):
        return "no item"
    if str(plain(typed).get("external_conversation_id", "")).startswith("alias#"):
        return outcome_of(lambda: _pending_message(plain(typed)))
    return outcome_of(lambda: from_item(plain(typed)))


def _stored(value: Any) -> Any:
    """As DynamoDB keeps it: numbers are decimal."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {str(name): _stored(inner) for name, inner in value.items()}
    return [_stored(inner) for inner in value] if isinstance(value, list | tuple) else value
