"""The use cases of one call, each given as what has happened before and which messages lie there now."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coval_relay.adapters.aws import queue_messages
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.messages import RecordingReady
from tests.scopes.canonical import Pool
from tests.scopes.environment import Environment
from tests.scopes.machine import Machine, State, TimeLeft, Worker
from tests.scopes.program import SWEEP, Program, QueuedMessage
from tests.scopes.promises import CALL, SIDE_KNOWN, Promises
from tests.support.events import TURNS, call_ended, etag, object_created, wav
from tests.support.fakes import FakeClock, InMemoryCalls

MONO, LATER, STEREO = wav(6.0, rate=100), wav(7.0, rate=100), bytearray(wav(6.0, rate=100, channels=2))
DAYS = 2 * 86_400
GONE = "odd/gone.wav"
"""The key of a recording that is deleted on the way."""
STEREO[44:] = b"\x01\x00\x02\x00" * ((len(STEREO) - 44) // 4)


def version_id(content: bytes) -> str:
    """The recordings' bucket has versions: what has none is copied, as what is made ready for a side."""
    return f"v-{etag(content)[:8]}"


@dataclass
class Setup:
    """Builds the first state of a scope."""

    workers: int = 2
    store_type: type[InMemoryCalls] = InMemoryCalls
    nameless: bool = True
    """Whether nothing is ever pending or bound."""

    def __post_init__(self) -> None:
        self.pool = Pool()
        self.program = Program(self.pool)
        self.environment = Environment(self.pool, self.store_type)
        self.machine = Machine(self.program, self.environment, self.workers, nameless=self.nameless)
        self.promises = Promises(self.pool, self.program)
        parts: dict[str, Any] = self.environment.empty()
        self.state = State(now=FakeClock().now, **parts)

    # --- messages ---------------------------------------------------------------------------------------

    def send(self, queue: str, event: dict[str, Any]) -> QueuedMessage:
        """A message that lies there; the same event may lie there more than once."""
        message = QueuedMessage(self.state.now, queue, json.dumps(event), self.state.now)
        self.state = self.state._replace(queued=tuple(sorted((*self.state.queued, message))))
        return message

    def call_end(self, **changes: Any) -> QueuedMessage:
        self.promises.text_comes = True
        return self.send("call_end", call_ended(**changes))

    def call_end_with_side(self) -> QueuedMessage:
        """It says that the agent is on channel 1."""
        return self.call_end(recording={"agent_channel": 1}, metadata={"campaign": SIDE_KNOWN})

    def call_end_without_text(self) -> QueuedMessage:
        self.promises.may_go_without = True
        return self.send("call_end", call_ended(transcript="none"))

    def call_end_pending(self) -> QueuedMessage:
        return self.send("call_end", call_ended(transcript="pending"))

    def transcript(self) -> QueuedMessage:
        self.promises.text_comes = True
        content = json.dumps(TURNS).encode()
        self.environment.transcript_objects.transcript_objects[f"{CALL}.json"] = content
        return self.send("call_end", object_created(f"{CALL}.json", content, bucket="transcripts"))

    def recording(self, key: str = f"rec/{CALL}.wav", content: bytes = MONO, *, named: bool = True) -> QueuedMessage:
        self._put(key, content)
        if not named:
            self.promises.nameless.add(f"s3://recordings/{key}#{version_id(content)}")
        elif key.startswith("odd/"):
            self.environment.metadata[key] = {"external-conversation-id": CALL}
        return self.send("recording", object_created(key, content, version=version_id(content)))

    def ranked(self, key: str, content: bytes, rank: int) -> QueuedMessage:
        self._put(key, content)
        self.promises.recordings.pop(f"s3://recordings/{key}#{version_id(content)}")
        self.promises.recordings[f"s3://recordings/{key}#{etag(content)}"] = content  # asked for without a version
        hints = RecordingHints(rank=rank, several=True)
        ready = RecordingReady(target=CALL, uri=f"s3://recordings/{key}", created_at=self.state.now + rank, hints=hints)
        return self.send("recording", queue_messages.to_event(ready))

    def _put(self, key: str, content: bytes) -> None:
        files = self.environment.put(self.state.files, key, (etag(content), content))
        self.state = self.state._replace(files=files)
        self.promises.recordings[f"s3://recordings/{key}#{version_id(content)}"] = content

    # --- what has happened before ----------------------------------------------------------------------

    def finish(self, message: QueuedMessage) -> list[QueuedMessage]:
        """The message is handled, alone and to its end; returns what was sent."""
        before = self.state.queued
        worker = self._take(message)
        while self.program.places[worker.place].pending:
            self.state = self.machine.work(self.state, worker)
            (worker,) = self.state.workers
        self.state = self.machine.ended(self.state, worker)
        return [one for one in self.state.queued if one not in before]

    def die_after(self, message: QueuedMessage, method: str, nth: int = 1) -> list[QueuedMessage]:
        """Its worker dies right after the nth such effect, if it comes to it; returns the message that comes back."""
        worker, left = self._take(message), nth
        while left:
            effect = self.program.places[worker.place].pending
            if effect is None:
                self.state = self.state._replace(workers=())
                return []
            left -= effect.method == method
            self.state = self.machine.work(self.state, worker)
            (worker,) = self.state.workers
        before = self.state.queued
        self.state = self.machine.die(self.state._replace(budget=TimeLeft(deaths=1)), worker)
        return [one for one in self.state.queued if one not in before]

    def until(self, moment: int) -> None:
        self.state = self.state._replace(now=max(self.state.now, moment))

    def until_due(self) -> None:
        """Time passes until the sweep has something to do; not where a call only waits for a message for days."""
        moment = min(self.environment.due(self.state.store, self.state.aliases), default=0)
        if moment < self.state.now + DAYS:
            self.until(moment)

    def sweep(self) -> list[QueuedMessage]:
        """The sweep comes; returns the messages that it sent."""
        return self.finish(self._swept())

    def sweep_dies_after(self, method: str, nth: int = 1) -> None:
        """The sweep comes, and its worker dies right after the nth such effect."""
        self.die_after(self._swept(), method, nth)

    def _swept(self) -> QueuedMessage:
        self.state = self.state._replace(swept_at=self.state.now)
        return QueuedMessage(self.state.now, SWEEP, "", 0)

    def finish_all(self, messages: list[QueuedMessage]) -> None:
        """These, and whatever they send."""
        for message in messages:
            self.finish_all(self.finish(message))

    def delete(self, key: str) -> None:
        """Somebody deletes a recording in the bucket."""
        objects = dict(self.pool.values[self.state.files])
        _, self.promises.gone[key] = objects.pop(key)
        self.state = self.state._replace(files=self.pool.number(objects))

    def conversations(self) -> dict[str, Any]:
        """What Coval has."""
        held: dict[str, Any] = self.pool.values[self.state.coval]["conversations"]
        return held

    def change_coval(self, **values: Any) -> None:
        """Something happens in Coval by itself."""
        value = {**self.pool.values[self.state.coval], **values}
        self.state = self.state._replace(coval=self.pool.number(value))

    def _take(self, message: QueuedMessage) -> Worker:
        queued = list(self.state.queued)
        if message.queue != SWEEP:
            queued.remove(message)
        self.state, worker = self.machine.deliver(self.state._replace(queued=tuple(queued)), message)
        return worker


