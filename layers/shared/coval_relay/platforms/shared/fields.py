"""Field types of vendors' webhooks: what cannot be read counts as absent, for it only informs.

Vendors send numbers as strings, null for what is absent, times in many spellings, and what their documents do
not say: none of it may cost the call. What must be right is a field of a stricter type: the call's id.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, TypeGuard, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from coval_relay.boundary_models import BoundaryModel
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import Event
from coval_relay.platforms.shared.odd_text import joined_parts

MAX_TEXT_LENGTH = 1000
MAX_URL_LENGTH = 4096
MAX_SECONDS = 7 * 86_400
"""No call lasts longer."""
T = TypeVar("T")
ConversationId = canonical.ConversationId


class Camel(BoundaryModel):
    """Base of models of JSON whose names are in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel)


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
    except (RecursionError, ValueError):
        return None


def _words(value: object) -> str | None:
    joined = joined_parts(value)
    return str(joined) if _is_scalar(joined) else None


def _is_scalar(value: object) -> TypeGuard[str | int | float]:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _number(value: object) -> float | None:
    try:
        number = float(value) if _is_scalar(value) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _length(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= MAX_SECONDS else None


def _flag(value: object) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())


def _readable(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


Text = Annotated[str | None, BeforeValidator(_text)]
"""A short string: what is no string or number counts as absent."""
Url = Annotated[str | None, BeforeValidator(_url)]
Json = Annotated[str | None, BeforeValidator(_as_json)]
"""A string, or what is sent in its place, as JSON."""
Words = Annotated[str | None, BeforeValidator(_words)]
"""What was said, whole: a string, or a list of parts."""
Number = Annotated[float | None, BeforeValidator(_number)]
Length = Annotated[float | None, BeforeValidator(_length)]
"""How long something lasted, in seconds."""
Flag = Annotated[bool | None, BeforeValidator(_flag)]
Lenient = Annotated[T, BeforeValidator(lambda value: value if isinstance(value, Mapping) else {})]
"""A part that may be absent, null, or anything but an object."""
Several = Annotated[
    tuple[Annotated[T, WrapValidator(_readable)], ...],
    BeforeValidator(lambda value: value if isinstance(value, list | tuple) else ()),
    AfterValidator(lambda items: tuple(item for item in items if item is not None)),
]
"""A list that may be absent, null, or anything else; an item that cannot be read is left out."""


# --- times -------------------------------------------------------------------------------------------

UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 1000), (0, 1))
"""A count since 1970 is of nano-, micro-, milliseconds or seconds by its size: none fits two of them for
two hundred years."""
YEARS = range(2000, 2200)
"""Others stand for what has not happened: 1970 in Protobuf, Amazon Connect and elsewhere, 0001 in Go."""


def _moment(value: object) -> datetime | None:
    """A time in any spelling: RFC 3339, RFC 2822, a count since 1970. Without a zone it is UTC's."""
    try:
        found = value if isinstance(value, datetime) else _count(value) or _spelled(value)
        found = found.astimezone(UTC) if found and found.tzinfo else found and found.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
    return found if found and found.year in YEARS else None


def _count(value: object) -> datetime | None:
    number = _number(value)
    if number is None:
        return None
    units = next((units for least, units in UNITS if number >= least), 1)
    return datetime.fromtimestamp(number / units, UTC)


def _spelled(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    return datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)


Time = Annotated[datetime | None, BeforeValidator(_moment)]
EpochSeconds = Time
EpochMilliseconds = Time
EpochNanoseconds = Time
Rfc2822 = Time
"""As the vendor's documents call it; whatever comes is read."""


def sent_at(event: Event) -> datetime | None:
    """When the event was put on the bus (EventBridge, event structure: time)."""
    return _moment(event.get("time"))


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
