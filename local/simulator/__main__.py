"""`python -m local.simulator --port 8080`: the simulator as a process, until SIGINT or SIGTERM."""

import argparse
import asyncio
import signal
import tempfile
from pathlib import Path

from local.simulator.behaviour_switches import Switches
from local.simulator.server import HOST, serve


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.simulator", description="A strict simulator of Coval's API.")
    parser.add_argument("--port", type=int, default=8080, help="loopback port; 0 takes a free one (default: 8080)")
    parser.add_argument("--state-dir", type=Path, help="where the audio goes (default: a temporary folder)")
    parser.add_argument("--seed", help="makes identifiers and signatures repeatable")
    parser.add_argument("--switches", default="{}", help="JSON object of switches, as for /_simulator/config")
    return parser.parse_args()


def announce(port: int, stop: asyncio.Event) -> None:
    """Say where it listens, and stop cleanly on a signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(
        f"Coval simulator: http://{HOST}:{port}/v1 (admin: http://{HOST}:{port}/_simulator/health)",
        flush=True,
    )


def main() -> None:
    """Run until it is stopped."""
    arguments = parse_arguments()
    switches = Switches.model_validate_json(arguments.switches)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.state_dir or Path(temporary)
        asyncio.run(serve(arguments.port, folder, arguments.seed, switches, announce))


if __name__ == "__main__":
    main()
