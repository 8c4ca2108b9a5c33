"""Measure what it costs to change the speakers of a 100 MB recording over, beside the same upload as it is.

Both go through the deployed function's built code against the local stack, in turn, in one run.
"""

import statistics
import sys

from local.demo.large_recording import total_size
from local.measure.upload import (
    LARGE_SECONDS,
    MEBIBYTE,
    ROUNDS,
    SMALL_SECONDS,
    Run,
    found,
    function_environment,
    put,
    upload,
)
from local.stack.paths import Files
from local.stack.stack import up

AGENT_ON_THE_RIGHT = 1
MOST_GROWTH = 16
LEAST_RATIO = 0.5


def main() -> None:
    environment = function_environment(up(Files()))
    small, large = put("measure-small", SMALL_SECONDS), put("measure-large", LARGE_SECONDS)

    def one(agent_channel: int | None) -> Run:
        return upload([found(small, agent_channel), found(large, agent_channel)], environment)

    pairs = [(one(None), one(AGENT_ON_THE_RIGHT)) for _ in range(ROUNDS)]
    growth = max(swapped.growth_mebibytes for _, swapped in pairs)
    ratio = statistics.median(plain.seconds / swapped.seconds for plain, swapped in pairs)
    as_it_is, changed_over = (_speed([pair[side] for pair in pairs]) for side in (0, 1))
    print(f"upload of {total_size(LARGE_SECONDS):,} bytes by a warm worker, {ROUNDS} rounds, in turn:")
    print(f"  changed over, peak memory grows by {growth:.1f} MiB at most")
    print(f"  medians: as it is {as_it_is:.0f} MiB/s, changed over {changed_over:.0f} MiB/s")
    print(f"  pair by pair {ratio:.2f} x the speed")
    sys.exit(growth > MOST_GROWTH or ratio < LEAST_RATIO)


def _speed(runs: list[Run]) -> float:
    return total_size(LARGE_SECONDS) / MEBIBYTE / statistics.median(run.seconds for run in runs)


if __name__ == "__main__":
    main()
