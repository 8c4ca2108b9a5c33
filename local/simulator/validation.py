"""Strict models of request bodies, and their failures in Coval's envelope."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator

from local.simulator.behaviour_switches import Switches
from local.simulator.errors import ApiError, detail

Model = TypeVar("Model", bound=BaseModel)
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?")


class StrictBody(BaseModel):
    """A body whose types are taken literally; unknown fields are ignored, as Coval's schema allows."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", populate_by_name=False)
    nullable: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _reject_null(cls, value: Any) -> Any:
        known = {field.alias or name for name, field in cls.model_fields.items()} - cls.nullable
        nulls = sorted(known & {key for key, item in value.items() if item is None}) if isinstance(value, dict) else []
        if nulls:
            raise ValueError(f"{nulls[0]} must not be null")
        return value


def switches_of(info: ValidationInfo) -> Switches:
    """Return the switches under which a body is validated."""
    return info.context if isinstance(info.context, Switches) else Switches()


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 date-time; one without a zone is taken as UTC. Raises ValueError."""
    if not DATE_TIME.fullmatch(text):
        raise ValueError("Input should be an ISO 8601 date-time")
    instant = datetime.fromisoformat(text.upper())
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _check_instant(text: str, info: ValidationInfo) -> str:
    parse_instant(text)
    has_zone = DATE_TIME.fullmatch(text)
    if has_zone and not has_zone[2] and not switches_of(info).naive_times_allowed:
        raise ValueError("Input should have a time zone")
    return text


DateTime = Annotated[str, AfterValidator(_check_instant)]


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_json_object(raw: bytes) -> dict[str, Any]:
    """Read a request's body as a JSON object; raises ApiError 400."""
    try:
        body = json.loads(raw, parse_constant=_reject_constant)
    except ValueError as error:
        raise _invalid_body((detail(None, f"Body is not valid JSON: {error}"),)) from error
    if not isinstance(body, dict):
        raise _invalid_body((detail(None, "Body must be a JSON object"),))
    return body


def validate(model: type[Model], body: dict[str, Any], switches: Switches) -> Model:
    """Validate a body; raises ApiError 400 with one detail a field."""
    return _validated(model, body, switches, _details_by_field)


def validate_as_raw_text(model: type[Model], body: dict[str, Any], switches: Switches) -> Model:
    """Validate a body; raises ApiError 400 with pydantic's own text, as the Agents API answers."""
    return _validated(model, body, switches, lambda error: (_raw_text(model, error),))


def _validated(
    model: type[Model],
    body: dict[str, Any],
    switches: Switches,
    explain: Callable[[ValidationError], tuple[Any, ...]],
) -> Model:
    try:
        return model.model_validate(body, context=switches)
    except ValidationError as error:
        raise _invalid_body(explain(error)) from error


def _invalid_body(details: tuple[Any, ...]) -> ApiError:
    return ApiError(400, "INVALID_ARGUMENT", "Invalid request body", details)


def _path(location: tuple[int | str, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def _details_by_field(error: ValidationError) -> tuple[Any, ...]:
    return tuple(detail(_path(failure["loc"]) or None, failure["msg"]) for failure in error.errors())


def _raw_text(model: type[BaseModel], error: ValidationError) -> Any:
    lines = [f"{error.error_count()} validation error{'s' if error.error_count() > 1 else ''} for {model.__name__}"]
    for failure in error.errors():
        lines += [_path(failure["loc"]), f"  {failure['msg']} [type={failure['type']}]"]
    return detail(None, "\n".join(lines))
