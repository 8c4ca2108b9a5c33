"""Field types of vendors' webhooks: lenient where a value only informs, strict where it is a time or number.

Vendors send numbers as strings, null for what is absent, and times in four spellings.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, TypeGuard, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import Event

MAX_TEXT_LENGTH = 1000
MAX_URL_LENGTH = 4096
T = TypeVar("T")
Time = canonical.Time
ConversationId = canonical.ConversationId


class Camel(BoundaryModel):
    """Base of models of JSON whose names are in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel)


class _Envelope(BoundaryModel):
    time: Time = None


def sent_at(event: Event) -> datetime | None:
    """When the event was put on the bus (EventBridge, event structure: time); raises InvalidInputError."""
    return validate(_Envelope, dict(event), "").time


# --- strings and numbers -----------------------------------------------------------------------------


def _text(value: object) -> str | None:
    return str(value)[:MAX_TEXT_LENGTH] or None if _is_scalar(value) else None


def _url(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MAX_URL_LENGTH else None


def _as_json(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _is_scalar(value: object) -> TypeGuard[str | int | float]:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _number(value: object) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value) if _is_scalar(value) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be a number")
    return number


Text = Annotated[str | None, BeforeValidator(_text)]
"""A short string that only informs: what is no string or number counts as absent."""
Url = Annotated[str | None, BeforeValidator(_url)]
Json = Annotated[str | None, BeforeValidator(_as_json)]
"""A string, or what is sent in its place, as JSON."""
Number = Annotated[float | None, BeforeValidator(_number)]
Lenient = Annotated[T, BeforeValidator(lambda value: value if isinstance(value, Mapping) else {})]
"""A part that may be absent, null, or anything but an object."""
Several = Annotated[tuple[T, ...], BeforeValidator(lambda value: () if value is None else value)]
"""A list that may be absent or null."""


# --- times -------------------------------------------------------------------------------------------


def _epoch(units: int) -> Callable[[object], datetime | None]:
    """Reads a count of units since 1970; 0, which means unset in Protobuf and elsewhere, is None."""

    def parse(value: object) -> datetime | None:
        number = _number(value)
        if number is None or number <= 0:
            return None
        try:
            return datetime.fromtimestamp(number / units, UTC)
        except (ValueError, OverflowError, OSError):
            raise ValueError("must be within the years 1 to 9999") from None

    return parse


def _rfc_2822(value: object) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        parsed = parsedate_to_datetime(str(value))
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise ValueError("must be an RFC 2822 date") from None


EpochSeconds = Annotated[datetime | None, BeforeValidator(_epoch(1))]
EpochMilliseconds = Annotated[datetime | None, BeforeValidator(_epoch(1_000))]
EpochNanoseconds = Annotated[datetime | None, BeforeValidator(_epoch(1_000_000_000))]
Rfc2822 = Annotated[datetime | None, BeforeValidator(_rfc_2822)]


def later(moment: datetime | None, seconds: float | None) -> datetime | None:
    """The moment so many seconds after this one, where both are known."""
    if moment is None or seconds is None:
        return None
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return None


# --- places ------------------------------------------------------------------------------------------

_S3_HOST = re.compile(r"(?:(?P<bucket>[a-z0-9.-]+)\.)?s3(?:[.-][a-z0-9-]+){0,3}\.amazonaws\.com(?:\.cn)?")


def s3_place(url: str | None) -> tuple[str, str] | None:
    """Bucket and key of an S3 URL; None for any other.

    `s3://`, virtual-hosted and path style (Amazon S3 user guide, virtual hosting of buckets).
    """
    scheme, host, path = _split(url)
    path = path.removeprefix("/")
    if scheme == "https" and (found := _S3_HOST.fullmatch(host)):
        host, path = (found["bucket"], unquote(path)) if found["bucket"] else _first(unquote(path))
    elif scheme != "s3":
        return None
    return (host, path) if host and path else None


def host_of(url: str | None) -> str | None:
    """Host of an https URL, with its port where that is not the usual one; None for any other."""
    scheme, host, _ = _split(url)
    return host if scheme == "https" else None


def _split(url: str | None) -> tuple[str, str, str]:
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return "", "", ""
    return parts.scheme, parts.netloc.lower() if parts.scheme == "https" else parts.netloc, parts.path


def _first(path: str) -> tuple[str, str]:
    bucket, _, key = path.partition("/")
    return bucket, key
