"""The scenarios: what is sent, and what has to come of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.demo.audio_comparison import AS_SENT, CONVERTED, SAME_SAMPLES, SIDES_CHANGED
from local.demo.steps import (
    CallEnd,
    Fault,
    LargeRecording,
    Recording,
    Shuffled,
    Step,
    TranscriptObject,
    Until,
    UntilParked,
    Webhook,
)
from local.stack.parameters import RECORDINGS_UNVERSIONED

SUBMIT = "conversations:submit$"
PATCH = "/v1/conversations/[^/]+$"
LARGE_SECONDS = 1800.0
"""115,200,044 bytes: more than `audio:upload` takes."""
UNREADABLE = {
    "code": "INVALID_ARGUMENT",
    "message": "Invalid or corrupt audio file. Unable to read audio metadata.",
    "details": [{"field": "audio_url", "description": "Unable to read audio metadata."}],
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a call: what Coval holds, and what the item says.

    `audio` is what became of the recording on its way; `waves` are the metrics that have run;
    `dead_letter` is the reason code there.
    """

    conversations: int = 1
    text: bool = True
    audio: str = ""
    waves: str = "text"
    state: str = "SUBMITTED"
    recording: str = ""
    reason: str = ""
    dead_letter: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call's story."""

    name: str
    steps: tuple[Step, ...]
    expected: Ending

    @property
    def sent(self) -> str:
        """The recording's file."""
        return next(_files(self.steps), "")


def _files(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Shuffled):
            yield from _files(step.steps)
        elif isinstance(step, Recording | LargeRecording):
            yield step.file


def _attached(audio: str = AS_SENT, *, text: bool = True) -> Ending:
    return Ending(audio=audio, recording="ATTACHED", text=text, waves="text audio" if text else "audio")


def _rejected(reason: str) -> Ending:
    return Ending(recording="REJECTED", reason=reason)


SCENARIOS = (
    Scenario(
        "call end first",
        (CallEnd("stereo-pcm-8khz.wav"), Until("SUBMITTED"), Recording("stereo-pcm-8khz.wav")),
        _attached(),
    ),
    Scenario(
        "recording first",
        (
            Recording("stereo-mulaw-8khz-streamed.wav"),
            Until("NEW", "UPLOADED"),
            CallEnd("stereo-mulaw-8khz-streamed.wav"),
        ),
        _attached(SAME_SAMPLES),
    ),
    Scenario(
        "recording without call end",
        (Recording("stereo-mulaw-8khz.wav"),),
        _attached(text=False),
    ),
    Scenario(
        "call end without transcript",
        (CallEnd("stereo-cbr-16khz.mp3", "none"), Until("WAITING"), Recording("stereo-cbr-16khz.mp3")),
        _attached(text=False),
    ),
    Scenario(
        "transcript by reference",
        (
            CallEnd("stereo-vbr-16khz.mp3", "reference"),
            TranscriptObject("stereo-vbr-16khz.mp3"),
            Recording("stereo-vbr-16khz.mp3"),
        ),
        _attached(),
    ),
    Scenario(
        "transcript comes later",
        (
            CallEnd("stereo-cbr-16khz-without-xing.mp3", "pending"),
            Recording("stereo-cbr-16khz-without-xing.mp3"),
            Until("WAITING", "UPLOADED"),
            TranscriptObject("stereo-cbr-16khz-without-xing.mp3"),
        ),
        _attached(),
    ),
    Scenario(
        "everything three times",
        (
            Shuffled(
                (
                    CallEnd("mono-vbr-8khz-without-xing.mp3"),
                    Recording("mono-vbr-8khz-without-xing.mp3", RECORDINGS_UNVERSIONED),
                )
            ),
        ),
        _attached(),
    ),
    Scenario(
        "too short",
        (CallEnd("too-short-mulaw-8khz.wav"), Recording("too-short-mulaw-8khz.wav")),
        _rejected("audio_too_short"),
    ),
    Scenario(
        "not audio",
        (CallEnd("mono-pcm-8khz.wav"), Recording("not-audio.wav")),
        _rejected("audio_unreadable"),
    ),
    Scenario(
        "110 MB, late",
        (CallEnd("stereo-pcm-16khz.wav"), Until("SUBMITTED"), LargeRecording(LARGE_SECONDS)),
        _attached(),
    ),
    Scenario(
        "110 MB, late, unversioned",
        (
            CallEnd("stereo-pcm-16khz.wav"),
            Until("SUBMITTED"),
            LargeRecording(LARGE_SECONDS, RECORDINGS_UNVERSIONED),
        ),
        _attached(),
    ),
    Scenario(
        "agent on channel 1",
        (
            CallEnd("stereo-pcm-8khz.wav", agent_channel=1),
            Until("SUBMITTED"),
            Recording("agent-on-channel-1.wav"),
        ),
        _attached(SIDES_CHANGED),
    ),
    Scenario(
        "Opus in OGG",
        (
            Recording("stereo-opus-16khz.ogg"),
            Until("NEW", "UPLOADED"),
            CallEnd("stereo-pcm-16khz.wav"),
        ),
        _attached(CONVERTED),
    ),
    Scenario(
        "recording by another name",
        (
            Recording("stereo-pcm-8khz.wav", by_alias=True),
            UntilParked(),
            CallEnd("stereo-pcm-8khz.wav", by_alias=True),
        ),
        _attached(),
    ),
    Scenario(
        "filtered simulation",
        (
            CallEnd("mono-alaw-8khz.wav", metadata={"coval_simulation_id": "sim_demo"}),
            Recording("mono-alaw-8khz.wav"),
        ),
        Ending(conversations=0, text=False, waves="", state="FILTERED", recording="REJECTED", reason="filtered"),
    ),
    Scenario(
        "429, 500, then silence",
        (
            Fault("POST", SUBMIT, {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}}),
            Fault("POST", SUBMIT, {"kind": "status", "status": 500}),
            Fault("POST", SUBMIT, {"kind": "timeout_after_accept", "seconds": 10}),
            CallEnd("mono-pcm-8khz.wav"),
            Recording("mono-pcm-8khz.wav"),
        ),
        _attached(),
    ),
    Scenario(
        "recording rejected by Coval",
        (
            CallEnd("stereo-pcm-16khz.wav"),
            Until("SUBMITTED"),
            Fault("PATCH", PATCH, {"kind": "status", "status": 400, "body": {"error": UNREADABLE}}),
            Recording("stereo-pcm-16khz.wav"),
        ),
        _rejected("INVALID_ARGUMENT"),
    ),
    Scenario(
        "event without id",
        (CallEnd("mono-pcm-8khz.wav", without_id=True),),
        Ending(conversations=0, text=False, waves="", state="", dead_letter="invalid_input"),
    ),
    Scenario(
        "webhook of Vapi",
        (Webhook("vapi/end_of_call_report", "de28acb8-b62b-4e25-a64c-ced9dd181990"),),
        Ending(),
    ),
    Scenario(
        "webhook of Retell",
        (Webhook("retell/call_analyzed", "call_5f0c1f8a2b3c4d5e6f708192a3b"),),
        Ending(),
    ),
    Scenario(
        "webhook of LiveKit",
        (Webhook("livekit/session_report", "RM_8hV2kQnWbTzA"),),
        Ending(),
    ),
)
