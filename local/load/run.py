"""One load run: disturbs, sends, waits until all is quiet, and reads what is left."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from local.demo.watcher import depth, plain
from local.load.call_plan import Plan, planned
from local.load.emulator_control import FaultProxy, Functions, Killer, fault_proxy
from local.load.fault_injection import Disturbances
from local.load.sender import Sender
from local.load.settings import LoadSettings
from local.load.verification import (
    MOST,
    Verdict,
    answer_to,
    deleted,
    is_due,
    is_limited,
    judged,
    pending,
    percentile,
    submit_times,
    waits,
)
from local.simulator import AdminClient
from local.stack.paths import Files
from local.stack.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

OUTAGE_AT, LATE_AT, CALM_AT = 0.4, 0.7, 0.9
"""Shares of the calls in Coval when Coval fails, when late recordings come, when all is well again."""
LOOK_SECONDS = 1.0
REPORT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run; times in seconds."""

    calls: int
    events: int
    rate: float
    """Requests a second that Coval let through."""
    outage: float
    sending_seconds: float
    submit_seconds: float
    """From the first event to the last conversation."""
    most_seconds: float
    """As `submit_seconds`, for 95 % of them: without the few that met one fault after another."""
    seconds: float
    waits: Sequence[float]
    disturbed: Mapping[str, int]
    aws: Mapping[str, int]
    """How the requests of the functions to AWS fared, by service and fault."""
    answers: Mapping[str, int]
    """How Coval answered."""
    limited: int
    """Requests that Coval carried out and its limit counts: all but those that bring a recording's bytes."""
    deleted: int
    dead_letters: tuple[str, ...]
    verdict: Verdict

    @property
    def needed(self) -> int:
        """Requests that Coval carried out; all others were wasted."""
        return sum(count for answer, count in self.answers.items() if answer.startswith("2"))

    @property
    def wasted(self) -> int:
        return sum(self.answers.values()) - self.needed

    @property
    def least_seconds(self) -> float:
        """What nobody can beat: Coval's own limit, after its outage."""
        return self.limited / self.rate + self.outage

    def is_good(self) -> bool:
        """Whether nothing was lost, doubled, left, or given up."""
        return self.verdict.is_good() and not self.dead_letters


