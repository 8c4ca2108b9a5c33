"""A few of the generated recordings, as ffmpeg decodes them; hundreds more are in tests/fidelity."""

from pathlib import Path

import pytest

from tests.audio_corpus.variants import Variant, judged, some
from tests.unit.audio.test_oracles import needs_ffmpeg


@needs_ffmpeg
@pytest.mark.parametrize("variant", some(30), ids=lambda variant: variant.name)
def test_as_ffmpeg_decodes_it(tmp_path: Path, variant: Variant) -> None:
    assert judged(variant, tmp_path).difference == ""
