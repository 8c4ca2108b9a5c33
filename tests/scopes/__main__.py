"""Explore the scopes and print what each has: python -m tests.scopes [GROUP ...] [--most STATES]."""

import argparse
import sys
import time

from tests.scopes.catalogue import GROUPS, Scope, run
from tests.scopes.explorer import Explored

MAX_STATES = 300_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scopes", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; else all")
    parser.add_argument("--most", type=int, default=MAX_STATES, help="states after which a scope is left")
    given = parser.parse_args()
    total, scopes, left, begun = Explored(), 0, 0, time.perf_counter()
    for group in given.groups or GROUPS:
        for scope in GROUPS[group]():
            found = _shown(scope, given.most)
            _add(total, scope, found)
            scopes, left = scopes + 1, left + (not found.whole)
    seconds = time.perf_counter() - begun
    _say(
        f"{scopes} scopes in {seconds:.0f} s: {total.histories:.3e} histories, {total.states:,} states, "
        f"{left} left off, {len(total.broken)} broken"
    )
    return 1 if total.broken or left else 0


def _shown(scope: Scope, most: int) -> Explored:
    begun = time.perf_counter()
    found = run(scope, most=most)
    seconds = time.perf_counter() - begun
    count = f"{found.histories:.3e}" if found.whole else "left off"
    _say(f"{scope!s:74} {count:>10} histories {found.states:>9,} states {seconds:6.1f} s")
    for end in sorted(found.ends) if len(found.ends) > 1 else ():
        _say(f"    ends: {end}")
    for problem, story in found.broken.items():
        _say("\n        ".join([f"    VIOLATION {problem}", *story]))
    return found


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _add(total: Explored, scope: Scope, found: Explored) -> None:
    total.histories += found.histories
    total.states += found.states
    if found.broken:
        total.broken[str(scope)] = []


if __name__ == "__main__":
    sys.exit(main())
