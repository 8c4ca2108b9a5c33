"""What a boundary is, and what nothing that comes over it may do."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from coval_relay.domain.audio import AudioRejectedError
from coval_relay.domain.errors import InvalidInputError, RelayError, UrlRejectedError
from coval_relay.domain.ports import AliasTakenError, ConflictError

SECRET = "Qx9 secret-Qx9"
"""Words of a call: they stand all over the inputs, and must not be repeated of one that is rejected."""
PHONE = "+15557654321"
DECLARED = (RelayError, AudioRejectedError, UrlRejectedError, ConflictError, AliasTakenError)
"""All that may be raised."""
_NUMBER = re.compile(r"\d+")


class Fault(AssertionError):
    """A promise was broken; names the promise, and what broke it."""


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """Where data comes in: `judge` hands an input over and names its outcome, or raises what is unhandled.

    `share` is its part of all inputs (per mille), `seconds` what one input may take of the processor's time.
    """

    name: str
    seeds: Callable[[], Sequence[Any]]
    mutated: Callable[[Random, Any, Sequence[Any]], Any]
    judge: Callable[[Any], str]
    share: int
    seconds: float = 2.0


def outcome_of(read: Callable[[], object], *, secret_names: bool = True) -> str:
    """The outcome's name; raises Fault for an error that lacks something or says too much.

    Without `secret_names` the field may be named as the input names it: the operator has written that.
    """
    try:
        return type(read()).__name__
    except InvalidInputError as error:
        if not error.field or not error.rule:
            raise Fault(f"no field or no rule: {error!r}") from error
        without_secrets([error.field if secret_names else "", error.rule])
        return f"{_NUMBER.sub('N', error.field)[:60]}: {error.rule[:60]}"
    except DECLARED as error:
        code = str(getattr(error, "code", ""))
        without_secrets([code])
        return f"{type(error).__name__} {code}"


def without_secrets(texts: Iterable[str]) -> None:
    """Raises Fault where a text says what it must not."""
    for text in texts:
        if SECRET in text or PHONE[1:] in text:
            raise Fault(f"contains a secret: {text[:200]!r}")
