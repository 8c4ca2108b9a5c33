"""Parsing at the boundaries: pydantic's faults become InvalidInputError, which never quotes a value."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from coval_relay.domain.errors import InvalidInputError

MAX_RULE_LENGTH = 200
M = TypeVar("M", bound=BaseModel)


class BoundaryModel(BaseModel):
    """Base of the models of what comes from outside: unknown fields are passed over.

    Each is built when it is first used: a cold start needs few of them.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, defer_build=True)


def validate(model: type[M], value: object, path: str) -> M:
    """Parse data from outside; raises InvalidInput: the first wrong field and the rule, never the value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise fault(error, path) from None


def fault(error: ValidationError, path: str) -> InvalidInputError:
    """The first fault of a validation as field and rule."""
    first = error.errors(include_input=False, include_url=False)[0]
    rule = first["msg"].removeprefix("Value error, ")
    return InvalidInputError(_path(path, first["loc"]), rule[:MAX_RULE_LENGTH])


def _path(root: str, location: tuple[str | int, ...]) -> str:
    """The field's path; the keys of free-form metadata are the sender's words and stay out of it."""
    path = root
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
        if part == "metadata":
            break
    return path.removeprefix(".")