@dataclass
class Run:
    """Plays a plan on a stack that nobody else uses."""

    stack: Stack
    files: Files
    settings: LoadSettings
    report: Callable[[str], None]
    coval: AdminClient
    sender: Sender = field(default_factory=Sender)
    _dynamodb: "DynamoDBClient" = field(default_factory=lambda: boto3.client("dynamodb"))
    _sqs: "SQSClient" = field(default_factory=lambda: boto3.client("sqs"))
    _began: float = field(default_factory=time.time)
    _reported_at: float = 0.0

    def play(self) -> Result:
        """Raises TimeoutError where it does not come to its end."""
        plan = planned(self.settings.calls, uuid.uuid4().hex[:6], self.settings.seed)
        functions = Functions(self.stack)
        self.coval.configure(requests_per_second=self.settings.rate)
        self._until(self._is_quiet, "S3's test message is done")  # else a worker that changes loses it for half an hour
        functions.redeliver_after(self.settings.visibility_seconds)
        with fault_proxy(self.stack, self.files) as proxy, self._swept(functions):
            functions.call_aws_at(proxy.url)
            disturbances = Disturbances(self._killer(), functions, proxy, self.coval, self.settings.pace)
            sending_seconds = self._disturbed(plan, disturbances)
            self.report("all is well again")
            self._until(self._is_quiet, "all is quiet")
            return self._result(plan, sending_seconds, disturbances.counts, proxy)

    def _killer(self) -> Killer:
        return Killer(self.files, self.settings.pace.settled)

    # --- the course of it ----------------------------------------------------------------------------

    def _disturbed(self, plan: Plan, disturbances: Disturbances) -> float:
        """Send while things fail; how long the burst took to send."""
        self._began = time.time()
        with disturbances, ThreadPoolExecutor(1) as pool:
            burst = pool.submit(self._send_burst, plan)
            self._until_share(OUTAGE_AT, burst)
            self.report(f"Coval is out for {self.settings.pace.outage:.0f} s")
            with disturbances.outage():
                self._pause(self.settings.pace.outage)
                self._until(disturbances.outage_is_felt, "requests have met the outage")
            self.report("Coval is back")
            sending_seconds = burst.result()
            self._until_share(LATE_AT, burst)
            self.sender.send(plan.late)
            self._until_share(CALM_AT, burst)
        return sending_seconds

    def _send_burst(self, plan: Plan) -> float:
        self.sender.send(plan.burst)
        self.report("the burst is sent")
        return time.time() - self._began

    def _until_share(self, share: float, burst: "Future[float]") -> None:
        def is_reached() -> bool:
            if burst.done():
                burst.result()
            return self._submitted() >= share * self.settings.calls

        self._until(is_reached, f"{share:.0%} of the calls are in Coval")

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        while not holds():
            if time.time() - self._began > self.settings.longest_seconds:
                raise TimeoutError(f"not in {self.settings.longest_seconds:.0f} s: {what}; {self._state()}")
            self._pause(LOOK_SECONDS)

    def _pause(self, seconds: float) -> None:
        """Let time pass, and report now and then how things stand."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if time.monotonic() - self._reported_at > REPORT_SECONDS:
                self._reported_at = time.monotonic()
                self.report(self._state())
            threading.Event().wait(min(left, LOOK_SECONDS))

    @contextmanager
    def _swept(self, functions: Functions) -> Iterator[None]:
        over = threading.Event()

        def sweep() -> None:
            while not over.wait(self.settings.sweep_seconds):
                functions.sweep()

        thread = threading.Thread(target=sweep, daemon=True)
        if self.settings.sweep_seconds is not None:
            thread.start()
        try:
            yield
        finally:
            over.set()
            if thread.is_alive():
                thread.join()

    # --- how things stand ----------------------------------------------------------------------------

    def _state(self) -> str:
        depths = " + ".join(str(depth(self._sqs, url)) for url in self.stack.queues)
        return f"sent {self.sender.sent}, in Coval {self._submitted()}, queues {depths}"

    def _submitted(self) -> int:
        return int(self.coval.health()["conversations"])

    def _is_quiet(self) -> bool:
        """Nothing on its way, no call that a sweep will take up, no recording without its call."""
        if any(depth(self._sqs, url) for url in self.stack.queues):
            return False
        items = tuple(self._items())
        return not any(map(is_due, items)) and not pending(items)

    def _items(self) -> Iterator[Mapping[str, Any]]:
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self.stack.table, ConsistentRead=True):
            yield from map(plain, page["Items"])

    def _dead_letters(self) -> Iterator[str]:
        """Queue and reason of each; without one EventBridge could not deliver it, or it was received too often."""
        for url in self.stack.dead_letter_queues:
            while received := self._sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, MessageAttributeNames=["All"]
            ).get("Messages"):
                yield from (f"{url.rpartition('/')[2]}: {_reason(message)}" for message in received)

    def _result(self, plan: Plan, sending_seconds: float, disturbed: Mapping[str, int], proxy: FaultProxy) -> Result:
        seconds = time.time() - self._began
        conversations, sent_at = self.coval.conversations(), self.sender.sent_at
        made, requests = submit_times(conversations), self.coval.requests()
        return Result(
            calls=len(plan.calls),
            events=self.sender.sent,
            rate=self.settings.rate,
            outage=self.settings.pace.outage,
            sending_seconds=sending_seconds,
            submit_seconds=percentile(made, 1) - self._began,
            most_seconds=percentile(made, MOST) - self._began,
            seconds=seconds,
            waits=waits(plan.calls, conversations, sent_at),
            disturbed=disturbed,
            aws=proxy.met(),
            answers=Counter(map(answer_to, requests)),
            limited=sum(map(is_limited, requests)),
            deleted=deleted(conversations),
            dead_letters=tuple(self._dead_letters()),
            verdict=judged(plan.calls, conversations, tuple(self._items())),
        )


def _reason(message: "MessageTypeDef") -> str:
    attributes = message.get("MessageAttributes", {})
    reason = attributes.get("reason_code") or attributes.get("ERROR_CODE")
    return reason.get("StringValue", "") if reason else "received too often"
