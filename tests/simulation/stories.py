"""What happens in a history: a few calls their events, and the faults; all drawn from a seed."""

import io
import random
import wave
from dataclasses import dataclass, replace
from functools import lru_cache

from tests.simulation.stage import Fault

AGENT, CALLER, BOTH = 0x0100, 0x3300, 0x5500
MOST_UPLOAD_BYTES = 10_000
"""Stands for Coval's limit of an upload: a `big` recording of 6 s is above it."""
DAY = 86_400
CROWDED = 0.3


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording: each of its samples holds its number and who speaks."""

    number: int
    channels: int = 1
    agent_on: int = 0
    big: bool = False
    flaw: str = ""
    """`short` is rejected by our own look, `rejected` by Coval."""

    @property
    def content(self) -> bytes:
        return _content(self)


@lru_cache(maxsize=1000)
def _content(sound: Sound) -> bytes:
    voices = [BOTH] if sound.channels == 1 else [AGENT, CALLER][:: -1 if sound.agent_on else 1]
    frame = b"".join((voice + sound.number).to_bytes(2, "little") for voice in voices)
    rate = 1000 if sound.big else 100
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(sound.channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frame * (rate * (3 if sound.flaw == "short" else 6)))
    return buffer.getvalue() + b"rejected" * (sound.flaw == "rejected")


def heard(content: bytes) -> tuple[int, int | None]:
    """The recording's number, and the agent's channel where there are two."""
    first, second = int.from_bytes(content[44:46], "little"), int.from_bytes(content[46:48], "little")
    if first >= BOTH:
        return first - BOTH, None
    return (first - AGENT, 0) if first < CALLER else (second - AGENT, 1)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something happens at a moment (seconds), and its event comes once or more often, so much later."""

    at: int
    kind: str
    call: int
    deliveries: tuple[int, ...] = (0,)
    transcript: str = ""
    side: int | None = None
    names: bool = False
    """The call's end names its leg, the places of its recordings, or neither."""
    simulated: bool = False
    expected: bool = True
    sound: Sound | None = None
    by: str = ""
    rank: int = 0
    several: bool = False
    is_copy: bool = False
    times: int = 0
    """How many of Coval's fetches fail; 0 leaves it to chance."""

    def __str__(self) -> str:
        words = [self.transcript, self.by, f"agent on {self.side}" * (self.side is not None)]
        words += [name for name in ("names", "simulated", "several", "is_copy") if getattr(self, name)]
        words += [str(self.sound)] if self.sound else []
        moments = ", ".join(str(self.at + delay) for delay in self.deliveries)
        named = "; ".join(word for word in words if word)
        return f"call-{self.call}: {self.kind} ({named}) at {self.at} s, delivered at {moments or 'no time'} s"


@dataclass(frozen=True, slots=True)
class Story:
    """A seed's history before it is played; `order` is the seed of who goes first."""

    seed: int
    order: int
    happenings: tuple[Happening, ...]
    faults: tuple[Fault, ...]
    versioned: bool = False
    gentle: bool = False
    """Nothing in it can take as long as the shortest deadline."""
    interleaves: bool = True

    @property
    def calm(self) -> "Story":
        """The same without any fault, each event once and in time."""
        once = tuple(replace(one, deliveries=(0,)) for one in self.happenings if one.deliveries)
        return replace(self, happenings=once, faults=(), interleaves=False)


# --- drawing ---------------------------------------------------------------------------------------------


def draw(seed: int) -> Story:
    """The story of a seed."""
    chance = random.Random(seed)  # noqa: S311 - a history, not a secret
    gentle = chance.random() < 0.35
    calls = chance.choices((1, 2, 3), (6, 3, 1))[0]
    crowded = chance.random() < CROWDED
    happenings = [
        _crowded(chance, one) if crowded else _delivered(chance, one, gentle=gentle)
        for call in range(1, calls + 1)
        for one in _call(chance, call, gentle=gentle)
    ]
    most = chance.choice((0, 1, 1)) if gentle else chance.randint(1, 6)
    faults = {(f.effect, f.nth): f for f in (_fault(chance, gentle=gentle) for _ in range(most))}
    happenings.sort(key=lambda one: one.at)
    return Story(seed, seed, tuple(happenings), tuple(faults.values()), chance.random() < 0.4, gentle)


def _delivered(chance: random.Random, one: Happening, *, gentle: bool) -> Happening:
    """EventBridge and SQS deliver late, and more than once."""
    if one.kind in UNDELIVERED:
        return replace(one, deliveries=())
    longest = 60 if gentle else chance.choice((60, 240, 900))
    delays = [chance.randint(0, longest) for _ in range(chance.choices((1, 2, 3), (6, 3, 1))[0])]
    return replace(one, deliveries=tuple(delays))


def _crowded(chance: random.Random, one: Happening) -> Happening:
    """All within seconds, so that the workers meet."""
    at = one.at if one.kind in UNDELIVERED else chance.randint(0, 2)
    delays = [chance.randint(0, 2) for _ in range(chance.choices((1, 2), (4, 1))[0])]
    return replace(one, at=at, deliveries=() if one.kind in UNDELIVERED else tuple(delays))


def _call(chance: random.Random, call: int, *, gentle: bool) -> list[Happening]:
    agent_on = chance.choice((0, 1))
    happenings = [*_end(chance, call, agent_on), *_recordings(chance, call, agent_on, gentle=gentle)]
    if not gentle:
        happenings += _troubles(chance, call, happenings)
    return happenings


