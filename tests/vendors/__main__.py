"""`make vendor-payloads`: PAYLOADS a platform, made of its own types; what the relay loses or rejects is shown."""

import argparse
import sys

from tests.vendors.judge import PLATFORMS, Report, judged


def main() -> None:
    arguments = argparse.ArgumentParser(prog="vendor-payloads")
    arguments.add_argument("--payloads", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("platforms", nargs="*", default=PLATFORMS)
    chosen = arguments.parse_args()
    reports = [_shown(judged(platform, chosen.payloads, chosen.seed)) for platform in chosen.platforms]
    sys.exit(any(report.faults for report in reports))


def _shown(report: Report) -> Report:
    print(report, flush=True)  # noqa: T201 - a command
    for fault, line in report.faults.items():
        print(f"  {report.outcomes[fault]} x {fault}\n    {line.strip()}")  # noqa: T201
    return report


if __name__ == "__main__":
    main()
