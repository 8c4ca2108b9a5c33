"""`python -m tests.vendors.generate PLATFORM COUNT SEED`: payloads as JSON lines, in the vendors' environment."""

import sys
from importlib import import_module

from tests.vendors.draws import Draws


def main(platform: str, count: str, seed: str) -> None:
    payload = import_module(f"tests.vendors.generators.{platform}").payload
    for number in range(int(count)):
        sys.stdout.write(payload(Draws(f"{platform} {seed} {number}")).line() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
