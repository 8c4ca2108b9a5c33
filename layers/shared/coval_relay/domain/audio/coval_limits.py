"""Coval's limits on a recording (Coval API, submit: audio is validated before processing begins)."""

from coval_relay.domain.audio.facts import AudioFacts, AudioRejectedError

MIN_MILLISECONDS = 5_000
MAX_MILLISECONDS = 3_600_000
PADDING_MILLISECONDS = 500
"""An encoder's delay and padding, which are no part of the call: near the limit it is left to Coval."""
MEBIBYTE = 1024 * 1024
MAX_BYTES = 200 * MEBIBYTE


def check_limits(facts: AudioFacts) -> None:
    """Let 5 s to 60 min of at most 200 MB pass, the limits themselves included.

    Raises AudioRejectedError. Its figure is rounded away from the limit: 4.96 s never reads as "5.0 seconds".
    """
    milliseconds = facts.duration_milliseconds
    if facts.size > MAX_BYTES:
        raise too_large(facts.size)
    if milliseconds < MIN_MILLISECONDS:
        reason = f"Audio too short: {milliseconds // 100 / 10} seconds. Minimum duration is 5 seconds."
        raise AudioRejectedError("audio_too_short", reason)
    if milliseconds > MAX_MILLISECONDS + PADDING_MILLISECONDS * facts.padded:
        raise too_long(milliseconds)


def too_large(size: int) -> AudioRejectedError:
    megabytes = _tenths_up(size, MEBIBYTE)
    return AudioRejectedError("audio_too_large", f"Audio file too large: {megabytes} MB. Maximum size is 200 MB.")


def too_long(milliseconds: int) -> AudioRejectedError:
    minutes = _tenths_up(milliseconds, 60_000)
    reason = f"Audio too long: {minutes} minutes. Maximum duration is 60 minutes."
    return AudioRejectedError("audio_too_long", reason)


def _tenths_up(amount: int, unit: int) -> float:
    return -(-amount * 10 // unit) / 10
