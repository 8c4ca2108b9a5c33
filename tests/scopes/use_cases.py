"""The use cases of one call, each told as what has happened before and which letters lie there now."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coval_relay.adapters import relay_messages
from coval_relay.domain.call import Traits
from coval_relay.domain.messages import ObjectCreated, RecordingFound
from coval_relay.domain.recordings import ObjectVersion
from tests.scopes.canonical import Pool
from tests.scopes.environment import Environment
from tests.scopes.machine import Budget, Machine, State, Worker
from tests.scopes.program import Letter, Program
from tests.scopes.promises import CALL, Promises
from tests.support.events import TURNS, call_ended, etag, object_created, wav
from tests.support.fakes import FakeClock, InMemoryCalls

MONO, LATER, STEREO = wav(6.0, rate=100), wav(7.0, rate=100), bytearray(wav(6.0, rate=100, channels=2))
STEREO[44:] = b"\x01\x00\x02\x00" * ((len(STEREO) - 44) // 4)


@dataclass
class Setup:
    """Builds the first state of a scope."""

    workers: int = 2
    store_type: type[InMemoryCalls] = InMemoryCalls
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pool = Pool()
        self.program = Program(self.pool)
        self.environment = Environment(self.pool, self.store_type)
        self.machine = Machine(self.program, self.environment, self.workers, nameless=True)
        self.promises = Promises(self.pool, self.program)
        parts: dict[str, Any] = self.environment.empty()
        self.state = State(now=FakeClock().now, **parts)

    # --- letters ---------------------------------------------------------------------------------------

    def send(self, name: str, queue: str, event: dict[str, Any]) -> str:
        """A letter that lies there; the same event once more where it has come already."""
        name = f"{name} {self.names.count(name) + 1}" if name in self.names else name
        self.names.append(name.rstrip(" 0123456789"))
        letter = Letter(self.state.now, name, queue, json.dumps(event), self.state.now)
        self.state = self.state._replace(letters=tuple(sorted((*self.state.letters, letter))))
        return name

    def call_end(self, **changes: Any) -> str:
        self.promises.text_told = True
        return self.send("call end", "call_end", call_ended(**changes))

    def call_end_without_text(self) -> str:
        self.promises.may_go_without = True
        return self.send("call end without text", "call_end", call_ended(transcript="none"))

    def call_end_pending(self) -> str:
        return self.send("call end, text pending", "call_end", call_ended(transcript="pending"))

    def transcript(self) -> str:
        self.promises.text_told = True
        content = json.dumps(TURNS).encode()
        self.environment.documents.documents[f"{CALL}.json"] = content
        return self.send(
            "transcript", "call_end", object_created(f"{CALL}.json", content, bucket="transcripts")
        )

    def recording(self, key: str = f"rec/{CALL}.wav", content: bytes = MONO, *, named: bool = True) -> str:
        self._put(key, content)
        if named and key.startswith("odd/"):
            self.environment.metadata[key] = {"external-conversation-id": CALL}
        return self.send("recording", "recording", object_created(key, content))

    def ranked(self, key: str, content: bytes, rank: int) -> str:
        self._put(key, content)
        created = ObjectCreated(
            version=ObjectVersion("recordings", key, etag(content)),
            size=len(content),
            order=f"{rank:04d}",
            created_at=self.state.now,
        )
        traits = Traits(rank=rank, several=True)
        found = RecordingFound(external_conversation_id=CALL, created=created, traits=traits)
        return self.send(f"recording of rank {rank}.", "recording", relay_messages.to_event(found))

    def _put(self, key: str, content: bytes) -> None:
        files = self.environment.put(self.state.files, key, (etag(content), content))
        self.state = self.state._replace(files=files)
        self.promises.recordings[f"s3://recordings/{key}#{etag(content)}"] = content

    # --- what has happened before ----------------------------------------------------------------------

    def finish(self, name: str) -> None:
        """The letter is handled, alone and to its end."""
        worker = self._take(name)
        while self.program.places[worker.place].pending:
            self.state = self.machine.work(self.state, worker)
            worker = self._worker(name)
        self.state = self.state._replace(workers=())

    def die_after(self, name: str, method: str) -> None:
        """Its worker dies right after this effect."""
        worker, pending = self._take(name), ""
        while pending != method:
            effect = self.program.places[worker.place].pending
            if effect is None:
                self.state = self.state._replace(workers=())
                return
            pending = effect.method
            self.state = self.machine.work(self.state, worker)
            worker = self._worker(name)
        self.state = self.machine.die(self.state._replace(budget=Budget(deaths=1)), worker)

    def until_due(self) -> None:
        """Time passes until the sweep has something to do."""
        due = self.environment.due(self.state.store, self.state.aliases)
        self.state = self.state._replace(now=max(self.state.now, min(due, default=0)))

    def sweep(self) -> list[str]:
        """The sweep comes; returns the names of the letters that it sent."""
        self.state = next(after for move, after in self.machine.steps(self.state) if move.who == "sweep")
        name = self.state.workers[0].letter.name
        while self.program.places[self.state.workers[0].place].pending:
            self.state = self.machine.work(self.state, self.state.workers[0])
        self.state = self.state._replace(workers=())
        return [letter.name for letter in self.state.letters if letter.name.startswith(name)]

    def _take(self, name: str) -> Worker:
        letter = next(letter for letter in self.state.letters if letter.name == name)
        self.state = self.machine.deliver(self.state, letter)
        return self._worker(name)

    def _worker(self, name: str) -> Worker:
        return next(worker for worker in self.state.workers if worker.letter.name == name)


# --- the use cases -----------------------------------------------------------------------------------


def _claimed(setup: Setup) -> None:
    """The sweep finds the lease of a worker that died before its POST."""
    setup.die_after(setup.call_end(), "write")
    setup.until_due()


def _sent(setup: Setup) -> None:
    """The sweep finds the lease of a worker that died after its POST."""
    setup.die_after(setup.call_end(), "submit")
    setup.until_due()


def _audit(setup: Setup) -> None:
    """A conversation was adopted after a take-over; the sweep finds its audit due."""
    _sent(setup)
    for name in setup.sweep():
        setup.finish(name)
    setup.until_due()


def _transcript_deadline(setup: Setup) -> None:
    """The announced transcript has not come by its deadline."""
    setup.finish(setup.call_end_pending())
    setup.until_due()
    setup.promises.may_go_without = True


def _grace(setup: Setup) -> None:
    """A recording has been uploaded, and no call end has come within the grace time."""
    setup.finish(setup.recording())
    setup.until_due()


def _hand_over(setup: Setup) -> None:
    """The call was submitted; its recording comes."""
    setup.finish(setup.call_end())
    setup.recording()


def _attach(setup: Setup) -> None:
    """The call was submitted; its recording was looked at, and waits to be attached."""
    setup.finish(setup.call_end())
    setup.finish(setup.recording())


def _pending(setup: Setup) -> None:
    setup.call_end_pending()
    setup.transcript()


def _names(setup: Setup) -> None:
    """The recording's place is named by the call end only."""
    setup.machine.nameless = False
    setup.recording("odd/place.wav", LATER, named=False)
    setup.call_end(recording={"items": [{"uri": "s3://recordings/odd/place.wav"}]})


