"""Takes a function's queue messages: each ends as done, as waiting, or as rejected with a reason."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from coval_relay.adapters.aws.lambda_events import Delivery, Receipt, Record, records
from coval_relay.adapters.aws.queue_messages import reopened_event
from coval_relay.domain import backoff, lifecycle
from coval_relay.domain.call import Call, ConversationState
from coval_relay.domain.call_id import call_id_of
from coval_relay.domain.coval import CovalClient
from coval_relay.domain.errors import (
    InvalidInputError,
    NotReadyError,
    PermanentError,
    Reason,
    RetryableError,
    UnknownOutcomeError,
    code_of,
    raised_at,
)
from coval_relay.domain.faults import Fault, fault_of, waiting_event
from coval_relay.domain.lifecycle import RETRY_SECONDS, Attempt
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import CallEnded, Message, Reopen, Resume
from coval_relay.domain.ports import RejectedEvents
from coval_relay.services.action_runner import Outcome
from coval_relay.services.conditional_updates import Calls

FINAL_WRITE_SECONDS = 5


class DeliveryFailedError(RuntimeError):
    """A bare invocation failed, or would have to wait; says where, and nothing of what it was about."""


class HideMessage(Protocol):
    """Keeps a received message from being received again for so many seconds; raises RetryableError."""

    def __call__(self, handle: str, seconds: int) -> None: ...


class DeadLetters(Protocol):
    """The function's own dead-letter queue; raises RetryableError."""

    def __call__(self, body: str, reason: Reason) -> None: ...


@dataclass(frozen=True, slots=True)
class Waits:
    """Something is not ready: the record has to come again, not before `until` (epoch seconds)."""

    code: str
    until: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """Ended for good; the reason stays on the call's item, or on a dead letter where no call is known."""

    delivery: Delivery
    reason: Reason
    call_id: str


