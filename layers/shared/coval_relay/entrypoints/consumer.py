"""The functions' edge: every delivery ends as done, as waiting, as rejected with a reason, or as failed."""

import json
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from coval_relay.adapters.aws.lambda_events import Delivery, deliveries
from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call
from coval_relay.domain.call_id import call_id_of
from coval_relay.domain.errors import InvalidInputError, NotReadyError, PermanentError, Reason, RetryableError
from coval_relay.domain.lifecycle import RETRY_SECONDS, Attempt
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import Message
from coval_relay.services.calls import Calls
from coval_relay.services.worker import DONE, Outcome

MAX_DELAY_SECONDS = 900
"""Most that SQS delays a message (SQS, SendMessage: DelaySeconds)."""
MAX_WAIT_SECONDS = 4 * 86_400
FINAL_WRITE_SECONDS = 5


class DeliveryFailedError(RuntimeError):
    """A bare invocation failed; says where, and nothing of what it was about."""


class OwnQueue(Protocol):
    """The function's own queue."""

    def __call__(self, body: str, delay_seconds: int, first_sent: int) -> None: ...


class DeadLetters(Protocol):
    """The function's own dead-letter queue."""

    def __call__(self, body: str, reason: Reason) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Hands each delivery to the function's use case, and its outcome to the queue.

    A message waits by being sent again with a delay, so that the queue's receive count counts failures only.
    """

    translate: Callable[[Mapping[str, Any]], Sequence[Message]]
    service: Callable[[Message, Attempt], Outcome]
    calls: Calls
    own_queue: OwnQueue
    dead_letters: DeadLetters
    telemetry: Telemetry
    request_seconds: int
    processing_seconds: int

    def __call__(self, payload: Any, remaining: Callable[[], float]) -> dict[str, Any]:
        """Returns SQS's partial batch answer; without a queue a failure is raised."""
        failed: list[str] = []
        for delivery in deliveries(payload):
            try:
                self._handle(delivery, remaining)
            except Exception as error:  # noqa: BLE001 - the edge: one failure must not fail its batch
                # No message of an unforeseen error is logged: it may quote what it was about.
                self.telemetry(
                    LogEvent.DELIVERY_FAILED,
                    _call_id(delivery),
                    kind=type(error).__name__,
                    where=_raised_at(error),
                )
                if delivery.message_id is None:
                    raise DeliveryFailedError(f"{type(error).__name__} at {_raised_at(error)}") from None
                failed.append(delivery.message_id)
        return {"batchItemFailures": [{"itemIdentifier": name} for name in dict.fromkeys(failed)]}

    def _handle(self, delivery: Delivery, remaining: Callable[[], float]) -> None:
        try:
            outcome = self._serve(delivery, remaining())
        except InvalidInputError as error:
            call_id = error.call_id or _call_id(delivery)
            self._reject(delivery, Reason("invalid_input", str(error)), call_id)
        except PermanentError as error:
            # Coval's own words may quote the call: queue attributes and log lines carry the status only.
            words = f"Coval answered with status {error.status}." if error.status else error.reason
            self._bury(delivery, Reason(error.code, words))
        except (RetryableError, NotReadyError) as error:
            pause = int(error.retry_after or RETRY_SECONDS)
            self._wait(delivery, self.calls.clock() + pause, error.code)
        else:
            if outcome.until is not None:
                self._wait(delivery, outcome.until, "lease_or_busy")

    def _serve(self, delivery: Delivery, remaining: float) -> Outcome:
        now = self.calls.clock()
        if remaining < self.request_seconds + FINAL_WRITE_SECONDS:
            return Outcome(until=now + 1)
        if delivery.event is None:
            raise InvalidInputError("body", "must be a JSON object")
        messages = self.translate(delivery.event)
        if not messages:
            self.telemetry(LogEvent.EVENT_SKIPPED)
        lease_until = now + int(remaining) + 1 + self.processing_seconds
        for message in messages:
            outcome = self.service(message, Attempt(uuid.uuid4().hex, lease_until, now))
            if outcome.until is not None:
                return outcome
        return DONE

    def _wait(self, delivery: Delivery, until: int, code: str) -> None:
        now = self.calls.clock()
        first_sent = delivery.first_sent or now
        if now - first_sent > MAX_WAIT_SECONDS:
            self.telemetry(LogEvent.WAITED_TOO_LONG, _call_id(delivery), code=code)
            self.dead_letters(delivery.raw, Reason("waited_too_long", f"It has waited for days: {code}."))
            return
        delay = min(max(until - now, 1), MAX_DELAY_SECONDS)
        self.own_queue(delivery.raw, delay, first_sent)
        self.telemetry(LogEvent.MESSAGE_WAITING, _call_id(delivery), code=code, seconds=delay)

    def _reject(self, delivery: Delivery, reason: Reason, call_id: str) -> None:
        """The reason stays on the call's item; where no call is known, the event goes to the dead letters."""
        if call_id:
            self.calls.update(
                Call(external_conversation_id=call_id),
                lambda seen: lifecycle.input_rejected(seen, reason, self.calls.clock()),
            )
            self.telemetry(LogEvent.INPUT_REJECTED, call_id, code=reason.code, reason=reason.text)
        else:
            self._bury(delivery, reason)

    def _bury(self, delivery: Delivery, reason: Reason) -> None:
        """What an operator has to mend waits in the dead-letter queue, to be sent again."""
        self.dead_letters(delivery.raw, reason)
        self.telemetry(LogEvent.INPUT_REJECTED, _call_id(delivery), code=reason.code, reason=reason.text)


def _raised_at(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _call_id(delivery: Delivery) -> str:
    """The call's id, where the event names one that can be one."""
    detail = delivery.event.get("detail") if delivery.event else None
    found = detail.get("external_conversation_id") if isinstance(detail, Mapping) else None
    return call_id_of(found) or ""


def dead_letter_attributes(reason: Reason) -> dict[str, str]:
    """What stands on a dead letter besides the event."""
    return {"reason_code": reason.code, "reason": json.dumps(reason.text)[1:-1][:256]}
