"""Which channel of a recording goes where."""

from collections.abc import Iterator

from av import AudioFrame
from av.error import BlockingIOError as Hungry
from av.filter import Graph

MONO, STEREO = 1, 2


def channels_out(channels: int, agent_channel: int | None, most: int) -> int:
    """More than two are folded to two where the agent's is known, else kept if the output can hold `most`.

    Where it cannot, they become one: Coval tells the speakers of mono apart by what they say (Coval API,
    submit: audio).
    """
    if channels <= STEREO:
        return channels
    if agent_channel is not None:
        return STEREO
    return channels if channels <= most else MONO


def pan(channels: int, agent_channel: int | None, out: int) -> str:
    """Argument of FFmpeg's `pan`: the agent to 0, the mean of all others to 1; else each to its own place."""
    everyone = list(range(channels))
    if out == MONO:
        sources = [everyone]
    elif out == STEREO and channels >= STEREO and agent_channel is not None:
        sources = [[agent_channel], [number for number in everyone if number != agent_channel]]
    else:
        sources = [[min(number, channels - 1)] for number in range(out)]
    layout = {MONO: "mono", STEREO: "stereo"}.get(out, f"{out}c")
    return "|".join((layout, *(f"c{target}={_mean(numbers)}" for target, numbers in enumerate(sources))))


def _mean(numbers: list[int]) -> str:
    return "+".join(f"{1 / len(numbers):.6f}*c{number}" for number in numbers)


class Mixer:
    """Brings frames of any form to one rate and sample format, and each channel to its place."""

    def __init__(self, *, rate: int, sample_format: str, channels: int, agent_channel: int | None) -> None:
        self.rate = rate
        self._sample_format = sample_format
        self._channels = channels
        self._agent_channel = agent_channel
        self._form: tuple[str, str, int] | None = None
        self._graph = Graph()

    def through(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Some codecs change their form on the way: then a new graph follows the old one."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            yield from self.rest()
            self._form, self._graph = form, self._made(frame)
        frame.pts = None
        self._graph.push(frame)
        yield from self._ready()

    def rest(self) -> Iterator[AudioFrame]:
        """What the resampler still holds."""
        if self._form:
            self._form = None
            self._graph.push(None)
            yield from self._ready()

    def _made(self, frame: AudioFrame) -> Graph:
        graph = Graph()
        channels = frame.layout.nb_channels
        source = graph.add_abuffer(sample_rate=frame.sample_rate, format=frame.format, layout=frame.layout)
        locations = graph.add("pan", pan(channels, self._agent_channel, self._channels))
        form = graph.add("aformat", sample_rates=str(self.rate), sample_fmts=self._sample_format)
        graph.link_nodes(source, locations, form, graph.add("abuffersink")).configure()
        return graph

    def _ready(self) -> Iterator[AudioFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (Hungry, EOFError):
                return
            if isinstance(frame, AudioFrame):
                yield frame
