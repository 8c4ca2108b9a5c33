"""What the relay makes of a file, beside what ffmpeg hears in it."""

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np

from coval_relay.adapters.audio import PyAvConverter
from coval_relay.domain.audio import (
    AudioFacts,
    AudioRejectedError,
    Preparation,
    check_limits,
    preparation,
    probe,
    rearranged,
)
from coval_relay.domain.audio.coval_limits import MAX_MILLISECONDS, MIN_MILLISECONDS, PADDING_MILLISECONDS
from coval_relay.domain.raw_audio import RawAudio
from tests.support.ffmpeg import Decoded, full_decode
from tests.support.voices import correlation, narrow

MOST_MILLISECONDS, MOST_SHARE = 50, 0.01
"""So much may a length be off, the larger counts; what is no longer has no form that MP3 would keep."""
LEAST_CORRELATION = 0.8
LOOKED_AT = 20
"""Seconds of sound that are compared."""
QUIET = 3
"""Of 32768: what is as quiet as that has no form that can be compared."""
RAW: Final = {
    "ulaw": ("mulaw", 8_000), "alaw": ("alaw", 8_000), "sln": ("s16le", 8_000), "sln16": ("s16le", 16_000),
    "g722": ("g722", 16_000), "gsm": ("gsm", 8_000),
}  # fmt: skip
"""Extensions of recordings without a header: ffmpeg's name for what they hold, and its rate."""
LIMITS = ("audio_too_short", "audio_too_long", "audio_too_large")


@dataclass(frozen=True)
class Verdict:
    """`sent` is what Coval would get, None where the relay rejects it."""

    facts: AudioFacts | None
    how: str
    reason: str = ""
    code: str = ""
    sent: bytes | None = None

    @property
    def milliseconds(self) -> int | None:
        return self.facts.duration_milliseconds if self.facts else None

    def __str__(self) -> str:
        if self.facts is None:
            return f"rejected: {self.reason}"
        text = f"{self.how}, {self.facts.duration_milliseconds / 1000:.2f} s, {self.facts.channels} ch"
        return f"{text}; {self.reason}" if self.reason else text


@dataclass(frozen=True)
class Row:
    name: str
    ours: Verdict
    judge: Decoded | None
    difference: str


def relayed(data: bytes, name: str, raw: RawAudio | None = None) -> Verdict:
    """As the services do it, but for limits, which are shown and not obeyed."""
    try:
        facts = probe(len(data), _reader(data), raw, name)
        how = preparation(facts, None)
        sent = _made(data, facts, how)
        made = probe(len(sent), _reader(sent))
    except AudioRejectedError as error:
        return Verdict(None, "", error.text, error.code)
    try:
        check_limits(replace(made, padded=made.padded or facts.padded))
    except AudioRejectedError as error:
        return Verdict(made, how.value, error.text, error.code, sent)
    return Verdict(made, how.value, sent=sent)


def _made(data: bytes, facts: AudioFacts, how: Preparation) -> bytes:
    if how is Preparation.NONE:
        return data
    if how is Preparation.REARRANGE:
        return b"".join(rearranged([data], facts, swap=False))
    sink = io.BytesIO()
    part = data[facts.begin : facts.end or None]
    PyAvConverter()(len(part), _reader(part), cast("BinaryIO", sink), agent_channel=None, raw=facts.raw)
    return sink.getvalue()


def _reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda start, length: data[start : start + length]


def row(name: str, data: bytes, judge: Decoded | None, raw: RawAudio | None = None) -> Row:
    ours = relayed(data, name, raw)
    return Row(name, ours, judge, difference(ours, judge))


def row_of_file(path: Path) -> Row:
    return row(path.name, path.read_bytes(), full_decode(path, *options_of(path.suffix)))


def options_of(extension: str) -> tuple[str, ...]:
    """What says to ffmpeg how to read a recording without a header."""
    if extension.removeprefix(".") not in RAW:
        return ()
    form, rate = RAW[extension.removeprefix(".")]
    return ("-f", form) if form in ("g722", "gsm") else ("-f", form, "-ar", str(rate), "-ac", "1")


def difference(ours: Verdict, judge: Decoded | None) -> str:
    """What is not as ffmpeg has it; a rejection that names the format is a decision, not a difference."""
    if judge is None:
        return "" if ours.facts is None else "ffmpeg hears nothing"
    if ours.facts is None or ours.sent is None:
        return "" if ours.code == "audio_unsupported_format" else f"ffmpeg hears {judge.milliseconds / 1000:.2f} s"
    return _off(ours.facts, judge) or _misjudged(ours, judge) or _unlike(ours.sent, judge)


def _off(facts: AudioFacts, judge: Decoded) -> str:
    """Two channels of two tracks, or of a later part, are more than ffmpeg's first; many may become one."""
    off = facts.duration_milliseconds - judge.milliseconds
    if abs(off) > max(MOST_MILLISECONDS, MOST_SHARE * judge.milliseconds):
        return f"length {off:+.0f} ms of {judge.milliseconds:.0f}"
    if facts.channels < judge.channels <= 2:
        return f"{facts.channels} of {judge.channels} channels"
    return ""


def _misjudged(ours: Verdict, judge: Decoded) -> str:
    """A limit that ffmpeg's length does not break, or breaks, by more than the length may be off."""
    least, most = MIN_MILLISECONDS - MOST_MILLISECONDS, MAX_MILLISECONDS + PADDING_MILLISECONDS + MOST_MILLISECONDS
    if not ours.code and not least <= judge.milliseconds <= most:
        return "beyond a limit, and sent"
    if ours.code == "audio_too_short" and judge.milliseconds >= MIN_MILLISECONDS + MOST_MILLISECONDS:
        return "rejected as too short"
    if ours.code == "audio_too_long" and judge.milliseconds <= MAX_MILLISECONDS:
        return "rejected as too long"
    return ""


def _unlike(sent: bytes, judge: Decoded) -> str:
    heard = decoded(sent)
    if heard is None:
        return "ffmpeg hears nothing in what was sent"
    if judge.channels > 2 or judge.milliseconds <= MOST_MILLISECONDS:
        return ""
    for channel in range(min(heard.channels, judge.channels)):
        ours, theirs = (_beginning(sound)[:, channel] for sound in (heard, judge))
        length = min(len(ours), len(theirs))
        if length and np.abs(theirs[:length]).max() > QUIET:
            alike = correlation(ours[:length], theirs[:length])
            if alike < LEAST_CORRELATION:
                return f"another sound on channel {channel}: {alike:.2f}"
    return ""


def decoded(data: bytes) -> Decoded | None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return full_decode(Path(file.name))


def _beginning(sound: Decoded) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    samples = sound.samples[: LOOKED_AT * sound.rate].astype(float)
    return samples if sound.rate == 8_000 else narrow(samples, sound.rate)
