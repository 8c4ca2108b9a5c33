"""Measures a recording from its size and a few ranged reads, and puts it the way Coval takes it.

`probe` measures, `preparation` says what must be done, `rearranged` does what needs no decoder, and
`check_limits` applies Coval's limits to the outcome. They raise AudioRejectedError and nothing else; what the
caller's own `ReadRange` raises passes through.
"""

from coval_relay.domain.audio.coval_limits import check_limits
from coval_relay.domain.audio.facts import AudioFacts, AudioRejectedError, WaveLayout
from coval_relay.domain.audio.preparation import Preparation, must_swap, preparation
from coval_relay.domain.audio.probe import probe
from coval_relay.domain.audio.ranged_reads import ReadRange
from coval_relay.domain.audio.wav_rewriting import rearranged, rearranged_size

__all__ = [
    "AudioFacts",
    "AudioRejectedError",
    "Preparation",
    "ReadRange",
    "WaveLayout",
    "check_limits",
    "must_swap",
    "preparation",
    "probe",
    "rearranged",
    "rearranged_size",
]
