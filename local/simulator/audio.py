"""Measures audio as Coval does before it takes it: format by magic bytes, duration by decoding."""

import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import miniaudio  # type: ignore[import-untyped]
import soundfile

from local.simulator.audio_storage import StoredFile
from local.simulator.behaviour_switches import MEBIBYTE, Switches
from local.simulator.errors import ApiError, invalid

UNDETECTED = "Invalid or corrupt audio file. Unable to detect audio format. Supported formats: WAV and MP3."
UNREADABLE = "Invalid or corrupt audio file. Unable to read audio metadata."
Source = Literal["audio_url", "upload_id", "audio"]

MAGIC_BYTES = (
    (0, b"ID3", "MP3"),
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "OGG"),
    (4, b"ftyp", "MP4"),
    (0, b"\x1a\x45\xdf\xa3", "WEBM"),
    (0, b"FORM", "AIFF"),
    (0, b".snd", "AU"),
    (0, b"caff", "CAF"),
    (0, b"#!AMR", "AMR"),
    (0, b"0&\xb2u", "WMA"),
)
FRAME_SYNC = b"\xff\xe0"
MPEG_LAYERS = {0: "AAC", 1: "MP3", 2: "MP2", 3: "MP1"}


@dataclass(frozen=True)
class Audio:
    """A recording that Coval took, and where its bytes are."""

    source: Source
    file: StoredFile
    format: str
    codec: str
    channels: int
    sample_rate: int
    duration: float

    def facts(self) -> dict[str, Any]:
        """Return everything about it as JSON; the duration is in seconds."""
        facts = {key: value for key, value in asdict(self).items() if key != "file"}
        file = {"bytes": self.file.size, "sha256": self.file.sha256, "path": str(self.file.path)}
        return {**facts, **file}


@dataclass(frozen=True)
class Measured:
    """What decoding shows."""

    codec: str
    channels: int
    sample_rate: int
    frames: int


def inspect(file: StoredFile, source: Source, switches: Switches) -> Audio:
    """Measure a stored recording; raises ApiError 400 (Coval API, submit, Validation Errors)."""
    if file.size == 0:
        raise invalid("Audio file is empty.", source)
    if file.size > switches.max_audio_bytes:
        raise too_large(file.size, source, switches)
    form = _supported_format(file.path, source)
    measured = _measure(form, file, source, switches)
    duration = measured.frames / measured.sample_rate
    _check_duration(duration, source, switches)
    return Audio(source, file, form, measured.codec, measured.channels, measured.sample_rate, duration)


def too_large(size: int, source: Source, switches: Switches) -> ApiError:
    """Return the error for a file over the limit."""
    limit = switches.max_audio_bytes / MEBIBYTE
    return invalid(f"Audio file too large: {size / MEBIBYTE:.1f} MB. Maximum size is {limit:.0f} MB.", source)


def _check_duration(duration: float, source: Source, switches: Switches) -> None:
    shortest, longest = switches.min_audio_seconds, switches.max_audio_seconds
    if duration < shortest:
        message = f"Audio too short: {duration:.1f} seconds. Minimum duration is {shortest:.0f} seconds."
        raise invalid(message, source)
    if duration > longest:
        message = f"Audio too long: {duration / 60:.1f} minutes. Maximum duration is {longest / 60:.0f} minutes."
        raise invalid(message, source)


def detect_format(head: bytes) -> str | None:
    """Name a format by its first 12 bytes; None where nothing is known to begin so."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "WAV"
    for offset, magic, form in MAGIC_BYTES:
        if head[offset : offset + len(magic)] == magic:
            return form
    if len(head) > 1 and head[0] == FRAME_SYNC[0] and head[1] & FRAME_SYNC[1] == FRAME_SYNC[1]:
        return MPEG_LAYERS[head[1] >> 1 & 3]
    return None


def _supported_format(path: Path, source: Source) -> str:
    with path.open("rb") as file:
        form = detect_format(file.read(12))
    if form is None:
        raise invalid(UNDETECTED)
    if form not in ("WAV", "MP3"):
        raise invalid(f"Unsupported audio format: {form}. Only WAV and MP3 files are supported.", source)
    return form


def _measure(form: str, file: StoredFile, source: Source, switches: Switches) -> Measured:
    try:
        measured = _measure_mp3(file.path) if form == "MP3" else _measure_wav(file, switches)
    except (miniaudio.MiniaudioError, soundfile.LibsndfileError, struct.error, ValueError) as error:
        raise invalid(UNREADABLE, source) from error
    if not measured.sample_rate or not measured.channels:
        raise invalid(UNREADABLE, source)
    return measured


def _measure_mp3(path: Path) -> Measured:
    # Counts every frame, so it is exact with and without a Xing header; libsndfile estimates.
    found = miniaudio.mp3_get_file_info(str(path))
    return Measured("MPEG_LAYER_III", found.nchannels, found.sample_rate, found.num_frames)


def _measure_wav(file: StoredFile, switches: Switches) -> Measured:
    with soundfile.SoundFile(str(file.path)) as sound:
        frames = sound.frames or _frames_to_the_end(file)
        measured = Measured(sound.subtype, sound.channels, sound.samplerate, frames)
        is_rf64 = sound.format == "RF64"
    if measured.codec not in switches.wav_codecs or (is_rf64 and not switches.rf64_allowed):
        raise ValueError(measured.codec)
    return measured


def _frames_to_the_end(file: StoredFile) -> int:
    """Count the frames of a streamed WAV whose data length stayed 0, which libsndfile takes as none."""
    with file.path.open("rb") as stream:
        stream.seek(12)
        return _data_bytes_to_the_end(stream, file.size)


def _data_bytes_to_the_end(stream: BinaryIO, size: int) -> int:
    block_align = 1
    while header := stream.read(8):
        name, length = struct.unpack("<4sI", header)
        if name == b"data":
            return (size - stream.tell()) // block_align if length == 0 else 0
        body = stream.read(length + length % 2)
        if name == b"fmt ":
            block_align = struct.unpack_from("<H", body, 12)[0] or 1
    return 0
