"""Recordings without a header, whose codec only their name or a key rule tells."""

import codecs
import struct
from typing import Final

from coval_relay.domain.audio.facts import AudioFacts, WaveLayout, foreign, unsupported
from coval_relay.domain.audio.wav_rewriting import wave_header
from coval_relay.domain.raw_audio import WIDE, RawAudio

OKI_ADPCM, OKI_BITS = 0x17, 4
_WAVE_TAGS: Final = {"pcm_s16le": (1, 16), "pcm_mulaw": (7, 8), "pcm_alaw": (6, 8)}
_HEADS: Final = (
    b"RIFF",
    b"RIFX",
    b"RF64",
    b"BW64",
    b"OggS",
    b"fLaC",
    b"#!AMR",
    b".snd",
    b"caff",
    b"FORM",
    b"ID3",
    b"wvpk",
)
"""What is no raw audio, whatever its name says."""
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\r\n"})


_MULAW, _ALAW = RawAudio(codec="pcm_mulaw"), RawAudio(codec="pcm_alaw")
_LINEAR: Final = {
    8: 8_000,
    12: 12_000,
    16: 16_000,
    24: 24_000,
    32: 32_000,
    44: 44_100,
    48: 48_000,
    96: 96_000,
    192: 192_000,
}
_EXTENSIONS: Final = {
    "ulaw": _MULAW,
    "ul": _MULAW,
    "mulaw": _MULAW,
    "pcmu": _MULAW,
    "alaw": _ALAW,
    "al": _ALAW,
    "pcma": _ALAW,
    "sln": RawAudio(codec="pcm_s16le"),
    **{f"sln{number}": RawAudio(codec="pcm_s16le", sample_rate=rate) for number, rate in _LINEAR.items()},
    "g722": RawAudio(codec="g722", sample_rate=WIDE),
    "gsm": RawAudio(codec="gsm"),
    "vox": RawAudio(codec="vox"),
}
"""As Asterisk and Dialogic name them."""
_UNREAD: Final = {
    "g719": "G.719",
    "g723": "G.723.1",
    "g723sf": "G.723.1",
    "g726-40": "G.726",
    "g726-32": "G.726",
    "g726-24": "G.726",
    "g726-16": "G.726",
    "g726": "G.726",
    "g729": "G.729",
    "ilbc": "iLBC",
    "siren7": "G.722.1",
    "siren14": "G.722.1C",
    "silk": "SILK",
    "evrc": "EVRC",
    "lpc10": "LPC-10",
}


def raw_by_name(name: str) -> RawAudio | None:
    """By the extension of a key, or of a URL's path."""
    return _EXTENSIONS.get(_extension(name))


def unread_by_name(name: str) -> str | None:
    """The codec of a raw recording that nothing here reads."""
    codec = _UNREAD.get(_extension(name))
    return f"raw {codec}" if codec else None


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower()


def may_be_raw(head: bytes) -> bool:
    """False for what has a header after all, and for text."""
    if head.startswith(_HEADS) or head[4:8] == b"ftyp":
        return False
    return not _is_text(head)


def _is_text(head: bytes) -> bool:
    """All of it: the quiet beginning of an A-law recording may be letters only."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return head == head.translate(None, _CONTROLS)


def measure(raw: RawAudio, size: int) -> AudioFacts:
    """Samples that lie open get a WAV header on their way; others must be decoded."""
    if raw.codec not in _WAVE_TAGS:
        if raw.channels != 1:
            raise unsupported(f"raw {raw.codec} of {raw.channels} channels")
        return foreign(f"raw {raw.codec}", size, raw=raw)
    tag, bits = _WAVE_TAGS[raw.codec]
    frame = raw.channels * bits // 8
    return AudioFacts(
        format="wav",
        content_type="audio/wav",
        duration_milliseconds=size // frame * 1000 // raw.sample_rate,
        channels=raw.channels,
        sample_rate=raw.sample_rate,
        codec=raw.codec,
        size=size,
        layout=WaveLayout(
            format_chunk=_format_chunk(tag, raw, frame, bits),
            data_offset=0,
            data_size=size,
            frame_bytes=frame,
            declared=False,
        ),
        raw=raw,
        end=size,
    )


def oki_header(raw: RawAudio, size: int) -> bytes:
    """Dialogic's ADPCM has no container of its own that a decoder knows, but a number in WAV (RFC 2361)."""
    return wave_header(_format_chunk(OKI_ADPCM, raw, 1, OKI_BITS), size)


def _format_chunk(tag: int, raw: RawAudio, frame: int, bits: int) -> bytes:
    average = raw.sample_rate * raw.channels * bits // 8
    return struct.pack("<HHIIHH", tag, raw.channels, raw.sample_rate, average, frame, bits)
