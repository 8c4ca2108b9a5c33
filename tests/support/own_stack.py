"""A local stack of a test session's own, beside the one that `make up` starts."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from local.stack.paths import PROJECT, Files
from local.stack.server_processes import alone
from local.stack.stack import Egress, Stack, down, up


def files_of(tests: str) -> Files:
    """Where these tests' stack keeps its files: sessions side by side (xdist's workers) have one each."""
    return Files(PROJECT / ".local" / "tests" / (tests + os.environ.get("PYTEST_XDIST_WORKER", "")))


@contextmanager
def own_stack(
    files: Files,
    egress: Egress | None = None,
    parameters: Mapping[str, str] = MappingProxyType({}),
    configuration: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[Stack]:
    """Empty at first, ended at last; a second session waits for the first one."""
    with alone(files.folder.with_suffix(".lock")), patch.dict(os.environ):
        down(files)
        shutil.rmtree(files.folder)
        try:
            yield up(files, egress, parameters, configuration)
        finally:
            down(files)
