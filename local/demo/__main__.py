"""`python -m local.demo`: deploy, play the scenarios, compare; exit status 1 where anything differs."""

import argparse
import sys

from local.demo.results_table import differences, render
from local.demo.runner import Run
from local.demo.scenarios import SCENARIOS
from local.demo.timeline import Timeline
from local.stack.build import BuildFailed
from local.stack.paths import Files
from local.stack.server_processes import ServerFailed
from local.stack.stack import default_files, down, is_up, up


def main() -> int:
    """Run the demonstration; a stack that was up before is used and left, else one is started and ended."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--folder", help="the stack's folder")
    parser.add_argument("--only", action="append", help="a scenario's name; may be given several times")
    parser.add_argument("--seconds", type=float, default=180, help="how long to wait for all to end")
    arguments = parser.parse_args()
    files = default_files(arguments.folder)
    was_up = is_up(files)
    try:
        return _demonstrate(files, arguments)
    except (BuildFailed, ServerFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not was_up:
            down(files)


def _demonstrate(files: Files, arguments: argparse.Namespace) -> int:
    print("Starting the local AWS and the Coval simulator, building, deploying ...", flush=True)
    stack = up(files)
    scenarios = [one for one in SCENARIOS if not arguments.only or one.name in arguments.only]
    timeline = Timeline(width=max(len(one.name) for one in scenarios))
    endings = Run(stack, scenarios, timeline).play(arguments.seconds)
    print(f"\n{render(scenarios, endings)}\n")
    differing = [one.name for one in scenarios if differences(one.expected, endings[one.name])]
    print(f"{len(scenarios) - len(differing)} of {len(scenarios)} scenarios ended as expected")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
