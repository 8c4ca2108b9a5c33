"""What can go wrong, by what may be done next.

RelayError
├── RetryableError          known to have had no effect: do it again, later
├── UnknownOutcomeError     may have had its effect: look before doing it again
├── AudioFetchError         Coval could not fetch the recording's URL: a fresh one may mend it
├── PermanentError          rejected for good: record the reason
├── NotReadyError           something that is still to come is missing: wait
├── PassedOverError         an event says that it is no call's: leave it
├── InvalidInputError       the input breaks a rule: name the field and the rule
└── UnusableRecordingError  the recording can never be used: the call goes on without it
    ├── ObjectGoneError · ObjectReplacedError   its object is no longer what the event named
    ├── AudioRejectedError                      it is no audio that Coval takes (domain/audio)
    └── UrlRejectedError                        its URL may not be fetched, or gives nothing

No message of these carries private data: codes, field names and rules only.
"""

from dataclasses import dataclass
from pathlib import Path


class RelayError(Exception):
    """Base of all errors that the services understand.

    Not frozen: `contextlib` and others assign to an exception's traceback.
    """


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was rejected or left out: a code for machines, a text for people."""

    code: str
    text: str


@dataclass(unsafe_hash=True)
class RetryableError(RelayError):
    """Known to have had no effect; `retry_after` is in seconds, None where nobody said how long."""

    code: str
    retry_after: float | None = None


@dataclass(unsafe_hash=True)
class UnknownOutcomeError(RelayError):
    """The request may have been carried out although no answer, or no clear one, came back."""

    code: str


AUDIO_FETCH_FAILED = "audio_fetch_failed"


@dataclass(unsafe_hash=True)
class AudioFetchError(RelayError):
    """Coval could not fetch the recording's URL; nothing was made. `text` is Coval's own wording."""

    text: str

    @property
    def reason(self) -> Reason:
        return Reason(AUDIO_FETCH_FAILED, self.text)


@dataclass(unsafe_hash=True)
class PermanentError(RelayError):
    """Rejected for good; `field` is the request's field at fault, `reason` Coval's own wording."""

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
class PassedOverError(RelayError):
    """An event has said that this is no call's recording; `code` says what it is."""

    code: str


@dataclass(unsafe_hash=True)
class InvalidInputError(RelayError):
    """The input breaks a rule; `field` is a path such as `detail.transcript.messages[3].role`.

    `call_id` is the call that the input is about, where only the platform's reader could find it.
    """

    field: str
    rule: str
    call_id: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


@dataclass(unsafe_hash=True)
class UnusableRecordingError(RelayError):
    """The recording can never be used; the call goes on without it."""

    code: str
    text: str

    @property
    def reason(self) -> Reason:
        return Reason(self.code, self.text)


@dataclass(unsafe_hash=True)
class ObjectGoneError(UnusableRecordingError):
    """The object, or this version of it, is no longer there."""

    code: str = "object_gone"
    text: str = "The recording object is no longer there."


@dataclass(unsafe_hash=True)
class ObjectReplacedError(UnusableRecordingError):
    """Another object stands under the key than the one that was asked for."""

    code: str = "object_replaced"
    text: str = "Another object stands in its place; that one has its own event."


@dataclass(unsafe_hash=True)
class UrlRejectedError(UnusableRecordingError):
    """A recording's URL may not be fetched, or its host gives nothing for it."""


def code_of(error: Exception) -> str:
    """The error's code, or its kind where it has none."""
    return str(getattr(error, "code", "") or type(error).__name__)


def raised_at(error: Exception) -> str:
    """File and line where an error was raised: its message is never shown, as it may quote what it was about."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else ""
