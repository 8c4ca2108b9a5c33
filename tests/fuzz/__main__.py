"""python -m tests.fuzz [--inputs N] [--seed N] [BOUNDARY …]: what becomes of N inputs, boundary by boundary.

Ends with 1 where anything was not handled; prints each cause once, with an input that shows it.
"""

import argparse
import os
import sys

from tests.fuzz.boundaries import BOUNDARIES
from tests.fuzz.loop import Report, explored

INPUTS = 1_000_000
LONGEST_SHOWN = 600
HEADINGS = (
    f"{'boundary':<22}{'inputs':>9}{'seconds':>9}{'slowest':>9}{'kept':>6}{'lines':>7}{'outcomes':>10}{'unhandled':>11}"
)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=INPUTS, help="of all boundaries together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("boundaries", nargs="*", help=", ".join(boundary.name for boundary in BOUNDARIES))
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    boundaries = [boundary for boundary in BOUNDARIES if boundary.name in (chosen.boundaries or [boundary.name])]
    share = sum(boundary.share for boundary in boundaries)
    write(HEADINGS)
    reports = []
    for boundary in boundaries:
        reports.append(explored(boundary, -(-chosen.inputs * boundary.share // share), chosen.seed))
        write(line(reports[-1]))
    write(total(reports))
    for report in reports:
        show(report)
    return int(any(report.unhandled for report in reports))


def line(report: Report) -> str:
    counts = f"{report.kept:>6}{report.lines:>7}{len(report.outcomes):>10}{report.unhandled:>11}"
    return f"{report.boundary:<22}{report.inputs:>9}{report.seconds:>9.1f}{report.slowest:>9.3f}{counts}"


def total(reports: list[Report]) -> str:
    inputs, seconds = sum(one.inputs for one in reports), sum(one.seconds for one in reports)
    unhandled, outcomes = sum(one.unhandled for one in reports), sum(len(one.outcomes) for one in reports)
    return f"{'all':<22}{inputs:>9}{seconds:>9.1f}{'':>22}{outcomes:>10}{unhandled:>11}"


def show(report: Report) -> None:
    for finding in report.findings.values():
        write(f"\n{report.boundary}: {finding.where}\n  input: {shown(finding.data)}\n{finding.trace}")


def shown(data: object) -> str:
    try:
        return repr(data)[:LONGEST_SHOWN]
    except RecursionError:
        return "one that is nested too deeply to be shown"


def write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
