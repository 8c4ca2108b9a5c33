"""Tables of the configuration: the template's parameters by their groups, and the functions' settings."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from coval_relay import settings

PROJECT = Path(__file__).parents[2]
MODELS = (
    settings.Settings,
    settings.RecordingSettings,
    settings.SubmitTranscriptSettings,
)
"""Those that add fields; what they add them for stands in their docstrings."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # untyped library
    """Reads CloudFormation's tags as what they are applied to."""


def _tagged(loader: yaml.SafeLoader, _: str, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _tagged)


@cache
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = read((PROJECT / "template.yaml").read_text(encoding="utf-8"))
    return loaded


def read(text: str) -> Any:
    """A template, or a part of one."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader


def parameters() -> str:
    """A table for each group, in the template's order."""
    whole = template()
    groups = whole["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    return "\n".join(_group(group, whole["Parameters"]) for group in groups)


def _group(group: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    chosen = [(name, definitions[name]) for name in group["Parameters"]]
    rows = [f"| `{name}` | {_default(one)} | {_rule(one)} | {one['Description']} |" for name, one in chosen]
    return "\n".join([f"### {group['Label']['default']}", "", "| Parameter | Default | Values | |", _LINE, *rows, ""])


_LINE = "| --- | --- | --- | --- |"


def _default(definition: Mapping[str, Any]) -> str:
    if "Default" not in definition:
        return "**required**"
    return f"`{definition['Default']}`" if definition["Default"] != "" else "none"


def _rule(definition: Mapping[str, Any]) -> str:
    if "AllowedValues" in definition:
        return ", ".join(f"`{value}`" for value in definition["AllowedValues"])
    if "MinValue" in definition:
        return f"{definition['MinValue']} to {definition['MaxValue']}"
    return str(definition.get("ConstraintDescription", "")).removeprefix("must be ").replace("|", "\\|")


def settings_tables() -> str:
    return "\n".join(_model(model) for model in MODELS)


def _model(model: type[settings.Settings]) -> str:
    said = dict(meanings(model))
    rows = [
        f"| `{name.upper()}` | {_field_default(field)} | {said.get(name, '')} |"
        for name, field in model.model_fields.items()
        if name in inspect.get_annotations(model)
    ]
    return "\n".join([str(inspect.getdoc(model)), "", "| Variable | Default | |", "| --- | --- | --- |", *rows, ""])


def meanings(model: type) -> Iterator[tuple[str, str]]:
    """What stands below each field in the source."""
    (definition,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(definition, ast.ClassDef)
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            yield ast.unparse(field.target), " ".join(str(below.value.value).split())


def _field_default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, tuple):
        default = ",".join(default)
    return f"`{default}`" if default else "none"
