"""The calls of a load run, and everything that is sent of them; the same in every run of a seed."""

import io
import random
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Text = Literal["inline", "object", "none"]
Kind = Literal["call_end", "transcript", "recording"]

SECONDS = 6
SAMPLES_PER_SECOND = 8000
REPEATED = 0.1
"""Share of what is sent that is sent twice."""
LATE = 0.2
BY_ALIAS = 0.1
UNVERSIONED = 0.3


@dataclass(frozen=True, slots=True)
class LoadCall:
    """One call: where its text comes from, and how its recording."""

    call_id: str
    number: int
    text: Text
    is_late: bool
    """Whether its recording is sent only after everything else."""
    by_alias: bool
    versioned: bool

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What was said; of a call without a transcript nothing is known."""
        if self.text == "none":
            return []
        agent = {
            "role": "assistant",
            "content": f"This is call {self.number}.",
            "start_time": 0.2,
            "end_time": 2.0,
        }
        caller = {"role": "user", "content": f"I am {self.call_id}.", "start_time": 2.2, "end_time": 5.0}
        return [agent, caller]

    def recording(self) -> bytes:
        """A WAV that no other call has."""
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(1)
            sound.setframerate(SAMPLES_PER_SECOND)
            sound.writeframes(random.Random(self.call_id).randbytes(SECONDS * SAMPLES_PER_SECOND))  # noqa: S311
        return file.getvalue()


@dataclass(frozen=True, slots=True)
class Sending:
    """One thing that is sent: an event, or an object of which S3 sends one."""

    kind: Kind
    call: LoadCall


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls, and what is sent of them in order; the late recordings come when all else is sent."""

    calls: tuple[LoadCall, ...]
    burst: tuple[Sending, ...]
    late: tuple[Sending, ...]


def planned(count: int, run: str, seed: int) -> Plan:
    """Draw the calls and shuffle what is sent; `run` makes their ids unique."""
    chance = random.Random(seed)  # noqa: S311 -- an order, not a secret
    calls = tuple(_drawn(number, f"load-{run}-{number:05d}", chance) for number in range(count))
    sendings = [sending for call in calls for sending in _sendings(call)]
    late = [sending for sending in sendings if sending.kind == "recording" and sending.call.is_late]
    burst = [sending for sending in sendings if not (sending.kind == "recording" and sending.call.is_late)]
    return Plan(calls, _shuffled(burst, chance), _shuffled(late, chance))


def _drawn(number: int, call_id: str, chance: random.Random) -> LoadCall:
    text: Text = chance.choices(("inline", "object", "none"), (70, 20, 10))[0]
    return LoadCall(
        call_id=call_id,
        number=number,
        text=text,
        is_late=chance.random() < LATE,
        by_alias=chance.random() < BY_ALIAS,
        versioned=chance.random() >= UNVERSIONED,
    )


def _sendings(call: LoadCall) -> list[Sending]:
    kinds: tuple[Kind, ...] = ("call_end", "recording")
    return [Sending(kind, call) for kind in (*kinds, *(("transcript",) if call.text == "object" else ()))]


def _shuffled(sendings: Sequence[Sending], chance: random.Random) -> tuple[Sending, ...]:
    repeated = [sending for sending in sendings if chance.random() < REPEATED]
    every = [*sendings, *repeated]
    chance.shuffle(every)
    return tuple(every)
