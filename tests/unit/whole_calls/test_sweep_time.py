"""One sweep has its time, and strange objects do not take all of it."""

from dataclasses import dataclass, field, replace

from coval_relay.domain.call import Call, ConversationState, TranscriptPointer
from tests.support.events import wav
from tests.support.fakes import FakeClock, InMemoryCalls
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
    assert sum(message.queue == "recording" for message in world.queued) == 13  # in 25 s, of 2 s each


@dataclass
class SlowCalls(InMemoryCalls):
    """A table that takes two seconds for each write."""

    clock: FakeClock = field(default_factory=FakeClock)

    def save(self, seen: Call, call: Call) -> Call:
        self.clock.now += 2
        return super().save(seen, call)


def test_calls_for_which_there_is_no_time_are_left_to_the_next_sweep() -> None:
    clock = FakeClock()
    world = World(clock=clock, store=SlowCalls(clock=clock))
    text = TranscriptPointer(bucket="transcripts", key="a.json", format="canonical_v1", stored_at=clock.now)
    for name in map(str, range(30)):
        due = Call(external_conversation_id=name, revision=1, transcript=text, created_at=clock.now, due_at=clock.now)
        world.store.items[name] = replace(due, state=ConversationState.WAITING)
    world.sweep()
    assert len(world.queued) == 25  # in 50 s
    world.sweep()
    assert len(world.queued) == 25  # behind which the next one adds nothing
    assert [fields["count"] for _, _, fields in world.telemetry] == [25, 5]
