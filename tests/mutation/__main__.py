"""Mutates the state and the services, and prints what the unit tests make of it.

python -m tests.mutation [MODULE …]: all modules, or those whose names contain one of the words.
Ends with 1 where less than 90 % of a module's mutants are killed, a survivor is not in survivors.toml, or
one that is there has not survived; with 2 where there is nothing to change.
"""

import os
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.mutation.mutants import mutants_of
from tests.mutation.running import ENDLESS, KILLED, SURVIVED, UNTESTED, MutantRunner, show

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = ROOT / "layers/shared/coval_relay"
LEAST_KILLED = 0.9
WHOLE_CALLS = (
    "agent_channel", "alias_resolver", "descriptions", "disallowed_locations", "dropped_words", "event_order", "faults",
    "operator_faults", "recording_choice", "rejected_again", "scenarios", "stories", "sweep_time",
)  # fmt: skip
OF_STATE_AND_SERVICES = (
    "domain/*", "services/*", "entrypoints/test_consumer", "webhooks/test_receive_webhook",
    *(f"whole_calls/test_{name}" for name in WHOLE_CALLS),
)  # fmt: skip
"""Unit tests that are quick enough to run for each mutant."""
WORKERS = os.cpu_count() or 1
QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Hypothesis is imported by the judge, before its own plugin is."""


def modules(words: Iterable[str]) -> list[str]:
    """The state module and the services, or those of them that were asked for."""
    files = [file for folder in ("domain/lifecycle", "services") for file in sorted((PACKAGE / folder).glob("*.py"))]
    names = [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files]
    return [name for name in names if any(word in name for word in words or ("",))]


def tests() -> list[str]:
    found = (file for name in OF_STATE_AND_SERVICES for file in (ROOT / "tests/unit").glob(f"{name}.py"))
    return sorted(map(str, [*found, ROOT / "tests/fuzz/test_regressions.py"]))


def named_survivors() -> dict[str, str]:
    """Mutants that no test can or need see, each with its reason."""
    document = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))
    return {survivor["mutant"]: survivor["reason"] for survivor in document["survivor"]}


def main(words: list[str]) -> int:
    mutants = [mutant for module in modules(words) for mutant in mutants_of(module)]
    if not mutants:
        sys.stderr.write(f"No function to change in a module of: {' '.join(words)}\n")
        return 2
    show(f"{len(mutants)} mutants; first the tests without any of them …")
    judge = MutantRunner(mutants, WORKERS)
    options = ["-qq", "--no-header", "-p", "no:randomly", "-p", "no:cacheprovider", "--capture=no", *QUIET]
    pytest.main([*options, f"--rootdir={ROOT}", *tests()], plugins=[judge])
    if not judge.sound:
        sys.stderr.write("The tests fail without any mutant.\n")
        return 1
    return report({mutant.name: mutant.module for mutant in mutants}, judge.verdicts)


def report(modules_of: Mapping[str, str], verdicts: Mapping[str, str]) -> int:
    """Prints a line a module, and what is wrong; the process's exit code."""
    named = named_survivors()
    survived = [name for name, verdict in verdicts.items() if verdict not in (KILLED, ENDLESS)]
    all_of = Counter(modules_of.values())
    left = Counter(modules_of[name] for name in survived)
    known = Counter(modules_of[name] for name in survived if name in named)
    show(f"\n{'module':<45}{'mutants':>8}{'killed':>8}{'survived':>9}{'named':>7}{'killed %':>9}")
    for module, count in all_of.items():
        show(_line(module, count, left[module], known[module]))
    show(_line("all", all_of.total(), left.total(), known.total()))
    wrong = [f"less than {LEAST_KILLED:.0%} are killed: {module}" for module in _weak(all_of, left)]
    wrong += [f"not named in survivors.toml: {name}" for name in survived if name not in named]
    wrong += [f"in survivors.toml, but {what}" for what in _outdated(named, modules_of, verdicts)]
    for line in wrong:
        show(line)
    return int(bool(wrong))


def _line(module: str, mutants: int, survived: int, named: int) -> str:
    killed = mutants - survived
    return f"{module:<45}{mutants:>8}{killed:>8}{survived:>9}{named:>7}{100 * killed / mutants:>9.1f}"


def _weak(mutants: Counter[str], survived: Counter[str]) -> list[str]:
    return [module for module, count in mutants.items() if count - survived[module] < LEAST_KILLED * count]


def _outdated(named: Iterable[str], modules_of: Mapping[str, str], verdicts: Mapping[str, str]) -> list[str]:
    """Names from the judged modules that are no survivor's."""
    judged = {module.removeprefix("coval_relay.") for module in modules_of.values()}
    checked = {name: verdicts.get(name, "not made") for name in named if name.partition(" ")[0] in judged}
    return [f"{verdict}: {name}" for name, verdict in checked.items() if verdict not in (SURVIVED, UNTESTED)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