# --- the use cases -----------------------------------------------------------------------------------


def _claimed(setup: Setup) -> None:
    """The sweep finds the lease of a worker that died before its POST."""
    setup.die_after(setup.call_end(), "save")
    setup.until_due()


def _sent(setup: Setup) -> None:
    """The sweep finds the lease of a worker that died after its POST."""
    setup.die_after(setup.call_end(), "submit")
    setup.until_due()


def _audit(setup: Setup) -> None:
    """A conversation was adopted after a take-over; the sweep finds its audit due."""
    _sent(setup)
    setup.finish_all(setup.sweep())
    setup.until_due()


def _begun_again(setup: Setup) -> None:
    """A submit was taken over, its upload had ended and was made anew, then it landed; its audit is due."""
    _given_up(setup, setup.recording(), "")


def _given_up(setup: Setup, recording: QueuedMessage, deleted: str) -> None:
    """It was given up instead, because the recording was deleted meanwhile."""
    setup.finish(recording)
    setup.until_due()
    before = setup.conversations()
    setup.sweep_dies_after("submit")
    now = setup.conversations()
    landed = {name: held for name, held in now.items() if name not in before}
    setup.change_coval(conversations={name: held for name, held in now.items() if name in before})
    if deleted:
        setup.delete(deleted)
    setup.until_due()
    setup.finish_all(setup.sweep())
    setup.change_coval(conversations={**setup.conversations(), **landed}, late=True)
    setup.until_due()


