"""Evaluates a translated template as CloudFormation does: parameters, rules, conditions, intrinsic functions.

A resource is spelt as its logical id where it is referred to, as `Id.Attribute` where an attribute of it is.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PSEUDO_PARAMETERS = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-2",
    "AWS::StackName": "relay",
}
NO_VALUE = object()


@dataclass(frozen=True)
class Stack:
    """A template with the parameters of one deployment."""

    template: Mapping[str, Any]
    given: Mapping[str, str] = field(default_factory=dict)
    pseudo_parameters: Mapping[str, str] = field(default_factory=lambda: PSEUDO_PARAMETERS)

    def resources(self, kind: str | None = None) -> dict[str, dict[str, Any]]:
        """The resources that are made, evaluated, by logical id."""
        made = (
            (name, resource)
            for name, resource in self.template["Resources"].items()
            if kind in (None, resource["Type"]) and self._holds_lease(resource.get("Condition"))
        )
        return {name: self.value(resource) for name, resource in made}

    def properties(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.value(self.template["Resources"][name]["Properties"])
        return found

    def broken_rules(self) -> list[str]:
        """The descriptions of the assertions that reject these parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self.template["Rules"].values()
            if self.value(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self.value(assertion["Assert"])
        ]

    def parameter(self, name: str) -> str | list[str]:
        """A parameter as Ref gives it."""
        definition = self.template["Parameters"][name]
        text = str(self.given.get(name, definition.get("Default")))
        return text.split(",") if definition["Type"] == "CommaDelimitedList" else text

    def value(self, node: Any) -> Any:
        """A part of the template with all intrinsic functions carried out."""
        if isinstance(node, list):
            return [item for item in map(self.value, node) if item is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        for function, carry_out in FUNCTIONS.items():
            if list(node) == [function]:
                return carry_out(self, node[function])
        evaluated = {name: self.value(item) for name, item in node.items()}
        return {name: item for name, item in evaluated.items() if item is not NO_VALUE}

    def outputs(self) -> dict[str, Any]:
        """The values of those whose condition holds."""
        written = self.template["Outputs"].items()
        return {name: self.value(one["Value"]) for name, one in written if self._holds_lease(one.get("Condition"))}

    def _holds_lease(self, condition: str | None) -> bool:
        return condition is None or bool(self.value(self.template["Conditions"][condition]))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo_parameters:
            return self.pseudo_parameters[name]
        return self.parameter(name) if name in self.template["Parameters"] else self._resource(name)

    def _resource(self, name: str) -> str:
        """A rule's own name comes after that of its bus, where that is not the default one."""
        resource = self.template["Resources"].get(name, {})
        if resource.get("Type") != "AWS::Events::Rule":
            return name
        bus = self.value(resource["Properties"].get("EventBusName", "default"))
        return name if bus == "default" else f"{bus}|{name}"

    def _if(self, arguments: list[Any]) -> Any:
        condition, then, otherwise = arguments
        return self.value(then if self._holds_lease(condition) else otherwise)

    def _sub(self, arguments: Any) -> str:
        text, names = (arguments, {}) if isinstance(arguments, str) else arguments
        own = self.value(names)
        return re.sub(r"\$\{([^}]+)\}", lambda found: str(self._named(found[1], own)), text)

    def _named(self, name: str, own: Mapping[str, str]) -> Any:
        if name in own:
            return own[name]
        return name if "." in name else self._ref(name)

    def _every(self, arguments: list[Any]) -> Iterator[Any]:
        return (self.value(argument) for argument in arguments)

    def _find_in_map(self, arguments: list[Any]) -> Any:
        table, first, second = self._every(arguments)
        return self.template["Mappings"][table][first][second]

    def _join(self, arguments: list[Any]) -> str:
        delimiter, parts = self._every(arguments)
        return str(delimiter).join(parts)

    def _split(self, arguments: list[Any]) -> list[str]:
        delimiter, text = self._every(arguments)
        return str(text).split(delimiter)

    def _select(self, arguments: list[Any]) -> Any:
        index, parts = self._every(arguments)
        return parts[int(index)]

    def _equals(self, arguments: list[Any]) -> bool:
        left, right = self._every(arguments)
        return bool(left == right)

    def _contains(self, arguments: list[Any]) -> bool:
        options, value = self._every(arguments)
        return value in options

    def _each_member_equals(self, arguments: list[Any]) -> bool:
        members, value = self._every(arguments)
        return all(member == value for member in members)

    def _each_member_in(self, arguments: list[Any]) -> bool:
        members, options = self._every(arguments)
        return all(member in options for member in members)


FUNCTIONS: dict[str, Callable[[Stack, Any], Any]] = {
    "Ref": Stack._ref,
    "Condition": Stack._holds_lease,
    "Fn::And": lambda stack, arguments: all(stack._every(arguments)),
    "Fn::Contains": Stack._contains,
    "Fn::EachMemberEquals": Stack._each_member_equals,
    "Fn::EachMemberIn": Stack._each_member_in,
    "Fn::Equals": Stack._equals,
    "Fn::FindInMap": Stack._find_in_map,
    "Fn::GetAtt": lambda _, arguments: ".".join(arguments),
    "Fn::If": Stack._if,
    "Fn::Join": Stack._join,
    "Fn::Or": lambda stack, arguments: any(stack._every(arguments)),
    "Fn::Not": lambda stack, arguments: not stack.value(arguments[0]),
    "Fn::Select": Stack._select,
    "Fn::Split": Stack._split,
    "Fn::Sub": Stack._sub,
}
