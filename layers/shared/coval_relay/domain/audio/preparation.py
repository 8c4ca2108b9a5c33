"""What must be done to a recording before Coval gets it."""

from enum import StrEnum

from coval_relay.domain.audio.facts import AudioFacts

STEREO = 2


class Preparation(StrEnum):
    """From the cheapest to the dearest."""

    NONE = "none"
    """Coval takes it as it is."""
    REARRANGE = "rearrange"
    """A WAV whose speakers change places, or whose header is made anew, an MP3 that is cut out: without loss."""
    CONVERT = "convert"
    """Decode, and encode anew."""


def preparation(facts: AudioFacts, agent_channel: int | None) -> Preparation:
    """The least that puts the agent on channel 0 in a format that Coval takes (Coval API, submit: audio).

    Mono needs no side. More than two channels are folded to two where the agent's is known; where it is not,
    they are sent as they are, as any recording whose side is unknown.
    """
    if facts.format == "foreign":
        return Preparation.CONVERT
    swap = must_swap(facts, agent_channel)
    if facts.format == "mp3":
        if swap:
            return Preparation.CONVERT
        return Preparation.REARRANGE if facts.is_cut else Preparation.NONE
    if facts.layout is None or (agent_channel is not None and facts.channels > STEREO):
        return Preparation.CONVERT
    return Preparation.REARRANGE if swap or not facts.layout.declared else Preparation.NONE


def must_swap(facts: AudioFacts, agent_channel: int | None) -> bool:
    """Whether a stereo recording has the agent on the user's side."""
    return facts.channels == STEREO and agent_channel == 1
