"""A few of the generated recordings, as ffmpeg decodes them; hundreds more are in tests/fidelity."""

from pathlib import Path

import pytest

from tests.audio_corpus.judging import rows_of_files
from tests.audio_corpus.variants import BACKS, FRONTS, UNTAGGED, Variant, judged, mp3, rifx_float, some, speech
from tests.unit.audio.test_oracles import needs_ffmpeg


@pytest.mark.slow
@needs_ffmpeg
@pytest.mark.parametrize("variant", some(30), ids=lambda variant: variant.name)
def test_as_ffmpeg_decodes_it(tmp_path: Path, variant: Variant) -> None:
    assert judged(variant, tmp_path).difference == ""


@needs_ffmpeg
def test_where_ffmpeg_is_alone_another_decoder_settles_it(tmp_path: Path) -> None:
    """FFmpeg drops the first frame behind an ID3 tag of wrong size, and does not read RIFX of floats."""
    files = {
        "call.wav": speech(5.6, 8_000, 2),
        "float.wav": rifx_float(),
        "tag.mp3": FRONTS["id3-wrong-size-large"] + mp3(*UNTAGGED, seconds=3.0)(tmp_path),
        "words.mp3": b"not a sound at all",
        "words.sln": b"Microsoft Visual Studio Solution File\r\n",
        "picture.wav": BACKS["picture"],
    }
    paths = [tmp_path / name for name in files]
    for path in paths:
        path.write_bytes(files[path.name])
    judged = [(row.name, row.ours.how, row.decoder, row.difference) for row in rows_of_files(paths)]
    assert judged == [
        ("call.wav", "none", "ffmpeg", ""),
        ("float.wav", "rearrange", "libsndfile", ""),
        ("tag.mp3", "rearrange", "miniaudio", ""),
        ("words.mp3", "", "ffmpeg", ""),
        ("words.sln", "", "ffmpeg", ""),
        ("picture.wav", "", "ffmpeg", ""),
    ]
