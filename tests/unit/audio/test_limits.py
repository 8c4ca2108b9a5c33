"""Coval's limits, each at its edge, and Coval's wording."""

import pytest

from coval_relay.domain.audio import AudioFacts, AudioRejectedError, check_limits

MEBIBYTE = 1024 * 1024


def facts(milliseconds: int = 60_000, size: int = 1_000_000, *, padded: bool = False) -> AudioFacts:
    return AudioFacts(
        format="mp3",
        content_type="audio/mp3",
        duration_milliseconds=milliseconds,
        channels=2,
        sample_rate=8000,
        codec="mp3",
        size=size,
        padded=padded,
    )


@pytest.mark.parametrize(
    "inside",
    [
        facts(5_000),
        facts(3_600_000),
        facts(size=200 * MEBIBYTE),
        facts(3_600_500, padded=True),
    ],
)
def test_inside(inside: AudioFacts) -> None:
    check_limits(inside)


@pytest.mark.parametrize(
    ("outside", "code", "reason"),
    [
        (facts(3_000), "audio_too_short", "Audio too short: 3.0 seconds. Minimum duration is 5 seconds."),
        (facts(4_999), "audio_too_short", "Audio too short: 4.9 seconds. Minimum duration is 5 seconds."),
        (facts(4_999, padded=True), "audio_too_short", "Audio too short: 4.9 seconds. Minimum duration is 5 seconds."),
        (facts(0), "audio_too_short", "Audio too short: 0.0 seconds. Minimum duration is 5 seconds."),
        (
            facts(4_500_000),
            "audio_too_long",
            "Audio too long: 75.0 minutes. Maximum duration is 60 minutes.",
        ),
        (
            facts(3_600_001),
            "audio_too_long",
            "Audio too long: 60.1 minutes. Maximum duration is 60 minutes.",
        ),
        (
            facts(3_600_501, padded=True),
            "audio_too_long",
            "Audio too long: 60.1 minutes. Maximum duration is 60 minutes.",
        ),
        (
            facts(size=250 * MEBIBYTE),
            "audio_too_large",
            "Audio file too large: 250.0 MB. Maximum size is 200 MB.",
        ),
        (
            facts(size=200 * MEBIBYTE + 1),
            "audio_too_large",
            "Audio file too large: 200.1 MB. Maximum size is 200 MB.",
        ),
    ],
)
def test_outside(outside: AudioFacts, code: str, reason: str) -> None:
    with pytest.raises(AudioRejectedError) as rejected:
        check_limits(outside)
    assert rejected.value == AudioRejectedError(code, reason)
