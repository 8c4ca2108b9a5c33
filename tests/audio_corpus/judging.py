"""What the relay makes of a file, beside what ffmpeg hears in it."""

import io
import tempfile
from collections.abc import Callable, Sequence
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
from tests.audio_corpus.other_decoders import OTHER_DECODERS
from tests.support.ffmpeg import Decoded, full_decodes
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
    """`judge` is what ffmpeg hears, or where the relay is not as ffmpeg has it, the `decoder` that bears it out."""

    name: str
    ours: Verdict
    judge: Decoded | None
    difference: str
    decoder: str = "ffmpeg"


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
    (heard,) = _decoded([ours])
    return Row(name, ours, judge, difference(ours, judge, heard))


def rows_of_files(paths: Sequence[Path]) -> list[Row]:
    judges = full_decodes([(path, options_of(path.suffix)) for path in paths])
    contents = [path.read_bytes() for path in paths]
    verdicts = [relayed(data, path.name) for path, data in zip(paths, contents, strict=True)]
    return [
        _settled(path.name, data, ours, None if _is_text(data) else judge, heard)
        for path, data, judge, ours, heard in zip(paths, contents, judges, verdicts, _decoded(verdicts), strict=True)
    ]


def _is_text(data: bytes) -> bool:
    """Which ffmpeg plays where the name is that of samples."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _settled(name: str, data: bytes, ours: Verdict, judge: Decoded | None, heard: Decoded | None) -> Row:
    """Where another decoder hears in the file, whole, what the relay says, ffmpeg is wrong."""
    differs = difference(ours, judge, heard)
    for decoder, decode in OTHER_DECODERS.items() if differs else ():
        other = decode(data)
        if other and not difference(ours, other, heard):
            return Row(name, ours, other, "", decoder)
    return Row(name, ours, judge, differs)


def options_of(extension: str) -> tuple[str, ...]:
    """What says to ffmpeg how to read a recording without a header."""
    if extension.removeprefix(".") not in RAW:
        return ()
    form, rate = RAW[extension.removeprefix(".")]
    return ("-f", form) if form in ("g722", "gsm") else ("-f", form, "-ar", str(rate), "-ac", "1")


def difference(ours: Verdict, judge: Decoded | None, heard: Decoded | None) -> str:
    """What is not as the judge has it, who `heard` what was sent.

    A rejection that names the format is a decision, not a difference.
    """
    if judge is None:
        return "" if ours.facts is None else "ffmpeg hears nothing"
    if ours.facts is None:
        return "" if ours.code == "audio_unsupported_format" else f"ffmpeg hears {judge.milliseconds / 1000:.2f} s"
    return _off(ours.facts, judge) or _misjudged(ours, judge) or _unlike(heard, judge)


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


def _unlike(heard: Decoded | None, judge: Decoded) -> str:
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


def _decoded(verdicts: Sequence[Verdict]) -> list[Decoded | None]:
    """What ffmpeg hears in what each would send."""
    with tempfile.TemporaryDirectory() as folder:
        sent = {number: verdict.sent for number, verdict in enumerate(verdicts) if verdict.sent}
        for number, data in sent.items():
            (Path(folder) / str(number)).write_bytes(data)
        heard = dict(zip(sent, full_decodes([(Path(folder) / str(number), ()) for number in sent]), strict=True))
    return [heard.get(number) for number in range(len(verdicts))]


def _beginning(sound: Decoded) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    samples = sound.samples[: LOOKED_AT * sound.rate].astype(float)
    return samples if sound.rate == 8_000 else narrow(samples, sound.rate)
