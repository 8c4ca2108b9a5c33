"""Measuring audio: formats by magic bytes, durations to the frame, and Coval's errors."""

import hashlib
import re
from pathlib import Path

import pytest

from local.simulator.audio import Audio, inspect
from local.simulator.audio_storage import StoredFile
from local.simulator.behaviour_switches import Switches
from local.simulator.errors import ApiError
from tests.support.audio_files import mp3, streamed, wav
from tests.support.simulator import Api, Files, invalid

UNDETECTED = "Invalid or corrupt audio file. Unable to detect audio format. Supported formats: WAV and MP3."
UNREADABLE = "Invalid or corrupt audio file. Unable to read audio metadata."
LIST_CHUNK = b"LIST\x03\x00\x00\x00abc\x00"


def stored(folder: Path, content: bytes) -> StoredFile:
    path = folder / "audio"
    path.write_bytes(content)
    return StoredFile(path, len(content), hashlib.sha256(content).hexdigest())


def error_of(folder: Path, content: bytes, switches: Switches | None = None) -> str:
    with pytest.raises(ApiError) as caught:
        inspect(stored(folder, content), "audio_url", switches or Switches())
    return caught.value.message


def with_chunk_before_data(whole: bytes) -> bytes:
    data = whole.index(b"data")
    return whole[:data] + LIST_CHUNK + whole[data:]


@pytest.mark.parametrize(
    ("content", "codec", "channels"),
    [
        (wav(7.5, subtype="PCM_U8"), "PCM_U8", 1),
        (wav(7.5, channels=2), "PCM_16", 2),
        (wav(7.5, subtype="PCM_24", channels=2), "PCM_24", 2),
        (wav(7.5, subtype="ULAW", channels=2), "ULAW", 2),
        (wav(7.5, subtype="ALAW"), "ALAW", 1),
        (wav(7.5, channels=2, container="WAVEX"), "PCM_16", 2),
        (wav(7.5, subtype="ULAW", container="WAVEX"), "ULAW", 1),
        (wav(7.5, container="RF64"), "PCM_16", 1),
        (streamed(wav(7.5, channels=2), 0, 0), "PCM_16", 2),
        (streamed(wav(7.5, channels=2), 36, 0), "PCM_16", 2),
        (streamed(wav(7.5, subtype="ULAW", channels=2), 0xFFFFFFFF, 0), "ULAW", 2),
        (streamed(wav(7.5, channels=2), 0xFFFFFFFF, 0xFFFFFFFF), "PCM_16", 2),
        (streamed(wav(7.5, subtype="ULAW"), 0, 0xFFFFFFFF), "ULAW", 1),
        (streamed(with_chunk_before_data(wav(7.5)), 0, 0), "PCM_16", 1),
        (mp3(7.5), "MPEG_LAYER_III", 1),
        (mp3(7.5, channels=2, bit_rate="VARIABLE"), "MPEG_LAYER_III", 2),
    ],
)
def test_measures_to_the_frame(tmp_path: Path, content: bytes, codec: str, channels: int) -> None:
    file = stored(tmp_path, content)
    form = "MP3" if codec == "MPEG_LAYER_III" else "WAV"
    assert inspect(file, "upload_id", Switches()) == Audio("upload_id", file, form, codec, channels, 8000, 7.5)