Ending = Waits | Rejected | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Hands each event to the function's use case, and its outcome to the queue.

    A message waits where it is: it is hidden for longer, and reported as failed, so that it comes again by itself.
    Nothing is sent anew, so its age is true, and Lambda's recursive-loop protection has nothing to stop.
    """

    translate: Callable[[Mapping[str, Any]], Sequence[Message]]
    service: Callable[[Message, Attempt], Outcome]
    calls: Calls
    coval: CovalClient
    hide: HideMessage
    dead_letters: DeadLetters
    rejected_events: RejectedEvents | None
    telemetry: Telemetry
    chance: Callable[[], float]
    request_seconds: int
    processing_seconds: int

    def __call__(self, payload: Any, remaining: Callable[[], float]) -> dict[str, Any]:
        """Returns SQS's partial batch answer; without a queue, what failed or would have to wait is raised."""
        failed = dict.fromkeys(self._handled(record, remaining) for record in records(payload))
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed if name is not None]}

    def _handled(self, record: Record, remaining: Callable[[], float]) -> str | None:
        """The message's id where it has to come again; what of it is done already is done again then, without harm."""
        if record.receipt:
            self._hide(record.receipt, backoff.while_worked_on(remaining(), self._age(record.receipt)))
        endings = [self._ending(delivery, remaining) for delivery in record.deliveries]
        waits = [ending for ending in endings if isinstance(ending, Waits)]
        if not waits:
            rejections = [ending for ending in endings if isinstance(ending, Rejected)]
            waits = [waiting for waiting in map(self._rejected, rejections) if waiting]
        return self._wait(record, max(waits, key=lambda waiting: waiting.until)) if waits else None

    # --- one event -----------------------------------------------------------------------------------

    def _ending(self, delivery: Delivery, remaining: Callable[[], float]) -> Ending:
        try:
            return self._serve(delivery, remaining)
        except InvalidInputError as error:
            return Rejected(delivery, Reason("invalid_input", str(error)), error.call_id or _call_id(delivery))
        except PermanentError as error:
            if error.status is None and fault_of(error.code) is Fault.NOBODY:
                return Rejected(delivery, Reason(error.code, error.reason), _call_id(delivery))
            return self._failure(delivery, error)
        except Exception as error:  # noqa: BLE001 - the edge: one failure must not fail its batch
            return self._failure(delivery, error)

    def _failure(self, delivery: Delivery, error: Exception) -> Waits:
        """What may pass, or be mended, waits; of an unforeseen error no message is logged: it may quote the call."""
        if isinstance(error, RetryableError | NotReadyError):
            return Waits(error.code, self.calls.clock() + int(error.retry_after or RETRY_SECONDS))
        if isinstance(error, PermanentError) and error.status is None:
            return Waits(error.code)
        where = raised_at(error)
        self.telemetry(LogEvent.DELIVERY_FAILED, _call_id(delivery), kind=type(error).__name__, where=where)
        return Waits(f"{type(error).__name__} at {where}")

    def _serve(self, delivery: Delivery, remaining: Callable[[], float]) -> Ending:
        if remaining() < self.request_seconds + FINAL_WRITE_SECONDS:
            return Waits("no_time_left")
        if delivery.event is None:
            raise InvalidInputError("body", "must be a JSON object")
        messages = self.translate(delivery.event)
        if not messages:
            self.telemetry(LogEvent.EVENT_SKIPPED)
        for message in messages:
            if waiting := self._served(message, delivery, remaining):
                return waiting
        return None

    def _served(self, message: Message, delivery: Delivery, remaining: Callable[[], float]) -> Waits | None:
        match message:
            case Resume():
                self._resumed(message, remaining)
            case Reopen():
                self._reopened(message)
            case _:
                outcome = self.service(message, self._attempt(remaining))
                if outcome.until is not None:
                    return Waits(outcome.code, outcome.until)
                if outcome.call and (reason := _rejection(outcome.call, message)):
                    self._keep(delivery, outcome.call.external_conversation_id, reason)
        return None

    def _reopened(self, reopen: Reopen) -> None:
        call = self.calls.get(reopen.external_conversation_id)
        self.calls.update(call, lambda seen: lifecycle.reopened(seen, reopen.revision, self.calls.clock()))

    def _keep(self, delivery: Delivery, call_id: str, reason: Reason) -> None:
        """So that it can be sent again; of what was sent again already, the event in it."""
        if self.rejected_events is not None:
            self.rejected_events.keep(call_id, reason, reopened_event(delivery.event) or delivery.raw)

    def _resumed(self, resume: Resume, remaining: Callable[[], float]) -> None:
        """What the sweep can bring again never waits in a queue: else its messages would become more and more."""
        try:
            outcome = self.service(resume, self._attempt(remaining, resume.hops))
            code, until = outcome.code, outcome.until
        except (RetryableError, NotReadyError, PermanentError, UnknownOutcomeError) as error:
            code, until = error.code, self.calls.clock() + RETRY_SECONDS
        if until is not None:
            age = {"age_seconds": backoff.tried_for(resume.sweep)} if resume.sweep else {}
            self.telemetry(waiting_event(code), resume.external_conversation_id, code=code, **age)
            self._put_off(resume.external_conversation_id, until)

    def _put_off(self, call_id: str, until: int) -> None:
        """Where it fails, the time stands that was written before the message was sent."""
        try:
            self.calls.put_off(call_id, until)
        except Exception as error:  # noqa: BLE001 - as in _hide
            self.telemetry(LogEvent.HIDE_FAILED, call_id, code=code_of(error))

    def _attempt(self, remaining: Callable[[], float], hops: int = 0) -> Attempt:
        closed = self.coval.wait_turn()
        now = self.calls.clock()
        lease_until = now + int(remaining()) + 1 + self.processing_seconds
        return Attempt(uuid.uuid4().hex, lease_until, now, now + closed if closed else 0, hops)

    # --- how a record ends ---------------------------------------------------------------------------

    def _wait(self, record: Record, waiting: Waits) -> str | None:
        call_id = _call_id(record.deliveries[0])
        if record.receipt is None:
            self.telemetry(waiting_event(waiting.code), call_id, code=waiting.code)
            raise DeliveryFailedError(waiting.code)
        age = self._age(record.receipt)
        if age >= backoff.EXPIRY_SECONDS and self._expired(record, waiting):
            return None
        pause = backoff.of_message(age, waiting.until - self.calls.clock(), self.chance())
        self.telemetry(waiting_event(waiting.code), call_id, code=waiting.code, seconds=pause, age_seconds=age)
        self._hide(record.receipt, pause)
        return record.receipt.message_id

    def _expired(self, record: Record, waiting: Waits) -> bool:
        """To the dead letters before SQS deletes it silently: sent anew, since one that SQS moves keeps its age."""
        try:
            self.dead_letters(record.raw, lifecycle.waited_for(waiting.code))
        except Exception as error:  # noqa: BLE001 - as in _hide: it comes again
            self.telemetry(LogEvent.DELIVERY_FAILED, kind=code_of(error), where="dead letters")
            return False
        self.telemetry(LogEvent.WAITED_TOO_LONG, code=waiting.code)
        return True

    def _rejected(self, ending: Rejected) -> Waits | None:
        try:
            if ending.call_id:
                self._keep(ending.delivery, ending.call_id, ending.reason)
                self._note(ending.call_id, ending.reason)
            else:
                self.dead_letters(ending.delivery.raw, ending.reason)
        except Exception as error:  # noqa: BLE001 - as in _hide: it comes again
            return self._failure(ending.delivery, error)
        code, text = ending.reason.code, ending.reason.text
        self.telemetry(LogEvent.INPUT_REJECTED, ending.call_id, code=code, reason=text)
        return None

    def _note(self, call_id: str, reason: Reason) -> None:
        self.calls.update(
            Call(external_conversation_id=call_id),
            lambda seen: lifecycle.input_rejected(seen, reason, self.calls.clock()),
        )

    def _hide(self, receipt: Receipt, seconds: int) -> None:
        """Where it fails, the queue's own visibility timeout holds."""
        try:
            self.hide(receipt.handle, seconds)
        except Exception as error:  # noqa: BLE001 - whatever fails here must not cost the message
            self.telemetry(LogEvent.HIDE_FAILED, code=code_of(error))

    def _age(self, receipt: Receipt) -> int:
        return max(self.calls.clock() - receipt.sent_at, 0) if receipt.sent_at else 0


def _rejection(call: Call, message: Message) -> Reason | None:
    """Why the event is kept: its call is rejected, or only the text that it brought."""
    if call.state is ConversationState.REJECTED:
        return call.reason
    return call.dropped.reason if call.dropped and isinstance(message, CallEnded) else None


def _call_id(delivery: Delivery) -> str:
    """The call's id, where the event names one that can be one."""
    detail = delivery.event.get("detail") if delivery.event else None
    found = detail.get("external_conversation_id") if isinstance(detail, Mapping) else None
    return call_id_of(found) or ""


def dead_letter_attributes(reason: Reason) -> dict[str, str]:
    """What stands on a dead letter besides the event."""
    return {"reason_code": reason.code, "reason": json.dumps(reason.text)[1:-1][:256]}
