"""The mutants of a module: each is one function's code with one change in it."""

import ast
import importlib
import inspect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import EnumType
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from coval_relay.domain import call, lifecycle, log_events
from tests.mutation.operators import ENUMS, changes


@dataclass(frozen=True)
class Mutant:
    """`name` has module, function and change, and stays the same where other lines of the file change."""

    name: str
    module: str
    function: str
    code: CodeType

    def live(self) -> None:
        """Put the changed code into the function, for the rest of this process."""
        target_of(self.module, self.function).__code__ = self.code


def mutants_of(module: str) -> Iterator[Mutant]:
    """All mutants of all functions of an imported module."""
    source = Path(inspect.getfile(importlib.import_module(module))).read_text(encoding="utf-8")
    tree, seen, members = ast.parse(source), Counter[str](), _enum_members()
    for function, node in _functions(tree.body, ""):
        for change in changes(node, members):
            name = f"{module.removeprefix('coval_relay.')} {function}: {change.description()}"
            seen[name] += 1
            with change.made():
                code = _code_of(compile(ast.fix_missing_locations(tree), source, "exec"), function)
            number = f"  #{seen[name]}" if seen[name] > 1 else ""
            yield Mutant(name + number, module, function, code)


def target_of(module: str, function: str) -> FunctionType:
    """The function itself, behind descriptors and decorators."""
    holder: Any = importlib.import_module(module)
    *classes, name = function.split(".")
    for part in classes:
        holder = getattr(holder, part)
    found: Any = holder.__dict__[name]
    found = found.fget if isinstance(found, property) else found
    found = inspect.unwrap(getattr(found, "__func__", found))
    assert isinstance(found, FunctionType)
    return found


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield f"{prefix}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")


def _code_of(code: CodeType, function: str) -> CodeType:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == function:
                return constant
            if function.startswith(f"{constant.co_qualname}."):
                return _code_of(constant, function)
    raise LookupError(function)


def _enum_members() -> dict[str, list[str]]:
    modules: tuple[ModuleType, ...] = (call, log_events, lifecycle)
    found = (getattr(module, name) for module in modules for name in ENUMS if hasattr(module, name))
    return {enum.__name__: list(enum.__members__) for enum in found if isinstance(enum, EnumType)}