@pytest.mark.parametrize("bit_rate", ["CONSTANT", "VARIABLE"])
def test_counts_every_frame_of_an_mp3_without_a_header_that_says(tmp_path: Path, bit_rate: str) -> None:
    content = mp3(7.488, channels=2, bit_rate=bit_rate, with_xing=False)
    # Without its header nothing says how much of the 104 + 2 frames (72 ms each) the encoder added.
    assert inspect(stored(tmp_path, content), "audio", Switches()).duration == pytest.approx(106 * 0.072)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Audio file is empty."),
        (b"not audio at all", UNDETECTED),
        (b"\xff", UNDETECTED),
        (b"RIFF\x00\x00\x00\x00AVI LIST", UNDETECTED),
        (b"RIFF\x00\x00\x00\x00WAVE", UNREADABLE),
        (wav()[:30], UNREADABLE),
        (b"ID3" + bytes(200), UNREADABLE),
        (b"OggS" + bytes(60), "Unsupported audio format: OGG. Only WAV and MP3 files are supported."),
        (b"fLaC" + bytes(60), "Unsupported audio format: FLAC. Only WAV and MP3 files are supported."),
        (b"\0\0\0 ftypM4A ", "Unsupported audio format: MP4. Only WAV and MP3 files are supported."),
        (b"\xff\xf1" + bytes(60), "Unsupported audio format: AAC. Only WAV and MP3 files are supported."),
        (b"\xff\xfd" + bytes(60), "Unsupported audio format: MP2. Only WAV and MP3 files are supported."),
        (wav(3.0), "Audio too short: 3.0 seconds. Minimum duration is 5 seconds."),
        (mp3(3.0), "Audio too short: 3.0 seconds. Minimum duration is 5 seconds."),
        (streamed(wav(3.0), 0, 0), "Audio too short: 3.0 seconds. Minimum duration is 5 seconds."),
        (wav(0), "Audio too short: 0.0 seconds. Minimum duration is 5 seconds."),
        (wav(4500, subtype="ULAW"), "Audio too long: 75.0 minutes. Maximum duration is 60 minutes."),
        (wav(subtype="GSM610"), UNREADABLE),
        (wav(subtype="IMA_ADPCM"), UNREADABLE),
    ],
)
def test_rejects_in_covals_words(tmp_path: Path, content: bytes, message: str) -> None:
    assert error_of(tmp_path, content) == message


@pytest.mark.parametrize("seconds", [5.0, 3600.0])
def test_the_limits_of_duration_are_inclusive(tmp_path: Path, seconds: float) -> None:
    content = wav(seconds, subtype="PCM_U8")
    assert inspect(stored(tmp_path, content), "audio", Switches()).duration == seconds


def test_rejects_too_many_bytes(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.wav"
    with sparse.open("wb") as file:
        file.truncate(250 * 1024 * 1024)
    with pytest.raises(ApiError) as caught:
        inspect(StoredFile(sparse, 250 * 1024 * 1024, ""), "audio_url", Switches())
    assert caught.value.message == "Audio file too large: 250.0 MB. Maximum size is 200 MB."


def test_rejects_codecs_and_rf64_by_switch(tmp_path: Path) -> None:
    assert error_of(tmp_path, wav(subtype="ULAW"), Switches(wav_codecs=("PCM_16",))) == UNREADABLE
    assert error_of(tmp_path, wav(container="RF64"), Switches(rf64_allowed=False)) == UNREADABLE


def test_stops_fetching_what_is_too_large(api: Api, files: Files) -> None:
    api.simulator.admin.configure(max_audio_bytes=1024 * 1024)
    url = files.add("large.wav", wav(200.0))
    message = "Audio file too large: 3.1 MB. Maximum size is 1 MB."
    assert api.submit({"audio_url": url}) == invalid(message, "audio_url")


def test_stops_fetching_what_grows_too_large(api: Api, files: Files) -> None:
    api.simulator.admin.configure(max_audio_bytes=1024 * 1024)
    _, answer = api.submit({"audio_url": files.add("unsized.wav", wav(200.0))})
    # how much had come by then depends on the network
    message = re.sub(r"large: [1-3]\.\d MB", "large: so many MB", answer["error"]["message"])
    assert message == "Audio file too large: so many MB. Maximum size is 1 MB."


def test_tells_what_it_measured(api: Api, files: Files) -> None:
    content = wav(6.25, channels=2, subtype="ULAW")
    assert api.submit({"audio_url": files.add("call.wav", content)})[0] == 200
    (item,) = api.simulator.admin.conversations()
    audio = dict(item["audio"])
    assert Path(audio.pop("path")).read_bytes() == content
    assert audio == {
        "source": "audio_url",
        "format": "WAV",
        "codec": "ULAW",
        "channels": 2,
        "sample_rate": 8000,
        "duration": 6.25,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
