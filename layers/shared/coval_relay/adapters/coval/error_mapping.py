"""What a rejection or a failure of the transport means for the caller: pure functions, no HTTP library."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from pydantic import BaseModel, ValidationError

from coval_relay.domain.coval import BAD_REQUEST, CONFLICT, NOT_FOUND, UNPROCESSABLE
from coval_relay.domain.errors import AudioFetchError, PermanentError, RetryableError, UnknownOutcomeError

UNAUTHENTICATED_STATUS = 401
ABOUT_THE_REQUEST = frozenset({BAD_REQUEST, NOT_FOUND, CONFLICT, 413, UNPROCESSABLE})
"""The statuses by which Coval, in its own envelope, rejects what a request says, and nothing else."""
PATH_GONE = frozenset({405, 410})
REQUEST_TIMEOUT = 408
"""The server gave up waiting, and rejected nothing."""
REDIRECTED, SERVER_FAILED = 300, 500
"""Where the statuses begin and end that have done nothing."""
MAX_REASON_LENGTH = 500
MAX_RETRY_AFTER_SECONDS = 3_600.0
FETCH_FAILED_MESSAGES = ("Audio URL not found", "Failed to retrieve audio from URL")
"""Coval could not GET the audio, which a fresh URL may mend (Coval API, submit: 400)."""

UNAUTHENTICATED, PERMISSION_DENIED = "unauthenticated", "permission_denied"
RATE_LIMITED, UNAVAILABLE, UNREACHABLE = "rate_limited", "unavailable", "unreachable"
BROKEN_CONNECTION, TIMEOUT, UNREADABLE = "broken_connection", "timeout", "unreadable_answer"
NO_SUCH_PATH = "no_such_path"
"""Not Coval's own words, or none about the call: the base URL, the path family or a proxy is wrong."""
AGENT_UNKNOWN, METRICS_UNKNOWN, PRECONDITION_FAILED = "agent_unknown", "metrics_unknown", "precondition_failed"
"""What the operator has configured, and Coval does not know: no call's fault either."""
QUOTA_EXCEEDED = "quota_exceeded"
"""Money: no call's fault, and each call would get it."""
OPERATORS_CODES = {"FAILED_PRECONDITION": PRECONDITION_FAILED, "QUOTA_EXCEEDED": QUOTA_EXCEEDED}
"""Coval's own codes that are never about a call, whatever their status."""
OPERATORS_STATUSES = {402: QUOTA_EXCEEDED, 412: PRECONDITION_FAILED}
"""That 412 (Coval API, canonical submit) means it is assumed: nothing is published."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_CODE = re.compile(r"[A-Za-z0-9_]{1,64}")
_METRIC = re.compile(r"(?i)\bmetrics?\b|\bmetric_(ids?|names?)\b")
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
    kind: RequestKind, answer: Response, now: datetime, *, of_one: bool = False
) -> RetryableError | UnknownOutcomeError | PermanentError | AudioFetchError:
    """The error that an answer outside 2xx means; `now` serves a Retry-After that is a date.

    Coval API, errors: `{"error": {code, message, details}}`; the gateway before it `{"message": …}`. Only what Coval
    itself says of the request ends anything: a 400, 413, 422; a 409; a 404 of an upload, or where the path names
    `of_one` what may be gone. Any other 4xx, or a redirect, has done nothing and is the operator's to mend.
    """
    wait, error = retry_after(answer.headers, now), _error_of(answer.body)
    code = OPERATORS_CODES.get(error.code or "") or OPERATORS_STATUSES.get(answer.status)
    match answer.status:
        case 401:
            return RetryableError(UNAUTHENTICATED)
        case 429:
            return RetryableError(code or RATE_LIMITED, wait)
        case 403:
            return RetryableError(code or PERMISSION_DENIED)
        case status if REDIRECTED <= status < SERVER_FAILED and status != REQUEST_TIMEOUT:
            return RetryableError(code) if code else _rejected(kind, status, error, of_one=of_one)
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


def _rejected(
    kind: RequestKind, status: int, error: _Error, *, of_one: bool
) -> RetryableError | PermanentError | AudioFetchError:
    if not error.code or _is_of_the_path(status, error, of_one=of_one):
        return RetryableError(NO_SUCH_PATH)
    if kind is RequestKind.EFFECT and (configured := _configured(error)):
        return RetryableError(configured)
    if status not in ABOUT_THE_REQUEST:
        return RetryableError(PRECONDITION_FAILED)
    reason = _URL.sub("[URL]", error.message or "")[:MAX_REASON_LENGTH]
    if status == BAD_REQUEST and reason.startswith(FETCH_FAILED_MESSAGES):
        return AudioFetchError(reason)
    fields = _fields(error.details)
    return PermanentError(
        code=error.code if _CODE.fullmatch(error.code) else f"http_{status}",
        reason=reason or f"Coval answered with status {status}.",
        field=fields[0][:100] if fields else None,
        status=status,
    )


def _is_of_the_path(status: int, error: _Error, *, of_one: bool) -> bool:
    """Whether nothing is at the path, rather than that what a 404 names is not there (Coval API, submit)."""
    worded = (error.message or "").startswith(("Agent not found", "Upload not found"))
    names_one = of_one or worded or not {"agent_id", "upload_id"}.isdisjoint(_fields(error.details))
    return status < BAD_REQUEST or status in PATH_GONE or (status == NOT_FOUND and not names_one)


def _configured(error: _Error) -> str | None:
    """The code of a rejection of what the operator has configured (Coval API, submit: 404 `Agent not found`, 400).

    Where it names no field, its words count: those about metrics are not published.
    """
    fields, message = _fields(error.details), error.message or ""
    words = "" if fields else message
    if "agent_id" in fields or "agent_id" in words or message.startswith("Agent not found"):
        return AGENT_UNKNOWN
    metrics = any(name.split(".")[0].split("[")[0] in ("metrics", "metric_ids") for name in fields)
    return METRICS_UNKNOWN if metrics or _METRIC.search(words) else None


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
