"""Plays all scenarios at once, follows what becomes of them, and says how each ended."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import boto3

from local.demo.outcomes import ending
from local.demo.results_table import differences
from local.demo.scenarios import Ending, Scenario
from local.demo.steps import ALIAS_TYPE, Stage, alias
from local.demo.watcher import MESSAGE_PENDING, Changes, Coval, DeadLetters, Items, QueueDepths, repeated
from local.simulator import AdminClient
from local.stack.stack import Stack
from local.webhooks import function_url

STEP_SECONDS = 180
"""How long a step waits for what it builds upon."""


class Run:
    """One run: its own call ids, so that a stack may be used again and again."""

    def __init__(self, stack: Stack, scenarios: Sequence[Scenario], happened: Callable[[str, str], None]) -> None:
        number = uuid.uuid4().hex[:6]
        self._scenarios = scenarios
        self._happened = happened
        self._call_ids = {one.name: f"{one.name.translate(_PLAIN)}-{number}" for one in scenarios}
        self._names = {call_id: name for name, call_id in self._call_ids.items()}
        self._changes = Changes()
        self._admin = AdminClient(stack.coval_url)
        self._door = function_url(stack.aws_url, stack.outputs)
        self._watch(stack)

    def _watch(self, stack: Stack) -> None:
        ids, sqs = tuple(self._names), boto3.client("sqs")
        aliases = {f"alias#{ALIAS_TYPE}#{alias(call_id)}": call_id for call_id in ids}
        self._items = Items(boto3.client("dynamodb"), stack.table, ids, self._tell, self._changes, aliases)
        self._coval = Coval(self._admin, ids, self._tell, self._changes)
        self._dead_letters = DeadLetters(sqs, stack.dead_letter_queues, ids, self._tell)
        self._depths = QueueDepths(sqs, stack.queues)

    def play(self, seconds: float) -> dict[str, Ending]:
        """Perform the steps, then wait until all has ended as expected, or the seconds are over."""
        looks = (self._items.look, self._coval.look_at_requests, self._coval.look, self._dead_letters.look)
        events, s3 = boto3.client("events"), boto3.client("s3")
        stage = Stage(events, s3, self._fault, self._awaited, self._pending_message, self._door)
        with self._admin, repeated(*looks):
            self._perform_all(stage)
            self._changes.wait_for(self._is_over, seconds)
        return self.endings()

    def endings(self) -> dict[str, Ending]:
        """How each scenario stands."""
        return {scenario.name: self._ending(scenario) for scenario in self._scenarios}

    def _perform_all(self, stage: Stage) -> None:
        with ThreadPoolExecutor(len(self._scenarios)) as pool:
            try:
                for done in [pool.submit(self._perform, stage, scenario) for scenario in self._scenarios]:
                    done.result()
            except BaseException:
                self._changes.give_up()
                raise

    def _perform(self, stage: Stage, scenario: Scenario) -> None:
        call_id = self._call_ids[scenario.name]
        try:
            for step in scenario.steps:
                step.perform(stage, call_id, partial(self._tell, call_id))
        except TimeoutError as error:
            self._tell(call_id, f"given up   {error}")

    def _ending(self, scenario: Scenario) -> Ending:
        call_id = self._call_ids[scenario.name]
        held, item = self._coval.held.get(call_id, []), self._items.seen.get(call_id, {})
        return ending(held, item, self._dead_letters.reasons.get(call_id, ""), scenario.sent)

    def _is_over(self) -> bool:
        as_expected = all(not differences(one.expected, self._ending(one)) for one in self._scenarios)
        return as_expected and self._depths.are_over()

    def _fault(self, match: Mapping[str, Any], fault: Mapping[str, Any]) -> None:
        self._admin.add_fault(dict(fault), times=1, **match)

    def _awaited(self, call_id: str, state: str, recording: str | None) -> None:
        def holds() -> bool:
            item = self._items.seen.get(call_id, {})
            return item.get("state") == state and recording in (None, item.get("recording_state"))

        if not self._changes.wait_for(holds, STEP_SECONDS):
            raise TimeoutError(f"the item did not become {state} {recording or ''} in {STEP_SECONDS} s")

    def _pending_message(self, call_id: str) -> None:
        if not self._changes.wait_for(lambda: self._items.names.get(call_id) == MESSAGE_PENDING, STEP_SECONDS):
            raise TimeoutError(f"nothing was pending in {STEP_SECONDS} s")

    def _tell(self, call_id: str, text: str) -> None:
        self._happened(self._names[call_id], text)


_PLAIN = str.maketrans(" ", "-", ",")
