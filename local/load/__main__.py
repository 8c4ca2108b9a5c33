"""`python -m local.load --calls 5000 --rate 20`: deploy, send, disturb, judge; exit 1 where a call fails."""

import argparse
import sys
import time
from dataclasses import replace

from local.load.report import render
from local.load.run import Run
from local.load.settings import CONFIGURATION, PARAMETERS, LoadSettings, Pace
from local.simulator import AdminClient
from local.stack.build import BuildFailed
from local.stack.paths import PROJECT, Files
from local.stack.server_processes import ServerFailed
from local.stack.stack import default_files, down, up

FOLDER = str(PROJECT / ".local" / "load")


def main() -> int:
    """Run on a stack of its own, which is ended in any case."""
    parser = argparse.ArgumentParser(prog="python -m local.load", description=__doc__)
    parser.add_argument("--folder", default=FOLDER, help="where the stack keeps its files")
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=20, help="requests a second that Coval lets through")
    parser.add_argument("--outage", type=float, default=180, help="seconds for which Coval is out")
    parser.add_argument("--kill", type=float, default=8, help="seconds from one killed worker to the next")
    parser.add_argument("--seed", type=int, default=1, help="of the calls and their order")
    arguments = parser.parse_args()
    pace = replace(Pace(), outage=arguments.outage, kill=arguments.kill)
    settings = LoadSettings(calls=arguments.calls, rate=arguments.rate, seed=arguments.seed, pace=pace)
    files = default_files(arguments.folder)
    try:
        return _load(files, settings)
    except (BuildFailed, ServerFailed, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        down(files)


def _load(files: Files, settings: LoadSettings) -> int:
    down(files)
    print("Starting the local AWS and the Coval simulator, building, deploying ...", flush=True)
    stack = up(files, parameters=PARAMETERS, configuration=CONFIGURATION)
    began = time.monotonic()

    def show(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    with AdminClient(stack.coval_url) as coval:
        result = Run(stack, files, settings, show, coval).play()
    print(f"\n{render(result)}\n")
    print("every call is in Coval once, as it was sent" if result.is_good() else "NOT as it was sent")
    return 0 if result.is_good() else 1


if __name__ == "__main__":
    sys.exit(main())
