"""From the text of relay.toml to the configuration, or to what is wrong with it."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coval_relay.configuration.document import DEPLOYED_ONLY, SECTIONS, Configuration
from coval_relay.platforms.registry import NAMES

FILE = "relay.toml"


class ConfigurationError(ValueError):
    """Says file, key and rule of each fault, and the nearest known name; never a value."""

    def __init__(self, file: str, faults: Iterable[str]) -> None:
        self.faults = tuple(f"{file}: {fault}" for fault in faults)
        super().__init__("; ".join(self.faults))


def parse(text: str, file: str = FILE, deployed: Configuration | None = None) -> Configuration:
    """Validate a document; where it takes the place of a `deployed` one, that one keeps what would redirect data.

    Raises ConfigurationError.
    """
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(file, [str(error)]) from None
    except RecursionError:
        raise ConfigurationError(file, ["is nested too deeply"]) from None
    return validated(written, file, deployed)


def validated(written: Mapping[str, Any], file: str = FILE, deployed: Configuration | None = None) -> Configuration:
    """Of a document that is read already; raises ConfigurationError."""
    if faults := [*_unknown_platforms(written)]:
        raise ConfigurationError(file, faults)
    try:  # with all sections: each by itself would take a validator of its own, and time at a cold start
        found = Configuration.model_validate({**{name: {} for name in SECTIONS}, **written})
    except ValidationError as error:
        raise ConfigurationError(file, map(_fault, error.errors(include_input=False))) from None
    return _in_the_place_of(deployed, found, file) if deployed else found


# --- what the deploy alone decides -------------------------------------------------------------------


def _in_the_place_of(deployed: Configuration, found: Configuration, file: str) -> Configuration:
    """A key that the deploy decides may be written again, as it is."""
    changed = [key for key in DEPLOYED_ONLY if _is_changed(deployed, found, key)]
    if changed:
        raise ConfigurationError(file, [f"{key}: comes with the deploy only" for key in changed])
    return found.model_copy(
        update={
            "coval": found.coval.model_copy(update={"base_url": deployed.coval.base_url}),
            "calls": found.calls.model_copy(update={"redaction": deployed.calls.redaction}),
            "links": deployed.links,
            "bucket_owners": deployed.bucket_owners,
        }
    )


def _is_changed(deployed: Configuration, found: Configuration, key: str) -> bool:
    """Whether it is written, and not as it was deployed."""
    name = key.rpartition(".")[2]
    before, now = _holder(deployed, key), _holder(found, key)
    return name in now.model_fields_set and getattr(before, name) != getattr(now, name)


def _holder(document: Configuration, key: str) -> BaseModel:
    """The section that a key stands in."""
    section = key.rpartition(".")[0]
    found: BaseModel = getattr(document, section) if section else document
    return found


# --- faults ------------------------------------------------------------------------------------------


def _unknown_platforms(written: Mapping[str, Any]) -> Iterator[str]:
    platforms = written.get("platforms")
    if isinstance(platforms, Mapping):
        yield from (_unknown(f"platforms.{name}", name, NAMES) for name in platforms if name not in NAMES)


def _fault(error: ErrorDetails) -> str:
    path = _path(error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown(path, str(error["loc"][-1]), _siblings(error["loc"]))
    return f"{path}: {error['msg'].removeprefix('Value error, ')}"


def _unknown(path: str, name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - faults are rare

    near = get_close_matches(name, list(known), 1)
    return f"{path}: is not known" + (f"; is {near[0]} meant?" if near else "")


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _siblings(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """The names that stand where an unknown one does."""
    model: type[BaseModel] = Configuration
    for part in location[:-1]:
        if part in model.model_fields:
            model = _model_in(model.model_fields[str(part)].annotation) or model
    return tuple(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field is, or holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_in(part))), None)
