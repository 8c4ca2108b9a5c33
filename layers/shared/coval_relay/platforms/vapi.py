"""Vapi: the server message `end-of-call-report`, with the transcript and the recordings' URLs.

Docs: Vapi, server events: end-of-call-report, and the types of its server SDK. The system prompt, which the
report carries too, is left out: it can be long and secret.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from coval_relay.boundary import validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.canonical import ConversationId, Time
from coval_relay.platforms.shared.building import (
    aliases,
    answering,
    asking,
    canonical,
    known,
    message,
    reachable,
    speech,
    tool_call,
    transcript,
)
from coval_relay.platforms.shared.contract import (
    CanonicalEvent,
    CanonicalMessage,
    Event,
    Platform,
    PlatformOptions,
    TranscriptContext,
    TranscriptFormat,
)
from coval_relay.platforms.shared.field_types import (
    Camel,
    EpochMilliseconds,
    Json,
    Lenient,
    Number,
    Several,
    Text,
    Url,
    rfc_3339,
    sent_at,
)

NAME = "vapi"
DIRECTIONS = {"inboundPhoneCall": "inbound", "outboundPhoneCall": "outbound", "webCall": "web"}
SPEAKERS = {"bot": "assistant", "assistant": "assistant", "user": "user"}


class _Function(Camel):
    name: Text = None
    arguments: Json = None


class _Asked(Camel):
    id: Text = None
    function: Lenient[_Function] = _Function()


class _Turn(Camel):
    role: Text = None
    message: str | None = None
    time: Number = None
    end_time: Number = None
    """Epoch milliseconds, both."""
    seconds_from_start: Number = None
    tool_calls: Several[_Asked] = ()
    tool_call_id: Text = None
    result: Json = None


class _Mono(Camel):
    combined_url: Url = None


class _Recording(Camel):
    stereo_url: Url = None
    mono: Lenient[_Mono] = _Mono()


class _Artifact(Camel):
    messages: Several[_Turn] = ()
    recording: Lenient[_Recording] = _Recording()
    recording_url: Url = None
    stereo_recording_url: Url = None

    @property
    def mono(self) -> Url:
        return self.recording.mono.combined_url or self.recording_url

    @property
    def stereo(self) -> Url:
        return self.recording.stereo_url or self.stereo_recording_url


class _Agent(Camel):
    id: Text = None
    name: Text = None


class _Call(Camel):
    id: ConversationId
    type: Text = None
    created_at: Time = None
    assistant_id: Text = None
    squad_id: Text = None
    workflow_id: Text = None
    phone_call_provider: Text = None
    phone_call_provider_id: Text = None


class _Report(_Artifact):
    """Older reports have the artifact's fields at their top level."""

    type: Text = None
    ended_reason: Text = None
    started_at: Time = None
    ended_at: Time = None
    timestamp: EpochMilliseconds = None
    call: _Call
    assistant: Lenient[_Agent] = _Agent()
    artifact: Lenient[_Artifact] = _Artifact()

    @property
    def turns(self) -> Sequence[_Turn]:
        return self.artifact.messages or self.messages

    @property
    def mono_audio(self) -> Url:
        return self.artifact.mono or self.mono

    @property
    def stereo_audio(self) -> Url:
        return self.artifact.stereo or self.stereo


class _Body(Camel):
    message: _Report


def _translate(event: Event, options: PlatformOptions) -> Sequence[CanonicalEvent]:
    report = validate(_Body, event.get("detail"), "detail").message
    if report.type not in (None, "end-of-call-report"):
        return []
    return [_call_ended(report, _not_connected_at(report, event), options)]


def _call_ended(report: _Report, unanswered_at: datetime | None, options: PlatformOptions) -> CanonicalEvent:
    call = report.call
    return canonical(
        "Call Ended",
        NAME,
        external_conversation_id=call.id,
        aliases=aliases(twilio_call_sid=_twilio_call(call)) or None,
        direction=DIRECTIONS.get(call.type or ""),
        status=_status(report),
        end_reason=report.ended_reason,
        started_at=rfc_3339(unanswered_at),
        answered_at=rfc_3339(report.started_at),
        ended_at=rfc_3339(report.ended_at),
        agent=_agent(report),
        transcript=transcript(
            _messages(report.turns), "answered", separate=NAME in options.separate_transcripts
        ),
        recording=_recording(report, options),
        metadata=known(
            agent_name=report.assistant.name, vapi_call_type=call.type, vapi_squad_id=call.squad_id
        )
        or None,
    )


