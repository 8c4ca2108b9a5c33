"""Mutates the state and the services, and prints what the unit tests make of it.

python -m tests.mutation [MODULE …]: all modules, or those whose names contain one of the words.
Ends with 1 where less than 90 % of a group are killed, or a survivor is not in survivors.toml.
"""

import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.mutation.judging import ENDLESS, KILLED, Judge, tell
from tests.mutation.mutants import mutants_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = ROOT / "layers/shared/coval_relay"
LEAST_KILLED = 0.9
OF_STATE_AND_SERVICES = (
    "faults", "intake", "names", "order", "payload", "protocol*", "recording_choice", "scenarios",
    "services*", "sides", "timing",
)  # fmt: skip
"""Unit tests that are quick enough to run for each mutant."""
WORKERS = 2
QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Hypothesis is imported by the judge, before its own plugin is."""


def modules(words: Iterable[str]) -> list[str]:
    """The state module and the services, or those of them that were asked for."""
    files = [PACKAGE / "domain/protocol.py", *sorted((PACKAGE / "services").glob("*.py"))]
    names = [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files]
    return [name for name in names if any(word in name for word in words or ("",))]


def tests() -> list[str]:
    found = (file for name in OF_STATE_AND_SERVICES for file in (ROOT / "tests/unit").glob(f"test_{name}.py"))
    return sorted(map(str, [*found, ROOT / "tests/fuzz/test_regressions.py"]))


def named_survivors() -> dict[str, str]:
    """Mutants that no test can or need see, each with its reason."""
    told = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))
    return {survivor["mutant"]: survivor["reason"] for survivor in told["survivor"]}


def main(words: list[str]) -> int:
    mutants = [mutant for module in modules(words) for mutant in mutants_of(module)]
    judge = Judge(mutants, WORKERS)
    options = ["-q", "--no-header", "-p", "no:randomly", "-p", "no:cacheprovider", "--capture=no", *QUIET]
    pytest.main([*options, f"--rootdir={ROOT}", *tests()], plugins=[judge])
    if not judge.sound:
        sys.stderr.write("The tests fail without any mutant.\n")
        return 1
    return report({mutant.name: mutant.module for mutant in mutants}, judge.verdicts)


def report(modules_of: Mapping[str, str], verdicts: Mapping[str, str]) -> int:
    named = named_survivors()
    all_of, killed = Counter(modules_of.values()), Counter[str]()
    for name, verdict in verdicts.items():
        killed[modules_of[name]] += verdict in (KILLED, ENDLESS)
    survived = [name for name, verdict in verdicts.items() if verdict not in (KILLED, ENDLESS)]
    tell(f"\n{'module':<45}{'mutants':>8}{'killed':>8}{'survived':>9}{'named':>7}{'killed %':>9}")
    for module, count in all_of.items():
        mine = [name for name in survived if modules_of[name] == module]
        known = sum(name in named for name in mine)
        share = 100 * killed[module] / count
        tell(f"{module:<45}{count:>8}{killed[module]:>8}{len(mine):>9}{known:>7}{share:>9.1f}")
    share = sum(killed.values()) / len(modules_of)
    tell(f"{'all':<45}{len(modules_of):>8}{sum(killed.values()):>8}{len(survived):>9}")
    tell(f"killed: {100 * share:.1f} %")
    unnamed = [name for name in survived if name not in named]
    for name in unnamed:
        tell(f"not named in survivors.toml: {name}")
    return int(share < LEAST_KILLED or bool(unnamed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
