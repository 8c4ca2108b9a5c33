"""What a rejection or a failure of the transport means for the caller: pure functions, no HTTP library."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from pydantic import BaseModel, ValidationError

from coval_relay.domain.coval import BAD_REQUEST
from coval_relay.domain.errors import AudioFetchError, PermanentError, RetryableError, UnknownOutcomeError

UNAUTHENTICATED_STATUS = 401
REJECTIONS = frozenset(range(400, 500)) - {408}
"""A 408 says that the server gave up waiting, not that it rejected."""
MAX_REASON_LENGTH = 500
MAX_RETRY_AFTER_SECONDS = 3_600.0
FETCH_FAILED_MESSAGES = ("Audio URL not found", "Failed to retrieve audio from URL")
"""Coval could not GET the audio, which a fresh URL may mend (Coval API, submit: 400)."""

UNAUTHENTICATED, PERMISSION_DENIED = "unauthenticated", "permission_denied"
RATE_LIMITED, UNAVAILABLE, UNREACHABLE = "rate_limited", "unavailable", "unreachable"
BROKEN_CONNECTION, TIMEOUT, UNREADABLE = "broken_connection", "timeout", "unreadable_answer"
NO_SUCH_PATH = "no_such_path"
"""A 404 that is not Coval's own: the base URL or the path family is wrong, and no call's fault."""
AGENT_UNKNOWN, METRICS_UNKNOWN, PRECONDITION_FAILED = "agent_unknown", "metrics_unknown", "precondition_failed"
"""What the operator has configured, and Coval does not know: no call's fault either."""
PRECONDITION = (BAD_REQUEST, 412)
"""Statuses of FAILED_PRECONDITION; that 412 (Coval API, canonical submit) means it is assumed: nothing is published."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_CODE = re.compile(r"[A-Za-z0-9_]{1,64}")
_SECONDS = re.compile(r"[0-9]{1,9}")


class RequestKind(Enum):
    """What a request may leave behind when its answer is lost."""

    READ = "read"
    """Nothing: may be repeated at once."""
    HARMLESS = "harmless"
    """Nothing that matters (an unused upload place): may be done again, but not hastily."""
    EFFECT = "effect"
    """A conversation, its audio, its deletion, an agent: look before doing it again."""


class Failure(Enum):
    """How the transport failed."""

    NOT_SENT = UNREACHABLE
    TIMEOUT = TIMEOUT
    BROKEN = BROKEN_CONNECTION


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer that was read to its end; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Error(BaseModel):
    code: str | None = None
    message: str | None = None
    details: Any = None


class _Body(BaseModel):
    error: _Error | str | None = None
    message: str | None = None


def error_of(
    kind: RequestKind, answer: Response, now: datetime
) -> RetryableError | UnknownOutcomeError | PermanentError | AudioFetchError:
    """The error that an answer outside 2xx means; `now` serves a Retry-After that is a date.

    Coval API, errors: `{"error": {code, message, details}}`; the gateway before it `{"message": …}`.
    """
    wait = retry_after(answer.headers, now)
    match answer.status:
        case 401:
            return RetryableError(UNAUTHENTICATED)
        case 403:
            return RetryableError(PERMISSION_DENIED)
        case 429:
            return RetryableError(RATE_LIMITED, wait)
        case 404 if _error_of(answer.body).code is None:
            return RetryableError(NO_SUCH_PATH)
        case status if status in REJECTIONS:
            return _permanent(kind, status, _error_of(answer.body))
    return _unclear(kind, UNAVAILABLE, wait)


def failed(kind: RequestKind, failure: Failure) -> RetryableError | UnknownOutcomeError:
    """The error that a failure without an answer means; what was never sent had no effect."""
    if failure is Failure.NOT_SENT:
        return RetryableError(UNREACHABLE)
    return _unclear(kind, failure.value)


def unreadable(kind: RequestKind) -> RetryableError | UnknownOutcomeError:
    """The error that a 2xx answer means whose body cannot be understood."""
    return _unclear(kind, UNREADABLE)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, from a number or an HTTP date (RFC 9110, 10.2.3), at most an hour; else None."""
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), MAX_RETRY_AFTER_SECONDS)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return min(max((date - now).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)


def _unclear(kind: RequestKind, code: str, wait: float | None = None) -> RetryableError | UnknownOutcomeError:
    return UnknownOutcomeError(code) if kind is RequestKind.EFFECT else RetryableError(code, wait)


def _permanent(kind: RequestKind, status: int, error: _Error) -> RetryableError | PermanentError | AudioFetchError:
    reason = _URL.sub("[URL]", error.message or "")[:MAX_REASON_LENGTH]
    if status == BAD_REQUEST and reason.startswith(FETCH_FAILED_MESSAGES):
        return AudioFetchError(reason)
    fields = _fields(error.details)
    if kind is RequestKind.EFFECT and (configured := _configured(status, error, fields)):
        return RetryableError(configured)
    return PermanentError(
        code=error.code if error.code and _CODE.fullmatch(error.code) else f"http_{status}",
        reason=reason or f"Coval answered with status {status}.",
        field=fields[0][:100] if fields else None,
        status=status,
    )


def _configured(status: int, error: _Error, fields: list[str]) -> str | None:
    """The code of a rejection of what the operator has configured (Coval API, submit: 404 `Agent not found`, 400)."""
    if "agent_id" in fields or (error.message or "").startswith("Agent not found"):
        return AGENT_UNKNOWN
    if any(name.split(".")[0].split("[")[0] in ("metrics", "metric_ids") for name in fields):
        return METRICS_UNKNOWN
    return PRECONDITION_FAILED if error.code == "FAILED_PRECONDITION" and status in PRECONDITION else None


def _fields(details: object) -> list[str]:
    """The fields that an error names; its details are for people, and of any shape."""
    listed = details if isinstance(details, list) else []
    named = [detail.get("field") for detail in listed if isinstance(detail, Mapping)]
    return [name for name in named if name and isinstance(name, str)]


def _error_of(body: bytes) -> _Error:
    try:
        parsed = _Body.model_validate_json(body)
    except ValidationError:
        return _Error()
    if isinstance(parsed.error, str):
        return _Error(message=parsed.error)
    return parsed.error or _Error(message=parsed.message)
