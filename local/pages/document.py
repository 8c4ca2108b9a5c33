"""relay.toml, from its model: the tables of its keys, the example that shows them all, and the schema for editors."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from coval_relay.configuration.document import DEPLOYED_ONLY, SECTIONS, Configuration, PlatformChoices
from coval_relay.configuration.key_rules import RawFormat, Rule
from coval_relay.platforms.registry import FORMATS, NAMES
from local.pages.configuration import meanings
from local.toml import inline

HEAD = """\
#:schema ./relay.schema.json
# Every key of relay.toml. Those that stand here without a # have their default; the others show what they may hold.
# Written by `make pages` from layers/shared/coval_relay/configuration/document.py: do not edit.
"""
TITLES = {
    "platforms": "What an account of yours decides about a platform, each by its name: see docs/connect.md.",
    "key_rules": "Which call an object belongs to; your rules come before the platforms'. See docs/recordings.md.",
}
"""Of the sections that are no model of one key."""
EXAMPLES: dict[str, Any] = {
    "calls.default_agent_id": "abcdefghij0123456789AB",
    "calls.agent_ids": {"front-desk": "abcdefghij0123456789AB"},
    "calls.metrics": ["metric-1"],
    "calls.tags": ["production"],
    "platforms": {"vapi": {"agent_channel": 0, "separate_transcripts": False}},
    "links.recording_hosts": ["api.twilio.com"],
    "links.transcript_hosts": ["intelligence.twilio.com"],
    "bucket_owners": {"acme-recordings": "444455556666"},
    "ignored_keys": [r"\.tmp$"],
    "key_rules": [
        {
            "name": "legs",
            "pattern": r"/leg-(?P<alias>[0-9a-f]{32})\.raw$",
            "kind": "recording",
            "bucket": "acme-recordings",
            "alias_type": "leg",
            "platform": "custom",
            "format": "canonical_v1",
            "agent_channel": 0,
            "rank": 1,
            "several": True,
            "longest": True,
            "redacted": False,
            "raw": {"codec": "pcm_mulaw", "sample_rate": 8000, "channels": 2},
        }
    ],
}
"""What stands there for keys whose default is nothing."""


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """The sections that are models of their own, by their names."""
    for name in SECTIONS:
        model = Configuration.model_fields[name].annotation
        assert isinstance(model, type)
        yield name, model


# --- the example -------------------------------------------------------------------------------------


def example() -> str:
    whole, tables = dict(meanings(Configuration)), dict(sections())
    alone = [name for name in Configuration.model_fields if name not in {*tables, *TITLES}]
    parts = [HEAD, *(_key(name, Configuration.model_fields[name], whole[name], name) for name in alone)]
    for name in Configuration.model_fields:
        if name in tables:
            parts.append("\n".join(_section(name, tables[name])))
        elif name in TITLES:
            parts.append("\n".join([f"# {TITLES[name]}", *_commented(name, EXAMPLES[name])]) + "\n")
    return "\n".join(parts)


def _section(name: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"[{name}] # {str(model.__doc__).strip()}"
    said, rules = dict(meanings(model)), model.model_json_schema()["properties"]
    for key, field in model.model_fields.items():
        yield _key(key, field, said[key], f"{name}.{key}", _rule(rules[key]).replace("`", ""))


def _key(key: str, field: FieldInfo, meaning: str, path: str, values: str = "") -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    written = f"# {key} = {inline(EXAMPLES[path])}" if path in EXAMPLES else f"{key} = {inline(default)}"
    return f"# {meaning}{f' Values: {values}.' if values else ''}\n{written}\n"


def _commented(name: str, value: Any) -> Iterator[str]:
    """A table, its tables below it, or a list of tables, as comments."""
    if isinstance(value, list):
        said = dict(meanings(Rule))
        yield f"# [[{name}]]"
        yield from (f"# {key} = {inline(one)} # {said[key]}" for key, one in value[0].items())
        return
    nested = {key: one for key, one in value.items() if isinstance(one, dict)}
    for key, one in nested.items():
        yield from _commented(f"{name}.{key}", one)
    if len(nested) < len(value):
        yield f"# [{name}]"
        yield from (f"# {key} = {inline(one)}" for key, one in value.items())


# --- the schema --------------------------------------------------------------------------------------


def schema() -> str:
    made = Configuration.model_json_schema()
    described: list[tuple[Any, type[BaseModel]]] = [
        (made, Configuration),
        *((made["$defs"][model.__name__], model) for model in _models()),
    ]
    for part, model in described:
        for key, meaning in meanings(model):
            part["properties"][key]["description"] = meaning
    made["properties"]["platforms"]["propertyNames"] = {"enum": [*NAMES]}
    made["$defs"][Rule.__name__]["properties"]["format"]["enum"] = [*FORMATS]
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _models() -> list[type[BaseModel]]:
    return [*dict(sections()).values(), PlatformChoices, Rule, RawFormat]


# --- the tables --------------------------------------------------------------------------------------


def tables() -> str:
    """Each section's keys."""
    own: dict[str, type[BaseModel]] = {
        "": Configuration,
        **dict(sections()),
        "platforms.NAME": PlatformChoices,
        "key_rules": Rule,
    }
    return "\n".join(_table(name, model) for name, model in own.items())


def _table(name: str, model: type[BaseModel]) -> str:
    schema_, said = model.model_json_schema(), dict(meanings(model))
    shown = {key: field for key, field in model.model_fields.items() if key in said}
    rows = [
        f"| `{key}` | {_default(field)} | {_rule(schema_['properties'][key])} | {said[key]}{_deployed(name, key)} |"
        for key, field in shown.items()
    ]
    title = f"### `[{name}]`" if name else "### At the top"
    return "\n".join([title, "", "| Key | Default | Values | |", "| --- | --- | --- | --- |", *rows, ""])


def _deployed(section: str, key: str) -> str:
    return " **With the deploy only.**" if f"{section}.{key}".removeprefix(".") in DEPLOYED_ONLY else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    default = field.get_default(call_default_factory=True, validated_data={})
    return "none" if default in (None, "", (), {}) else f"`{inline(default)}`"


def _rule(definition: dict[str, Any]) -> str:
    if "enum" in definition:
        return ", ".join(f"`{value}`" for value in definition["enum"])
    if "minimum" in definition:
        return f"{definition['minimum']} to {definition['maximum']}"
    if "anyOf" in definition:
        return next(filter(None, map(_rule, definition["anyOf"])), "")
    return "`true`, `false`" if definition.get("type") == "boolean" else ""
