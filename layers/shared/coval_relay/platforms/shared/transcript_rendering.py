"""From canonical messages to Coval's: times checked, filled in, and counted from the start of the audio."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic import ConfigDict

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.domain.call import CallFacts
from coval_relay.domain.tool_calls import with_sound_tool_calls
from coval_relay.domain.transcript import Transcript, check_times, check_tool_calls, completed, shifted
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions


class _TranscriptFile(BoundaryModel):
    model_config = ConfigDict(revalidate_instances="always")

    transcript: canonical.Transcript


@dataclass(frozen=True, slots=True)
class Lengths:
    """In seconds: the call's, which shows the unit of times, and its audio's, which ends the last message."""

    call: float | None = None
    audio: float | None = None


def checked_messages(messages: Sequence[object]) -> tuple[canonical.Message, ...]:
    """The messages of a file, as they are or as JSON; raises InvalidInputError."""
    inline = {"status": "inline", "messages": list(messages)}
    return validate(_TranscriptFile, {"transcript": inline}, "").transcript.messages


def inline_transcript(event: canonical.CallEndedEvent, options: PlatformOptions) -> Transcript:
    """The transcript in a call's end; raises InvalidInputError."""
    lengths = Lengths(event.seconds, event.spoken_seconds)
    transcript = _rendered(event.transcript.messages, lengths, options, "detail.transcript.messages")
    started = event.recording_started_at
    if started is None or event.transcript.time_base == "recording_start":
        return transcript
    return shifted(transcript, (started - event.zero).total_seconds())


def transcript_of_file(
    messages: Sequence[canonical.Message], facts: CallFacts | None, options: PlatformOptions
) -> Transcript:
    """The transcript of a file's messages; raises InvalidInputError."""
    lengths = Lengths()
    if facts and facts.seconds is not None:
        zero = datetime.fromisoformat(facts.occurred_at).timestamp()
        lengths = Lengths(facts.seconds, max(0.0, facts.ended_at - zero))
    return _rendered(checked_messages(messages), lengths, options, "transcript.messages")


def _rendered(
    messages: tuple[canonical.Message, ...], lengths: Lengths, options: PlatformOptions, path: str
) -> Transcript:
    rendered = tuple(_for_coval(message) for message in messages)
    check_times(rendered, lengths.call, path)
    check_tool_calls(rendered, path)
    return completed(with_sound_tool_calls(rendered), lengths.audio, keep_estimates=options.estimated_times == "send")


def _for_coval(message: canonical.Message) -> dict[str, Any]:
    """Coval's own field names, without what is absent; but `content` is always there."""
    fields = {name: value for name, value in asdict(message).items() if value is not None}
    return {**fields, "content": message.content}