def _end(chance: random.Random, call: int, agent_on: int) -> list[Happening]:
    transcript = chance.choice(("inline", "inline", "inline", "reference", "pending", "none", "utterances", ""))
    if not transcript:
        return []
    at = chance.randint(0, 60)
    end = Happening(
        at,
        "call ends",
        call,
        transcript=transcript,
        side=agent_on if chance.random() < 0.5 else None,
        names=chance.random() < 0.5,
        simulated=chance.random() < 0.05,
        expected=chance.random() < 0.9,
    )
    extra = {
        "pending": [Happening(at, chance.choice(("transcript object", "transcript object", "no transcript")), call)],
        "utterances": [Happening(0, "utterances", call)],
    }
    return [end, *extra.get(transcript, [])]


def _recordings(chance: random.Random, call: int, agent_on: int, *, gentle: bool) -> list[Happening]:
    amount = chance.choices((0, 1, 2, 3), (1, 7, 0, 0) if gentle else (1, 5, 3, 1))[0]
    return [one for n in range(amount) for one in _recording(chance, call, 10 * call + n, agent_on)]


def _recording(chance: random.Random, call: int, number: int, agent_on: int) -> list[Happening]:
    flaw = chance.choices(("", "short", "rejected"), (18, 1, 1))[0]
    sound = Sound(number, chance.choice((1, 2)), agent_on, chance.random() < 0.25, flaw)
    by = chance.choice(("key", "key", "metadata", "place", "leg", "link"))
    side = agent_on if by == "link" and chance.random() < 0.4 else None
    one = Happening(
        chance.randint(0, 120),
        "recording",
        call,
        sound=sound,
        by=by,
        side=side,
        rank=chance.choice((0, 0, 1)),
        several=by == "link" and chance.random() < 0.4,
        is_copy=chance.random() < 0.05,
    )
    return [one, Happening(chance.randint(0, 100), "names known", call, sound=sound)] if by == "leg" else [one]


def _troubles(chance: random.Random, call: int, happenings: list[Happening]) -> list[Happening]:
    recordings = [one for one in happenings if one.kind == "recording"]
    return [one for one in (_trouble(chance, call, recordings) for _ in range(chance.choice((0, 0, 1, 2)))) if one]


def _trouble(chance: random.Random, call: int, recordings: list[Happening]) -> Happening | None:
    at = chance.choice((chance.randint(0, 300), chance.randint(300, 3000)))
    kind = chance.choice(tuple(TROUBLES))
    if kind == "item forgotten":
        at += 3 * DAY
    if not TROUBLES[kind]:
        return Happening(at, kind, call)
    stored = [one for one in recordings if (one.by == "link") == (kind == "link ends")]
    if not stored:
        return None
    chosen = chance.choice(stored)
    assert chosen.sound is not None
    sound = replace(chosen.sound, number=chosen.sound.number + 3) if kind == "replaced" else chosen.sound
    return replace(chosen, at=max(at, chosen.at), kind=kind, sound=sound)


TROUBLES = {
    "deleted in Coval": False,
    "uploads lost": False,
    "busy conversation": False,
    "fetches fail": False,
    "item forgotten": False,
    "replaced": True,
    "object deleted": True,
    "link ends": True,
}
"""Whether it is about a recording."""
UNDELIVERED = {
    "deleted in Coval",
    "uploads lost",
    "busy conversation",
    "fetches fail",
    "item forgotten",
    "object deleted",
    "link ends",
}

EFFECTS = {
    "calls.save": 25,
    "calls.get": 12,
    "calls.due": 6,
    "aliases.add_pending": 3,
    "aliases.bind": 3,
    "aliases.clear": 3,
    "aliases.expire": 1,
    "utterances.add": 1,
    "s3.head": 3,
    "s3.read": 3,
    "s3.transcript": 1,
    "link.get": 1,
    "staging.store": 2,
    "coval.submit": 4,
    "coval.attach": 3,
    "coval.create_upload": 3,
    "coval.put_audio": 3,
    "coval.get": 2,
    "coval.find": 2,
    "coval.delete": 1,
    "send": 10,
    "sqs.delete": 8,
    "sqs.receive": 12,
}
"""The effects that may fail, and about how often a history has each."""
REQUESTS = ("coval.submit", "coval.attach")
WRITES = (
    "calls.save",
    "aliases.add_pending",
    "aliases.bind",
    "aliases.clear",
    "aliases.expire",
    "utterances.add",
    "coval.create_upload",
    "coval.put_audio",
    "coval.submit",
    "coval.attach",
    "coval.delete",
    "send",
    "staging.store",
)


def _fault(chance: random.Random, *, gentle: bool) -> Fault:
    effect = chance.choice(tuple(EFFECTS)) if chance.random() < 0.6 else chance.choice((*REQUESTS, "calls.save"))
    nth = chance.randint(1, EFFECTS[effect])
    if effect == "sqs.receive":
        return Fault(effect, nth, "is delivered twice", chance.randint(0, 30))
    kinds = {"dies before it": 0, "dies after it": 0, "is throttled": 60, "takes": 50}
    if effect in WRITES:
        kinds |= {"is done, its answer lost": 0}
    if effect in REQUESTS or effect == "coval.delete":
        kinds |= {"is unclear and not done": 0}
    if not gentle:
        kinds |= {"freezes": 600}
    if effect in REQUESTS and not gentle:
        kinds |= {"lands later": 600}
    kind = chance.choice(tuple(kinds))
    shortest = 100 if kinds[kind] == 600 else 1
    return Fault(effect, nth, kind, chance.randint(shortest, kinds[kind]) if kinds[kind] else 0)
