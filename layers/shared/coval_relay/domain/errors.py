"""What can go wrong, told apart by what may be done next.

RelayError
├── RetryableError       known to have had no effect: do it again, later
├── UnknownOutcomeError  may have had its effect: look before doing it again
├── PermanentError       refused for good: record the reason
├── NotReadyError        something that is still to come is missing: wait
└── InvalidInputError    the input breaks a rule: name the field and the rule

No message of these carries private data: codes, field names and rules only.
"""

from dataclasses import dataclass


class RelayError(Exception):
    """Base of all errors that the services understand.

    Not frozen: `contextlib` and others assign to an exception's traceback.
    """


@dataclass(unsafe_hash=True)
class RetryableError(RelayError):
    """Known to have had no effect; `retry_after` is in seconds, None where nobody said how long."""

    code: str
    retry_after: float | None = None


@dataclass(unsafe_hash=True)
class UnknownOutcomeError(RelayError):
    """The request may have been carried out although no answer, or no clear one, came back."""

    code: str


@dataclass(unsafe_hash=True)
class PermanentError(RelayError):
    """Refused for good; `field` is the request's field at fault, `reason` Coval's own wording."""

    code: str
    reason: str
    field: str | None = None
    status: int | None = None


@dataclass(unsafe_hash=True)
class NotReadyError(RelayError):
    """Something that is expected is not there yet; `retry_after` as for RetryableError."""

    code: str
    retry_after: float | None = None


@dataclass(unsafe_hash=True)
class InvalidInputError(RelayError):
    """The input breaks a rule; `field` is a path such as `detail.transcript.messages[3].role`.

    `call_id` is the call that the input is about, where it tells that in its own way only.
    """

    field: str
    rule: str
    call_id: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"
