"""Plays a story to its end: time passes, messages come, workers meet."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from unittest.mock import patch

from coval_relay.domain.errors import RetryableError
from coval_relay.domain.messages import SOURCE
from coval_relay.entrypoints.consumer import DeliveryFailedError
from coval_relay.services import recording_preparer
from tests.simulation.promises import Promises
from tests.simulation.stage import Player, Stage, Worker
from tests.simulation.stories import DAY, MOST_UPLOAD_BYTES, Story
from tests.simulation.world import Outside
from tests.support.aws_queues import QueuedMessage

MOST_WORKERS, MOST_STEPS, MOST_SECONDS = 3, 4_000, 14 * DAY
SWEEP_SECONDS = 60
SWEEP = {"source": SOURCE, "detail-type": "Sweep"}
_idle: list[Player] = []


@dataclass(frozen=True)
class Played:
    """How a history ended."""

    broken: tuple[str, ...]
    lines: tuple[str, ...]
    facts: dict[str, Any]
    effects: int


class History:
    """One story on its stage."""

    def __init__(self, story: Story, *, verbose: bool = False) -> None:
        chance = Random(story.order)  # noqa: S311 - a history, not a secret
        self.stage = Stage(chance, story.faults, interleaves=story.interleaves, verbose=verbose, idle=_idle)
        self.outside = Outside(self.stage, story)
        self.world = self.outside.world
        self.promises = Promises(self.outside, story)
        self.stage.waiting = lambda: len(self.stage.awake()) < MOST_WORKERS and bool(self._visible())
        self.swept_at = 0
        self.chains: dict[Worker, Counter[str]] = {}
        """What chain of messages each worker's invocation belongs to."""
        self.sent_again = False

    def play(self) -> Played:
        for _ in range(MOST_STEPS):
            self.stage.happen()
            if self.stage.broken:
                break
            options = self._options()
            if options:
                self._step(options)
            elif not self._wait():
                break
        else:
            self.stage.breaks("P7: it does not come to rest")
        self._end()
        return Played(
            tuple(self.stage.broken),
            tuple(self.stage.story),
            self.promises.facts(),
            self.stage.counts.total(),
        )

    def _step(self, options: list[Callable[[], None]]) -> None:
        chance = self.stage.chance
        (chance.choice(options) if self.stage.interleaves else options[0])()
        if self.stage.interleaves and chance.random() < 0.3:
            self.stage.clock.now += chance.randint(0, 3)
        self.promises.look()

    def _options(self) -> list[Callable[[], None]]:
        options: list[Callable[[], None]] = [
            lambda worker=worker: self._go_on(worker)  # type: ignore[misc]
            for worker in self.stage.awake()
        ]
        if len(self.stage.awake()) < MOST_WORKERS:
            options += [lambda message=message: self._receive(message) for message in self._visible()]  # type: ignore[misc]
        if not options and self._next_sweep() <= self.stage.clock.now:
            options.append(self._sweep)
        return options

    def _visible(self) -> list[QueuedMessage]:
        now = self.stage.clock.now
        return [message for message in self.world.queued if message.visible_at <= now]

    # --- invocations ---------------------------------------------------------------------------------

    def _receive(self, message: QueuedMessage) -> None:
        stage = self.stage
        stage.counts["sqs.receive"] += 1
        chain = self.world.queues.receive(message, stage.clock.now)
        if chain is None:
            stage.breaks(f"P10: SQS or Lambda has ended a message itself: {message.queue} {message.body[:80]}")
            return
        for fault in stage.faults:
            if (fault.effect, fault.nth) == ("sqs.receive", stage.counts["sqs.receive"]):
                message.visible_at = stage.clock.now + fault.seconds
                stage.log(f"! {fault}")
        worker = stage.begin(lambda: self._serve(message))
        self.chains[worker] = chain
        stage.log(f"{worker.name} takes from {message.queue}: {_in_short(message.body)}")
        self._go_on(worker)

    def _go_on(self, worker: Worker) -> None:
        self.world.running = self.chains[worker]
        self.stage.go_on(worker)

    def _serve(self, message: QueuedMessage) -> None:
        answer = self.world.consumers[message.queue]({"Records": [message.record()]}, self.stage.remaining)
        if answer["batchItemFailures"]:
            self.stage.log("waits")
        else:
            with suppress(RetryableError):
                self.stage.effect("sqs.delete", lambda: self._done(message))

    def _done(self, message: QueuedMessage) -> None:
        if message in self.world.queued:
            self.world.queued.remove(message)

    def _sweep(self) -> None:
        self.swept_at = self.stage.clock.now
        worker = self.stage.begin(self._sweeping)
        self.chains[worker] = Counter({"attach": 1})
        self.stage.log(f"{worker.name} sweeps")
        self._go_on(worker)

    def _sweeping(self) -> None:
        try:
            self.world.consumers["attach"](SWEEP, self.stage.remaining)
        except DeliveryFailedError as error:
            self.stage.log(f"failed: {error}")

    # --- time ----------------------------------------------------------------------------------------

    def _wait(self) -> bool:
        """Let time pass until something can happen; False where nothing can any more."""
        moments = [message.visible_at for message in self.world.queued]
        moments += [worker.asleep_until for worker in self.stage.workers]
        moments += [moment for moment, *_ in self.stage.later]
        sweep = self._next_sweep()
        moments += [sweep] if sweep < MOST_SECONDS + self.stage.clock.now else []
        if not moments:
            return self._send_dead_letters_again()
        self.stage.clock.now = max(self.stage.clock.now, min(moments))
        return self.stage.clock.now - self.outside.began < MOST_SECONDS

    def _next_sweep(self) -> int:
        due = [call.due_at for call in self.outside.table.items.values() if call.due_at is not None]
        due += self.outside.names.moments()
        return max(min(due), self.swept_at + SWEEP_SECONDS) if due else 10**12

    def _send_dead_letters_again(self) -> bool:
        """As an operator does when all is quiet; once."""
        if self.sent_again or not self.world.dead:
            return False
        self.sent_again = True
        dead, self.world.dead[:] = list(self.world.dead), []
        for queue, body, reason in dead:
            self.stage.log(f"the operator sends a dead letter again ({reason})")
            self.world.send(queue, body)
        return True

    def _end(self) -> None:
        if not self.stage.broken:
            if self.world.queued or self.stage.workers:
                self.stage.breaks(f"P7: {len(self.world.queued)} messages are still under way")
            self.promises.at_rest()
        self.stage.clock.now += MOST_SECONDS
        for worker in list(self.stage.workers):  # nobody stays behind in a thread
            worker.frozen = False
            while not worker.ended:
                self.stage.go_on(worker)


def play(story: Story, *, verbose: bool = False) -> Played:
    """The history of a story; a gentle one must end as it does when nothing goes wrong at all."""
    with patch.object(recording_preparer, "MAX_UPLOAD_BYTES", MOST_UPLOAD_BYTES):
        played = History(story, verbose=verbose).play()
        if played.broken or not (story.gentle and story.interleaves):
            return played
        calm = History(story.calm).play()
    different = [
        f"P6: {name} ends as {played.facts[name]}, without any fault as {calm.facts[name]}"
        for name in played.facts
        if played.facts[name] != calm.facts[name]
    ]
    return replace(played, broken=tuple(different))


def _in_short(body: str) -> str:
    kind = body.partition('"detail-type": "')[2].partition('"')[0]
    name = body.partition('"external_conversation_id": "')[2].partition('"')[0]
    key = body.partition('"key": "')[2].partition('"')[0]
    return " ".join(word for word in (kind, name, key) if word) or body[:60]
