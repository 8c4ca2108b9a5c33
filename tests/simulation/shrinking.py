"""Makes a failing story short: drops and shortens while it still breaks a promise of the same kind."""

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.history import play
from tests.simulation.stories import Happening, Story

MOST_TRIES = 3000
ORDERS = 12
"""So many orders of who goes first are tried of each shorter story."""


def shrunk(story: Story) -> Story:
    """The shortest failing story that dropping one thing after the other leads to."""
    kinds = {promise[:2] for promise in play(story).broken}
    tries = MOST_TRIES
    progress = True
    while progress and tries > 0:
        progress = False
        for shorter in _shorter(story):
            tries -= ORDERS
            if found := _failing(shorter, kinds):
                story, progress = found, True
                break
    return story


def _failing(story: Story, kinds: set[str]) -> Story | None:
    for order in (story.order, *range(ORDERS - 1)):
        tried_rules = replace(story, order=order)
        if any(promise[:2] in kinds for promise in play(tried_rules).broken):
            return tried_rules
    return None


def _shorter(story: Story) -> Iterator[Story]:
    for index in range(len(story.happenings)):
        yield replace(story, happenings=story.happenings[:index] + story.happenings[index + 1 :])
    for index in range(len(story.faults)):
        yield replace(story, faults=story.faults[:index] + story.faults[index + 1 :])
    for index, one in enumerate(story.happenings):
        for simpler in _simpler(one):
            yield replace(story, happenings=(*story.happenings[:index], simpler, *story.happenings[index + 1 :]))
    if story.versioned:
        yield replace(story, versioned=False)


def _simpler(one: Happening) -> Iterator[Happening]:
    if len(one.deliveries) > 1:
        for index in range(len(one.deliveries)):
            yield replace(one, deliveries=one.deliveries[:index] + one.deliveries[index + 1 :])
    if len(one.deliveries) == 1 and one.deliveries != (0,):
        yield replace(one, deliveries=(0,))
    if one.sound and (one.sound.big or one.sound.flaw):
        yield replace(one, sound=replace(one.sound, big=False, flaw=""))
