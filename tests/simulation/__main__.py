"""`make simulate`: many seeds; `make simulate-seed`: the story of one.

python -m tests.simulation HISTORIES FIRST_SEED [PROCESSES]
python -m tests.simulation seed SEED
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.seeds import described, failing
from tests.simulation.shrinking import shrunk
from tests.simulation.stories import draw

BLOCK, BLOCKS_A_LINE = 500, 20
MOST_SHOWN = 3


def simulate(histories: int, first: int, processes: int) -> int:
    began, effects, done = time.monotonic(), 0, 0
    broken: list[int] = []
    starts = range(first, first + histories, BLOCK)
    ends = [min(start + BLOCK, first + histories) for start in starts]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for start, end, (found, count) in zip(starts, ends, pool.map(failing, starts, ends), strict=True):
            done, effects = done + end - start, effects + count
            for seed, promises in found:
                broken.append(seed)
                _say(f"seed {seed}: {'; '.join(promises)}")
            if done % (BLOCKS_A_LINE * BLOCK) == 0:
                _say(f"{done} histories, {time.monotonic() - began:.0f} s")
    seconds = time.monotonic() - began
    figures = f"{histories} histories, {effects} effects, {seconds:.0f} s, {histories / seconds:.0f} a second"
    _say(f"{figures}: {len(broken)} break a promise")
    for seed in broken[:MOST_SHOWN]:
        _say("\n" + described(shrunk(draw(seed))))
    return 1 if broken else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(words: list[str]) -> int:
    if words[0] == "seed":
        _say(described(draw(int(words[1]))))
        return 0
    return simulate(int(words[0]), int(words[1]), int(words[2]) if len(words) > 2 else 2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