def _last_look(setup: Setup, done: str) -> None:
    """A recording was deleted while it was pinned, and given up; the sweep finds its last look due."""
    setup.finish(setup.call_end())
    for attach in setup.finish(setup.recording(GONE, LATER)):
        for back in setup.die_after(attach, done):
            setup.delete(GONE)
            setup.until(back.visible_at)
            setup.finish(back)
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
    setup.recording("odd/place.wav", LATER, named=False)
    setup.call_end(recording={"items": [{"uri": "s3://recordings/odd/place.wav"}]})


def _side(setup: Setup) -> None:
    """The call end says that the agent is on channel 1."""
    _stereo(setup)
    setup.call_end_with_side()


def _stereo(setup: Setup) -> QueuedMessage:
    content = bytes(STEREO)
    setup.promises.sided = f"s3://recordings/odd/stereo.wav#{version_id(content)}"
    return setup.recording("odd/stereo.wav", content)


def _ranks(setup: Setup) -> None:
    setup.ranked("odd/low.wav", MONO, 1)
    setup.ranked("odd/high.wav", LATER, 2)


USE_CASES: dict[str, Callable[[Setup], object]] = {
    "take-over, not sent": _claimed,
    "take-over, sent": _sent,
    "audit": _audit,
    "audit of a submit begun again": _begun_again,
    "audit of a call given up": lambda setup: _given_up(setup, setup.recording(GONE, LATER), GONE),
    "last look, attached": lambda setup: _last_look(setup, "attach_audio"),
    "last look, not attached": lambda setup: _last_look(setup, "save"),
    "transcript's deadline": _transcript_deadline,
    "grace time": _grace,
    "hand-over": _hand_over,
    "attach": _attach,
    "call end": Setup.call_end,
    "call end without text": Setup.call_end_without_text,
    "pending transcript": _pending,
    "recording": Setup.recording,
    "name and pending": _names,
    "side becomes known": _side,
    "two ranks": _ranks,
}
"""Those that need time to pass come first: messages of another case do not lie there meanwhile."""


def _side_at_take_over(setup: Setup, done: str = "save") -> None:
    """A worker died on its audio-only submit; then the call end comes and names the agent's channel."""
    setup.finish(_stereo(setup))
    setup.until_due()
    setup.sweep_dies_after(done, nth=2 if done == "save" else 1)
    setup.until_due()
    setup.call_end_with_side()


def _another_leg_knows_no_side(setup: Setup) -> None:
    """A recording was made ready for the channel that one call end named; the other leg's names none."""
    setup.die_after(setup.call_end_with_side(), "submit")
    setup.finish(_stereo(setup))
    setup.until_due()
    setup.call_end()


def _another_chosen_during_audit(setup: Setup) -> None:
    """The audit finds a conversation with the recording that was chosen; a better one comes meanwhile."""
    _begun_again(setup)
    setup.ranked("odd/high.wav", LATER, 2)


def _another_chosen_during_take_over(setup: Setup) -> None:
    """So does a take-over that does not send the recording, because its side is known now."""
    _side_at_take_over(setup, "submit")
    setup.ranked("odd/high.wav", LATER, 2)


FOUND: dict[str, Callable[[Setup], object]] = {
    "side known at a take-over": _side_at_take_over,
    "another leg knows no side": _another_leg_knows_no_side,
    "another recording is chosen during an audit": _another_chosen_during_audit,
    "another recording is chosen during a take-over": _another_chosen_during_take_over,
}
"""What the scopes have found, kept small."""