def _side(setup: Setup) -> None:
    """The call end tells that the agent is on channel 1."""
    _stereo(setup)
    setup.call_end(recording={"agent_channel": 1})


def _stereo(setup: Setup) -> str:
    content = bytes(STEREO)
    setup.promises.sided = f"s3://recordings/odd/stereo.wav#{etag(content)}"
    return setup.recording("odd/stereo.wav", content)


def _ranks(setup: Setup) -> None:
    setup.ranked("odd/low.wav", MONO, 1)
    setup.ranked("odd/high.wav", LATER, 2)


USE_CASES: dict[str, Callable[[Setup], object]] = {
    "take-over, not sent": _claimed,
    "take-over, sent": _sent,
    "audit": _audit,
    "transcript's deadline": _transcript_deadline,
    "grace time": _grace,
    "hand-over": _hand_over,
    "attach": _attach,
    "call end": Setup.call_end,
    "call end without text": Setup.call_end_without_text,
    "pending transcript": _pending,
    "recording": Setup.recording,
    "name and parking": _names,
    "side becomes known": _side,
    "two ranks": _ranks,
}
"""Those that need time to pass come first: letters of another case do not lie there meanwhile."""


def _side_at_take_over(setup: Setup) -> None:
    """A worker died on its audio-only submit; then the call end comes and tells the side."""
    setup.finish(_stereo(setup))
    setup.until_due()
    setup.die_after(setup.sweep()[0], "write")
    setup.until_due()
    setup.call_end(recording={"agent_channel": 1})


def _another_leg_knows_no_side(setup: Setup) -> None:
    """A recording was made ready for the side that one call end told; the other leg's tells none."""
    setup.die_after(setup.call_end(recording={"agent_channel": 1}), "submit")
    setup.finish(_stereo(setup))
    setup.until_due()
    setup.call_end()


FOUND: dict[str, Callable[[Setup], object]] = {
    "side told at a take-over": _side_at_take_over,
    "another leg knows no side": _another_leg_knows_no_side,
}
"""What the scopes have found, kept small."""
