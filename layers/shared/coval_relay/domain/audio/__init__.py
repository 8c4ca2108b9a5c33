"""Measures a recording from its size and a few ranged reads: format, codec, channels, duration.

`probe` measures, `check_limits` applies Coval's limits. Both raise AudioRefused and nothing else; what the
caller's own `ReadRange` raises passes through.
"""

from coval_relay.domain.audio.facts import AudioFacts, AudioRefused
from coval_relay.domain.audio.limits import check_limits
from coval_relay.domain.audio.probe import probe
from coval_relay.domain.audio.ranges import ReadRange

__all__ = ["AudioFacts", "AudioRefused", "ReadRange", "check_limits", "probe"]
