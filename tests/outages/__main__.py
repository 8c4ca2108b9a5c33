"""Outages of every kind and length, with a backlog: python -m tests.outages [--calls N] [--lengths …] [KIND …]."""

import argparse
import sys
import time

from tests.outages.outages import DAY, HOUR, KINDS, MINUTE, Outage, broken, ended, play, vanished

LENGTHS = {"10m": 10 * MINUTE, "3h": 3 * HOUR, "3d": 3 * DAY, "13d": 13 * DAY + 12 * HOUR}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make outages")
    parser.add_argument("--calls", type=int, default=100, help="how many come while the outage lasts")
    parser.add_argument("--lengths", nargs="*", choices=LENGTHS, default=list(LENGTHS))
    parser.add_argument("kinds", nargs="*", default=KINDS, metavar="KIND", help=", ".join(KINDS))
    given = parser.parse_args()
    failed = 0
    for length in given.lengths:
        for kind in given.kinds:
            began = time.monotonic()
            outage = Outage(kind, LENGTHS[length])
            is_endless = outage.seconds > 12 * DAY
            played = ended(outage, given.calls) if is_endless else play(outage, given.calls)
            found = vanished(played) if is_endless else broken(played)
            failed += bool(found)
            seconds = time.monotonic() - began
            line = f"{played.outage}: {given.calls} calls, {played.requests} requests meanwhile, {seconds:.0f} s"
            print(line, *found, sep="\n  ", flush=True)  # noqa: T201 - a command for people
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
