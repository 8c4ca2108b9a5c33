"""What a seed comes to, and its story as people read it."""

from tests.simulation.history import play
from tests.simulation.stories import Story, draw

MOST_LINES = 200


def failing(first: int, last: int) -> tuple[list[tuple[int, tuple[str, ...]]], int]:
    """The seeds that break a promise, and how many effects there were."""
    broken, effects = [], 0
    for seed in range(first, last):
        played = play(draw(seed))
        effects += played.effects
        if played.broken:
            broken.append((seed, played.broken))
    return broken, effects


def described(story: Story) -> str:
    """A story, one line a step."""
    played = play(story, verbose=True)
    bucket = "a bucket with versions" if story.versioned else "a bucket without versions"
    lines = [f"seed {story.seed}, order {story.order}, {bucket}"]
    lines += [f"  {one}" for one in story.happenings] + [f"  fault: {fault}" for fault in story.faults]
    shown = played.lines
    if len(shown) > MOST_LINES:
        shown = (*shown[: MOST_LINES // 2], "…", *shown[-MOST_LINES // 2 :])
    return "\n".join([*lines, *shown, *(f"BROKEN {promise}" for promise in played.broken)])
