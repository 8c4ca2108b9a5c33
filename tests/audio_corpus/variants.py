"""Recordings as they are found in the field: made by ffmpeg, and by byte surgery on what it made."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import soundfile

from coval_relay.domain.audio.flac import STREAM_INFO_END
from coval_relay.domain.raw_audio import RawAudio
from tests.audio_corpus.judging import RAW, Row, options_of, row
from tests.support.ffmpeg import Decoded, full_decode, make
from tests.support.voices import call, narrow
from tests.unit.audio.made_audio import chunk, frames_of_flac, id3, riff, wave_format

SECONDS = 5.6
Source = Callable[[Path], bytes]


@dataclass(frozen=True)
class Variant:
    """A file, and who knows what is in it: ffmpeg, or where it cannot, the file `truth`, as ffmpeg hears that.

    `options` say to ffmpeg what a raw file is.
    """

    name: str
    data: Source
    truth: Source | None = None
    options: tuple[str, ...] = ()
    raw: RawAudio | None = None


def judged(variant: Variant, folder: Path) -> Row:
    path = folder / variant.name.replace("/", "-")
    data = variant.data(folder)
    path.write_bytes(data)
    judge = _judge(variant, path, folder)
    return row(path.name, data, judge, variant.raw)


def _judge(variant: Variant, path: Path, folder: Path) -> Decoded | None:
    if variant.truth is None:
        return full_decode(path, *variant.options)
    true = folder / "truth"
    true.write_bytes(variant.truth(folder))
    return full_decode(true)


# --- made by ffmpeg


@cache
def speech(seconds: float, rate: int, channels: int) -> bytes:
    """Two voices; as a WAV."""
    file = io.BytesIO()
    soundfile.write(file, call(seconds, rate, channels), rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


_made: dict[tuple[object, ...], bytes] = {}


def encoded(extension: str, *arguments: str, rate: int = 8_000, channels: int = 2, seconds: float = SECONDS) -> Source:
    """The voices in a format; made once."""

    def source(folder: Path) -> bytes:
        key = (extension, arguments, rate, channels, seconds)
        if key not in _made:
            wav = folder / "speech.wav"
            wav.write_bytes(speech(seconds, rate, channels))
            _made[key] = make(folder / f"made.{extension}", "-i", str(wav), *arguments)
        return _made[key]

    return source


WAV_CODECS: Final = {
    "pcm_u8": 8_000, "pcm_s16le": 8_000, "pcm_s24le": 16_000, "pcm_s32le": 8_000, "pcm_s64le": 8_000,
    "pcm_f32le": 8_000, "pcm_f64le": 8_000, "pcm_alaw": 8_000, "pcm_mulaw": 8_000, "adpcm_ms": 8_000,
    "adpcm_ima_wav": 8_000, "adpcm_yamaha": 8_000, "libmp3lame": 16_000, "mp2": 48_000, "ac3": 48_000,
    "wmav1": 44_100, "wmav2": 44_100, "flac": 8_000,
}  # fmt: skip
MONO_WAV_CODECS: Final = {"g722": 16_000, "g723_1": 8_000, "g726": 8_000, "libgsm_ms": 8_000}
UNNAMED_WAV_CODECS: Final = {"aac": 48_000, "libspeex": 8_000, "libvorbis": 44_100}


def wavs() -> Iterator[Variant]:
    for codec, rate in WAV_CODECS.items():
        for channels in (1, 2):
            yield Variant(f"wav-{codec}-{channels}.wav", encoded("wav", "-c:a", codec, rate=rate, channels=channels))
    for codec, rate in (MONO_WAV_CODECS | UNNAMED_WAV_CODECS).items():
        yield Variant(f"wav-{codec}.wav", encoded("wav", "-c:a", codec, rate=rate, channels=1))
    for form in ("always", "auto"):
        yield Variant(f"wav-rf64-{form}.wav", encoded("wav", "-rf64", form))
    yield Variant("wav-six.wav", encoded("wav", "-ac", "6"))


CONTAINERS: Final = {
    "flac": (8_000, ()), "ogg-flac.ogg": (16_000, ("-c:a", "flac")), "opus": (48_000, ("-c:a", "libopus")),
    "opus-8k.opus": (8_000, ("-c:a", "libopus", "-b:a", "12k")), "ogg": (44_100, ("-c:a", "libvorbis")),
    "spx": (8_000, ("-c:a", "libspeex")), "wide.spx": (16_000, ("-c:a", "libspeex")),
    "webm": (48_000, ("-c:a", "libopus")), "mka": (48_000, ("-c:a", "libvorbis")),
    "pcm.mkv": (8_000, ("-c:a", "pcm_s16le")),
    "m4a": (44_100, ("-c:a", "aac")), "8k.m4a": (8_000, ("-c:a", "aac")), "alac.m4a": (16_000, ("-c:a", "alac")),
    "mp4": (48_000, ("-c:a", "aac")),
    "fragments.mp4": (48_000, ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov")),
    "fast.mp4": (16_000, ("-c:a", "aac", "-movflags", "faststart")), "mp3.mp4": (44_100, ("-c:a", "libmp3lame")),
    "mov": (8_000, ("-c:a", "pcm_s16be")), "ulaw.mov": (8_000, ("-c:a", "pcm_mulaw")), "aac": (16_000, ()),
    "44k.aac": (44_100, ()), "ac3": (48_000, ()), "eac3": (48_000, ()), "mp2": (44_100, ()),
    "ts": (48_000, ("-c:a", "aac")),
    "mp3.ts": (44_100, ("-c:a", "libmp3lame")), "mpg": (48_000, ("-c:a", "mp2")),
    "flv": (44_100, ("-c:a", "libmp3lame")),
    "aac.flv": (44_100, ("-c:a", "aac")), "wma": (44_100, ("-c:a", "wmav2")), "wma1.wma": (22_050, ("-c:a", "wmav1")),
    "wv": (8_000, ()), "tta": (8_000, ()), "voc": (8_000, ()), "au": (8_000, ("-c:a", "pcm_s16be")),
    "ulaw.au": (8_000, ("-c:a", "pcm_mulaw")), "aiff": (8_000, ()), "ima.aiff": (8_000, ("-c:a", "adpcm_ima_qt")),
    "sowt.aiff": (8_000, ("-c:a", "pcm_s16le")), "caf": (8_000, ()), "alac.caf": (16_000, ("-c:a", "alac")),
    "w64": (8_000, ()), "avi": (48_000, ("-c:a", "libmp3lame")), "pcm.avi": (8_000, ("-c:a", "pcm_s16le")),
}  # fmt: skip


def containers() -> Iterator[Variant]:
    for name, (rate, arguments) in CONTAINERS.items():
        for channels in (1, 2):
            source = encoded(name.rpartition(".")[2], *arguments, rate=rate, channels=channels)
            yield Variant(f"container-{channels}.{name}", source)


MP3_RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def mp3(*arguments: str, rate: int = 8_000, channels: int = 2, seconds: float = SECONDS) -> Source:
    return encoded("mp3", *arguments, rate=rate, channels=channels, seconds=seconds)


UNTAGGED = ("-write_xing", "0", "-id3v2_version", "0")


def mp3s() -> Iterator[Variant]:
    modes = {"cbr": ("-b:a", "32k"), "vbr": ("-q:a", "5"), "abr": ("-b:a", "48k", "-abr", "1")}
    for rate in MP3_RATES:
        for mode, arguments in modes.items():
            yield Variant(f"mp3-{rate}-{mode}.mp3", mp3(*arguments, rate=rate))
            yield Variant(f"mp3-{rate}-{mode}-untagged.mp3", mp3(*arguments, *UNTAGGED, rate=rate, channels=1))
    for version in ("3", "4"):
        tags = ("-id3v2_version", version, "-write_id3v1", "1", "-metadata", "title=call")
        yield Variant(f"mp3-id3v2.{version}.mp3", mp3(*tags))
    for bits in ("8k", "16k", "64k"):
        yield Variant(f"mp3-8khz-{bits}.mp3", mp3("-b:a", bits, channels=1))
    yield Variant("mp3-pipe.mp3", piped)


def piped(folder: Path) -> bytes:
    """Minutes at a variable rate through a pipe, silent in three places, without a count: more than 1.5 MB."""
    quiet, loud = np.zeros(44_100 * 40), np.random.default_rng(1).uniform(-0.5, 0.5, 44_100 * 30)
    wav = folder / "hold.wav"
    soundfile.write(wav, np.concatenate([quiet, loud, quiet, loud, quiet]), 44_100)
    return make(folder / "hold.mp3", "-i", str(wav), "-q:a", "0", *UNTAGGED)


# --- surgery


def ape(body: bytes) -> bytes:
    return b"APETAGEX" + struct.pack("<IIII", 2000, len(body), 1, 0xA000_0000) + bytes(8) + body


PICTURE: Final = np.random.default_rng(7).bytes(9_000)
FRONTS: Final = {
    "id3": id3(b"x" * 500),
    "id3-large": id3(bytes(90_000)),
    "ape": ape(b"x" * 200),
    "zeros": bytes(128),
    "http": b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n",
    "id3-wrong-size": b"ID3\3\0\0" + struct.pack(">I", 9_000) + PICTURE,
    "id3-wrong-size-large": b"ID3\3\0\0" + struct.pack(">I", 100_000) + bytes(100_000),
}
BACKS: Final = {
    "id3v1": b"TAG" + bytes(125),
    "ape-cover": ape(PICTURE),
    "zeros": bytes(5_000),
    "picture": PICTURE,
    "id3v2": id3(b"x" * 400),
}
SURGERY_ON: Final = {
    "mp3": mp3(), "untagged.mp3": mp3(*UNTAGGED), "wav": encoded("wav"),
    "ulaw.wav": encoded("wav", "-c:a", "pcm_mulaw"),
    "ima.wav": encoded("wav", "-c:a", "adpcm_ima_wav"), "flac": encoded("flac"), "opus": encoded("opus", rate=48_000),
    "ogg": encoded("ogg", rate=44_100), "m4a": encoded("m4a", rate=44_100), "aac": encoded("aac", rate=16_000),
    "webm": encoded("webm", rate=48_000), "au": encoded("au"), "aiff": encoded("aiff"),
    "wma": encoded("wma", rate=44_100),
}  # fmt: skip
FOUND_BEHIND_JUNK: Final = ("mp3", "untagged.mp3", "wav", "ulaw.wav", "ima.wav", "flac", "opus", "ogg", "m4a", "aac")
BEHIND_TAGS_ONLY: Final = ("id3", "id3-large", "ape")


def part(source: Source, kept: slice) -> Source:
    return lambda folder: source(folder)[kept]


def share(source: Source, kept: float) -> Source:
    return lambda folder: source(folder)[: int(len(source(folder)) * kept)]


def around(front: bytes, source: Source, back: bytes = b"") -> Source:
    return lambda folder: front + source(folder) + back


def junk() -> Iterator[Variant]:
    for name, source in SURGERY_ON.items():
        for place, front in FRONTS.items():
            if name in FOUND_BEHIND_JUNK or place in BEHIND_TAGS_ONLY:
                mp3_only = place.startswith("id3-wrong-size") and "mp3" not in name
                if not mp3_only:
                    yield Variant(f"front-{place}.{name}", around(front, source), truth=source)
        for place, back in BACKS.items():
            yield Variant(f"back-{place}.{name}", around(b"", source, back), truth=source)
    for cut in (1, 50, 200):
        for name in ("untagged.mp3", "aac"):
            source = SURGERY_ON[name]
            yield Variant(f"mid-frame-{cut}.{name}", part(source, slice(cut, None)))


def cuts() -> Iterator[Variant]:
    for name, source in SURGERY_ON.items():
        if name == "m4a":
            continue  # its index stands at the end
        for kept in (0.55, 0.95):
            yield Variant(f"cut-{kept}.{name}", share(source, kept))
    fast = encoded("m4a", "-movflags", "faststart", rate=44_100)
    yield Variant("cut-fast.m4a", share(fast, 0.67))
    yield Variant("cut-slow.m4a", part(SURGERY_ON["m4a"], slice(-2000)))


def joined(*sources: Source) -> Source:
    return lambda folder: b"".join(source(folder) for source in sources)


def chains() -> Iterator[Variant]:
    opus = [encoded("opus", rate=48_000, channels=channels, seconds=3.0) for channels in (1, 2)]
    vorbis = [encoded("ogg", rate=rate, channels=1, seconds=3.0) for rate in (44_100, 16_000)]
    yield Variant("chain-same.opus", joined(opus[1], opus[1]), truth=lambda _: twice(speech(3.0, 48_000, 2)))
    yield Variant("chain-mono-stereo.opus", joined(opus[0], opus[1]), truth=lambda _: twice(speech(3.0, 48_000, 1)))
    yield Variant("chain-stereo-mono.opus", joined(opus[1], opus[0]))
    yield Variant("chain-rates.ogg", joined(*vorbis), truth=lambda _: narrowed(3.0, 44_100, 16_000))
    flac = encoded("ogg", "-c:a", "flac", rate=48_000, channels=1, seconds=3.0)
    yield Variant("chain-flac.ogg", joined(flac, flac, flac))
    first = mp3(*UNTAGGED, rate=16_000, seconds=3.0)
    yield Variant("joined-same.mp3", joined(first, first))
    yield Variant("joined-tagged.mp3", joined(mp3(rate=16_000, seconds=3.0), mp3(rate=16_000, seconds=3.0)))
    yield Variant("joined-rates.mp3", joined(first, mp3(*UNTAGGED, rate=44_100, seconds=3.0)))
    yield Variant(
        "joined.aac", joined(encoded("aac", rate=16_000, seconds=3.0), encoded("aac", rate=16_000, seconds=3.0))
    )


def narrowed(seconds: float, *rates: int) -> bytes:
    """Voices of several rates behind each other, at 8 kHz: ffmpeg lets the second begin a little late."""
    file = io.BytesIO()
    sounds = [narrow(call(seconds, rate, 1), rate) for rate in rates]
    soundfile.write(file, np.concatenate(sounds), 8_000, format="WAV", subtype="PCM_16")
    return file.getvalue()


def twice(wav: bytes) -> bytes:
    samples = wav[44:]
    return riff(wav[12:36], chunk(b"data", samples * 2))


def patched(wav: Source, **fields: int) -> Source:
    """Other numbers in the `fmt ` chunk of a WAV."""
    places = {"tag": (20, "<H"), "rate": (24, "<I"), "average": (28, "<I"), "block": (32, "<H"), "bits": (34, "<H")}
    places |= {"riff": (4, "<I")}

    def source(folder: Path) -> bytes:
        data = bytearray(wav(folder))
        for name, value in fields.items():
            if name == "data":
                struct.pack_into("<I", data, data.index(b"data") + 4, value)
            else:
                struct.pack_into(places[name][1], data, places[name][0], value)
        return bytes(data)

    return source


def headers() -> Iterator[Variant]:
    """Numbers that contradict the bytes."""
    for codec in ("pcm_mulaw", "pcm_alaw"):
        for channels in (1, 2):
            plain = encoded("wav", "-c:a", codec, channels=channels)
            for name, fields in {
                "bits16": {"bits": 16, "block": 2 * channels, "average": 16_000 * channels}, "bits0": {"bits": 0},
                "block0": {"block": 0}, "average0": {"average": 0}, "all0": {"bits": 0, "block": 0, "average": 0},
            }.items():  # fmt: skip
                yield Variant(f"header-{name}-{channels}.{codec}.wav", patched(plain, **fields), truth=plain)
    for codec in ("pcm_s16le", "pcm_u8"):
        for channels in (1, 2):
            plain = encoded("wav", "-c:a", codec, channels=channels)
            other = 8 if codec == "pcm_s16le" else 16
            for name, fields in {
                "bits": {"bits": other}, "bits0": {"bits": 0}, "block": {"block": channels * other // 8},
                "block0": {"block": 0}, "average": {"average": 8_000 * channels * other // 8},
                "average0": {"average": 0},
                "riff0": {"riff": 0}, "riff-short": {"riff": 100}, "data0": {"data": 0}, "data-1": {"data": 0xFFFFFFFF},
                "data-far": {"data": 0x7FFFF000}, "both-1": {"riff": 0xFFFFFFFF, "data": 0xFFFFFFFF},
            }.items():  # fmt: skip
                yield Variant(f"header-{name}-{channels}.{codec}.wav", patched(plain, **fields), truth=plain)
    yield Variant("data-first.wav", lambda _: data_first(speech(SECONDS, 8_000, 2)))
    yield Variant("rifx.wav", lambda _: rifx(speech(SECONDS, 8_000, 2)), truth=lambda _: speech(SECONDS, 8_000, 2))
    yield Variant("rifx-float.wav", lambda _: rifx_float(), truth=lambda _: speech(SECONDS, 8_000, 2))
    large = encoded("flac", "-frame_size", "8192")
    yield Variant("metadata-too-short.flac", lambda folder: uncounted(large(folder)), truth=large)
    yield Variant("mp3-in-wav-average0.wav", patched(encoded("wav", "-c:a", "libmp3lame"), average=0))
    yield Variant("header-kept.bin", lambda _: compressed(speech(SECONDS, 8_000, 2)))
    yield Variant("nms.wav", patched(encoded("wav", "-c:a", "g726", channels=1), tag=0x38))
    yield Variant("g729.wav", patched(encoded("wav", "-c:a", "g726", channels=1), tag=0x83))


def uncounted(flac: bytes) -> bytes:
    """Words behind the only block of metadata that it admits to."""
    return flac[:4] + b"\x80" + flac[5:STREAM_INFO_END] + b"TITLE=a call" * 10 + frames_of_flac(flac)


def compressed(wav: bytes) -> bytes:
    """As lossless compressors do it: beside what became of the samples stands the header, untouched."""
    return b"XY\x9a\1" + bytes(30) + wav[:44] + zlib.compress(wav[44:])


def data_first(wav: bytes) -> bytes:
    return riff(wav[36:], wav[12:36])


def rifx(wav: bytes) -> bytes:
    samples = np.frombuffer(wav[44:], "<i2").astype(">i2").tobytes()
    numbers = struct.pack(">HHIIHH", *struct.unpack("<HHIIHH", wave_format(1, 2)))
    parts = b"".join(
        struct.pack(">4sI", name, len(body)) + body for name, body in ((b"fmt ", numbers), (b"data", samples))
    )
    return b"RIFX" + struct.pack(">I4s", len(parts) + 4, b"WAVE") + parts


def rifx_float() -> bytes:
    """Which ffmpeg does not read."""
    file = io.BytesIO()
    soundfile.write(file, call(SECONDS, 8_000, 2), 8_000, format="WAV", subtype="FLOAT", endian="BIG")
    return file.getvalue()


def raws() -> Iterator[Variant]:
    for extension, (form, rate) in RAW.items():
        source = encoded(extension, "-f", form, rate=rate, channels=1)
        yield Variant(f"raw.{extension}", source, options=options_of(f".{extension}"))
    stereo = RawAudio(codec="pcm_mulaw", channels=2)
    options = ("-f", "mulaw", "-ar", "8000", "-ac", "2")
    yield Variant("raw-rule.bin", encoded("bin", "-f", "mulaw"), options=options, raw=stereo)
    yield Variant("raw.g729", lambda _: np.random.default_rng(3).bytes(5_600))


SHORT: Final = (4.8, 4.9, 5.0, 5.1, 5.2)
LIMIT_FORMATS: Final = {
    "wav": ("wav", 8_000, ()), "mp3": ("mp3", 8_000, ("-b:a", "16k")), "16k.mp3": ("mp3", 16_000, ("-q:a", "6")),
    "flac": ("flac", 8_000, ()), "opus": ("opus", 48_000, ()), "ogg": ("ogg", 16_000, ()), "m4a": ("m4a", 16_000, ()),
    "ima.wav": ("wav", 8_000, ("-c:a", "adpcm_ima_wav")), "gsm.wav": ("wav", 8_000, ("-c:a", "libgsm_ms")),
}  # fmt: skip


def lengths() -> Iterator[Variant]:
    for name, (extension, rate, arguments) in LIMIT_FORMATS.items():
        for seconds in SHORT:
            source = encoded(extension, *arguments, rate=rate, channels=1, seconds=seconds)
            yield Variant(f"seconds-{seconds}.{name}", source)


HOURS: Final = {
    "mp3": ("-b:a", "16k"), "vbr.mp3": ("-q:a", "9"), "flac": (), "ogg": ("-c:a", "libvorbis"), "m4a": ("-c:a", "aac"),
    "wav": (), "ulaw.wav": ("-c:a", "pcm_mulaw"), "ima.wav": ("-c:a", "adpcm_ima_wav"), "aac": (),
}  # fmt: skip


def hours() -> Iterator[Variant]:
    """A tone of an hour, a little less, and more."""
    for name, arguments in HOURS.items():
        for seconds in (3599.5, 3600, 3602):
            yield Variant(f"hour-{seconds}.{name}", tone(seconds, name.rpartition(".")[2], *arguments))


def tone(seconds: float, extension: str, *arguments: str) -> Source:
    source = f"sine=frequency=440:sample_rate=8000:duration={seconds}"
    return lambda folder: make(folder / f"tone.{extension}", "-f", "lavfi", "-i", source, *arguments)


VARIANTS: Final = (
    *wavs(), *containers(), *mp3s(), *junk(), *cuts(), *chains(), *headers(), *raws(), *lengths(), *hours(),
)  # fmt: skip
QUICK: Final = tuple(variant for variant in VARIANTS if not variant.name.startswith(("hour-", "mp3-pipe")))


def some(number: int, seed: int = 1) -> list[Variant]:
    """As many of every family, and always the same."""
    return Random(seed).sample(QUICK, number)  # noqa: S311  a seeded choice
