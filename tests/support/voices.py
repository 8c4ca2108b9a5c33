"""Two voices that cannot be mistaken for each other, recordings of them in every format, and a judge.

The judge decodes with libsndfile or miniaudio, which the product does not use.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
import miniaudio  # type: ignore[import-untyped]
import numpy as np
import soundfile
from av import AudioFrame, AudioStream

Sound = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
AGENT, CALLER = (300.0, 900.0), (1200.0, 2400.0)
"""Hertz: where each voice is heard."""
WITHIN_SECONDS = 0.05
"""So far may the sound be off."""


def voice(band: tuple[float, float], seconds: float, rate: int, seed: int = 1) -> Sound:
    """Noise of a band that swells and fades as syllables do."""
    samples = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=samples))
    pitch = np.fft.rfftfreq(samples, 1 / rate)
    spectrum[(pitch < band[0]) | (pitch > band[1])] = 0
    noise = np.fft.irfft(spectrum, samples)
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * np.arange(samples) / rate + seed)
    return np.asarray(0.5 * syllables * noise / np.abs(noise).max())


def call(seconds: float, rate: int, channels: int, agent_channel: int = 0) -> Sound:
    """A recording with the agent on its channel, callers on all others; mono has both."""
    agent = voice(AGENT, seconds, rate)
    callers = [voice(CALLER, seconds, rate, seed) for seed in range(2, max(channels, 2) + 1)]
    if channels == 1:
        return np.asarray((agent + callers[0])[:, None] / 2)
    sounds = [*callers[:agent_channel], agent, *callers[agent_channel:]]
    return np.stack(sounds, axis=1)


# --- recordings


@dataclass(frozen=True)
class Kind:
    """A format that a platform may send; `correlation` is what must be left of a voice after conversion."""

    name: str
    rate: int
    encode: Callable[[Sound, int], bytes]
    correlation: float
    becomes: str
    layouts: Sequence[int] = (1, 2)


def by_libsndfile(container: str, subtype: str, **more: Any) -> Callable[[Sound, int], bytes]:
    def encode(sound: Sound, rate: int) -> bytes:
        file = io.BytesIO()
        soundfile.write(file, sound, rate, format=container, subtype=subtype, **more)
        return file.getvalue()

    return encode


def by_ffmpeg(container: str, codec: str, **options: str) -> Callable[[Sound, int], bytes]:
    def encode(sound: Sound, rate: int) -> bytes:
        file = io.BytesIO()
        with av.open(file, "w", format=container) as output:
            layout = {1: "mono", 2: "stereo", 4: "4.0"}[sound.shape[1]]
            stream = output.add_stream(codec, rate=rate, layout=layout, options=options)
            assert isinstance(stream, AudioStream)
            for frame in frames(sound, rate, layout):
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return file.getvalue()

    return encode


def frames(sound: Sound, rate: int, layout: str) -> list[AudioFrame]:
    """The sound in pieces of a tenth of a second."""
    pieces = []
    for start in range(0, len(sound), rate // 10):
        piece = np.ascontiguousarray(sound[start : start + rate // 10].T.astype(np.float32))
        frame = AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        pieces.append(frame)
    return pieces


WAV, MP3 = "audio/wav", "audio/mp3"
LOSSLESS, LOSSY = 0.99, 0.9
KINDS: Final = (
    Kind("flac", 16_000, by_libsndfile("FLAC", "PCM_16"), LOSSLESS, WAV),
    Kind("flac, 24 bit", 48_000, by_libsndfile("FLAC", "PCM_24"), LOSSLESS, WAV),
    Kind("ogg vorbis", 16_000, by_libsndfile("OGG", "VORBIS"), LOSSY, MP3),
    Kind("ogg opus", 48_000, by_libsndfile("OGG", "OPUS"), LOSSY, MP3),
    Kind("webm opus", 48_000, by_ffmpeg("webm", "libopus", b="64k"), LOSSY, MP3),
    Kind("m4a aac", 44_100, by_ffmpeg("ipod", "aac", b="96k"), LOSSY, MP3),
    Kind("m4a alac", 16_000, by_ffmpeg("ipod", "alac"), LOSSLESS, WAV),
    Kind("mp4 aac", 16_000, by_ffmpeg("mp4", "aac", b="64k"), LOSSY, MP3),
    Kind("mp4 fragments", 48_000, by_ffmpeg("mp4", "aac", b="64k", movflags="frag_keyframe"), LOSSY, MP3),
    Kind("adts aac", 48_000, by_ffmpeg("adts", "aac", b="96k"), LOSSY, MP3),
    Kind("mkv opus", 24_000, by_ffmpeg("matroska", "libopus", b="64k"), LOSSY, MP3),
    Kind("mp3", 8_000, by_libsndfile("MP3", "MPEG_LAYER_III"), LOSSY, MP3),
    Kind("mp3, 44 kHz", 44_100, by_libsndfile("MP3", "MPEG_LAYER_III"), LOSSY, MP3),
    Kind("aiff", 8_000, by_libsndfile("AIFF", "PCM_16"), LOSSLESS, WAV),
    Kind("caf", 8_000, by_libsndfile("CAF", "PCM_24"), LOSSLESS, WAV),
    Kind("au mu-law", 8_000, by_libsndfile("AU", "ULAW"), LOSSLESS, WAV),
    Kind("w64", 8_000, by_libsndfile("W64", "PCM_16"), LOSSLESS, WAV),
    Kind("wav ima adpcm", 8_000, by_libsndfile("WAV", "IMA_ADPCM"), LOSSY, WAV),
    Kind("wav ms adpcm", 8_000, by_libsndfile("WAV", "MS_ADPCM"), LOSSY, WAV),
    Kind("wav gsm", 8_000, by_libsndfile("WAV", "GSM610"), LOSSY, WAV, layouts=(1,)),
    Kind("wav mp3", 48_000, by_ffmpeg("wav", "libmp3lame", b="96k"), LOSSY, MP3),
    Kind("wav linear", 8_000, by_libsndfile("WAV", "PCM_16"), LOSSLESS, WAV),
    Kind("wav, 3 channels", 8_000, by_libsndfile("WAV", "PCM_16"), LOSSLESS, WAV, layouts=(3, 4)),
    Kind("m4a aac, 4 channels", 48_000, by_ffmpeg("ipod", "aac", b="256k"), LOSSY, MP3, layouts=(4,)),
)


# --- the judge


def decoded(data: bytes, decoder: str = "libsndfile") -> tuple[Sound, int]:
    """Samples by frame and channel, and their rate."""
    if decoder == "libsndfile":
        sound, rate = soundfile.read(io.BytesIO(data), always_2d=True)
        return sound, rate
    info = miniaudio.wav_get_info(data) if data[:4] == b"RIFF" else miniaudio.mp3_get_info(data)
    made = miniaudio.decode(data, miniaudio.SampleFormat.FLOAT32, info.nchannels, info.sample_rate)
    return np.asarray(made.samples, dtype=float).reshape(-1, info.nchannels), info.sample_rate


def correlation(heard: Sound, said: Sound) -> float:
    """How much of what was said is heard, at the best shift within WITHIN_SECONDS of 8 kHz."""
    length = min(len(heard), len(said))
    heard, said = heard[:length], said[:length]
    products = np.fft.irfft(np.fft.rfft(heard, 2 * length) * np.conj(np.fft.rfft(said, 2 * length)))
    shift = round(WITHIN_SECONDS * 8_000)
    nearby = np.concatenate((products[: shift + 1], products[-shift:]))
    return float(nearby.max() / np.sqrt((heard**2).sum() * (said**2).sum()))


def narrow(sound: Sound, rate: int) -> Sound:
    """At 8 kHz, where all that was said lies, by way of the spectrum."""
    samples = round(len(sound) * 8_000 / rate)
    spectrum = np.fft.rfft(sound, axis=0)[: samples // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, samples, axis=0) * samples / len(sound))
