"""A deployed function as it is measured: its built code, in the environment that the template gave it."""

import os
from pathlib import Path

import boto3

from local.stack.paths import BUILD
from local.stack.stack import Stack


def environment_of(stack: Stack, function: str, *more: Path) -> dict[str, str]:
    """The environment, with the function's packages and `more` on the path."""
    name = stack.outputs[f"{function}FunctionName"]
    configured = boto3.client("lambda").get_function_configuration(FunctionName=name)
    packages = (BUILD / f"{function}Function", *sorted(BUILD.glob("*Layer/python")), *more)
    path = os.pathsep.join(map(str, packages))
    return {**os.environ, **configured["Environment"]["Variables"], "PYTHONPATH": path}