def _not_connected_at(report: _Report, event: Event) -> datetime | None:
    """When a call was tried that never connected: it has no `startedAt`."""
    if report.started_at:
        return None
    return report.call.created_at or report.ended_at or report.timestamp or sent_at(event)


def _status(report: _Report) -> str:
    """The reasons are an open set of hundreds: only their words are looked at."""
    reason = report.ended_reason or ""
    if report.started_at:
        return "voicemail" if reason == "voicemail" else "completed"
    words = {"busy": "busy", "cancel": "cancelled", "error": "failed", "fail": "failed"}
    return next((status for word, status in words.items() if word in reason), "no_answer")


def _agent(report: _Report) -> dict[str, Any] | None:
    call = report.call
    id_ = report.assistant.id or call.assistant_id or call.squad_id or call.workflow_id
    return known(id=id_, name=report.assistant.name) or None


def _twilio_call(call: _Call) -> str | None:
    return call.phone_call_provider_id if call.phone_call_provider == "twilio" else None


# --- transcript --------------------------------------------------------------------------------------


def _messages(turns: Sequence[_Turn]) -> list[CanonicalMessage]:
    return speech(told for turn in turns if (told := _message(turn)))


def _message(turn: _Turn) -> CanonicalMessage | None:
    start = turn.seconds_from_start
    if turn.role in SPEAKERS:
        return message(SPEAKERS[turn.role], turn.message, start, _end(turn))
    if turn.role == "tool_calls":
        return asking(turn.message, map(_asked, turn.tool_calls), start)
    if turn.role in ("tool_call_result", "tool"):
        return answering(turn.tool_call_id, turn.result or turn.message, start)
    return None


def _asked(call: _Asked) -> dict[str, Any] | None:
    return tool_call(call.id, call.function.name, call.function.arguments)


def _end(turn: _Turn) -> float | None:
    """From the two absolute times: `duration` is milliseconds or seconds, depending on whom one asks."""
    if turn.seconds_from_start is None or turn.time is None or turn.end_time is None:
        return None
    return turn.seconds_from_start + (turn.end_time - turn.time) / 1000


def _read(content: Any, _: TranscriptContext) -> Sequence[CanonicalMessage]:
    """A report that was put into a file."""
    return _messages(validate(_Body, content, "transcript").message.turns)


# --- recordings --------------------------------------------------------------------------------------


def _recording(report: _Report, options: PlatformOptions) -> dict[str, Any]:
    """Stereo where the agent's side is known, else the mix of both: Vapi does not document the sides."""
    side = options.agent_channels.get(NAME)
    kinds = [(report.stereo_audio, side), (report.mono_audio, None)]
    preferred = kinds if side is not None else kinds[::-1]
    found = [(uri, channel) for url, channel in preferred if (uri := reachable(url, options))]
    items = [known(uri=uri, agent_channel=channel) for uri, channel in found[:1]]
    return {"expected": bool(report.mono_audio or report.stereo_audio), "items": items}


_CALL = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FILE = rf"(?:^|/)(?P<external_conversation_id>{_CALL})-\d{{13}}-[0-9a-f-]{{36}}"


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    side = options.agent_channels.get(NAME)
    stereo = RecordingHints(agent_channel=side, rank=0 if side is None else 2, several=True)
    mono = RecordingHints(rank=1, several=True)
    return tuple(
        KeyRule(
            name=f"vapi_{kind}", platform=NAME, pattern=rf"{_FILE}-{kind}\.(?:wav|mp3|flac)$", hints=hints
        )
        for kind, hints in (("stereo", stereo), ("mono", mono))
    )


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    ignored_keys=(
        rf"(?:^|/){_CALL}[^/]*\.(?:pcap|log|txt|jsonl|gz)$",
        rf"(?:^|/){_CALL}[^/]*-(?:assistant|customer)\.(?:wav|mp3|flac)$",
    ),
    formats={NAME: TranscriptFormat(_read)},
)
