"""One sweep has its time, and strange objects do not take all of it."""

from dataclasses import dataclass, field

from coval_relay.domain.call import ConversationState
from tests.support.events import wav
from tests.support.fakes import FakeClock
from tests.support.in_memory import InMemoryAliases
from tests.support.scenarios import put
from tests.support.world import PENDING_SECONDS, World


@dataclass
class SlowAliases(InMemoryAliases):
    """A table that takes two seconds for each name."""

    clock: FakeClock = field(default_factory=FakeClock)

    def put_off(self, *arguments: object) -> None:
        self.clock.now += 2
        super().put_off(*arguments)  # type: ignore[arg-type]


def test_calls_are_gone_on_with_beside_many_objects_of_no_call() -> None:
    clock = FakeClock()
    world = World(clock=clock, aliases=SlowAliases(PENDING_SECONDS, clock=clock))
    for number in range(30):
        world.send("recording", put(world, wav(), f"odd/{number}.wav"))
    world.run(hours=1)
    world.send("recording", put(world, wav()))
    for message in list(world.queued):
        world.deliver(message)
    clock.now += PENDING_SECONDS
    world.sweep()
    assert world.store.get("call-1").state is ConversationState.SUBMITTED
    assert 0 < sum(message.queue == "recording" for message in world.queued) < 30
