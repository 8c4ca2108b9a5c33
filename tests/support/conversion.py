"""Recordings of a made-up call, converted, and what of its voices must be heard in what comes out."""

import io
from functools import cache

import numpy as np

from coval_relay.adapters.audio import PyAvConverter
from coval_relay.domain.coval import ContentType
from tests.support import voices
from tests.support.voices import Kind, Sound, correlation, decoded, narrow

SECONDS = 5.3
SPEECH_CODEC = "wav gsm"
"""Keeps what speech sounds like, not its curve: it is held against what libsndfile hears in it."""


def converted(data: bytes, agent_channel: int | None = None) -> tuple[ContentType, bytes]:
    sink = io.BytesIO()
    content_type = PyAvConverter()(
        len(data), lambda start, length: data[start : start + length], sink, agent_channel=agent_channel
    )
    assert sink.tell() == len(sink.getvalue())
    return content_type, sink.getvalue()


@cache
def recording(kind: Kind, channels: int, agent_channel: int) -> tuple[Sound, bytes]:
    said = voices.call(SECONDS, kind.rate, channels, agent_channel)
    return said, kind.encode(said, kind.rate)


def assert_that_voices_are_kept(kind: Kind, channels: int, agent_channel: int | None) -> None:
    """Each keeps its sound and its length, and stands on its channel."""
    said, data = recording(kind, channels, agent_channel or 0)
    if kind.name == SPEECH_CODEC:
        said, _ = decoded(data)
    content_type, made = converted(data, agent_channel)
    assert content_type == kind.becomes
    expected = narrow(as_coval_wants(said, agent_channel, content_type), kind.rate)
    for decoder in ("libsndfile", "miniaudio"):
        heard, rate = decoded(made, decoder)
        assert abs(len(heard) / rate - SECONDS) <= voices.WITHIN_SECONDS
        assert heard.shape[1] == expected.shape[1]
        heard = narrow(heard, rate)
        for channel in range(heard.shape[1]):
            assert correlation(heard[:, channel], expected[:, channel]) >= kind.correlation
        if heard.shape[1] == 2:
            assert abs(correlation(heard[:, 0], expected[:, 1])) < 0.1
            assert abs(correlation(heard[:, 1], expected[:, 0])) < 0.1


def as_coval_wants(said: Sound, agent_channel: int | None, content_type: ContentType) -> Sound:
    """Agent first, the others mixed; nobody's side known: as it is, or all in one where MP3 has no room."""
    channels = said.shape[1]
    if agent_channel is None or channels == 1:
        mixed = channels > 2 and content_type == voices.MP3
        return np.asarray(said.mean(axis=1, keepdims=True)) if mixed else said
    others = np.delete(said, agent_channel, axis=1).mean(axis=1)
    return np.stack([said[:, agent_channel], others], axis=1)
