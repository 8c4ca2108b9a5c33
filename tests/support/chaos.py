"""Random histories: one seed, one history; events shuffled, answers lost, workers and writes failing."""

import random
from dataclasses import dataclass, field
from typing import Any

from coval_relay.domain.call import Call
from coval_relay.domain.errors import OutcomeUnknown, Retryable
from tests.support.events import call_ended, etag, object_created, wav
from tests.support.fakes import FakeCoval, InMemoryCalls
from tests.support.scenarios import KEY, put
from tests.support.world import Executioner, Killed, World

OLDER, NEWER = wav(6.0), wav(7.0)
FAULTS: list[tuple[str, Exception]] = [
    ("submit", OutcomeUnknown("timeout")),
    ("submit", Retryable("rate_limited", 5.0)),
    ("attach", OutcomeUnknown("timeout")),
    ("attach", Retryable("unavailable")),
    ("find", Retryable("unavailable")),
    ("get", Retryable("unavailable")),
    ("create_upload", Retryable("unavailable")),
    ("put_audio", Retryable("upload_put_failed")),
]


@dataclass
class Dice(Executioner):
    """Kills now and then, before or after an effect; at most `deaths` times."""

    chance: random.Random = field(default_factory=random.Random)
    deaths: int = 0

    def around(self, name: str, effect: Any) -> Any:
        fate = self.chance.random()
        if self.deaths and fate < 0.06:
            self.deaths -= 1
            raise Killed(name)
        result = effect()
        if self.deaths and fate > 0.94:
            self.deaths -= 1
            raise Killed(name)
        return result


@dataclass
class UnsureTable(InMemoryCalls):
    """A table that is throttled now and then, before or after it has applied a write."""

    chance: random.Random = field(default_factory=random.Random)
    failures: int = 0

    def write(self, seen: Call, call: Call) -> Call:
        fate = self.chance.random()
        if self.failures and fate < 0.06:
            self.failures -= 1
            raise Retryable("table_throttled")
        written = super().write(seen, call)
        if self.failures and fate > 0.94:
            self.failures -= 1
            raise Retryable("table_throttled")
        return written


def play(seed: int) -> World:
    """The history of a seed, to its end."""
    chance = random.Random(seed)  # noqa: S311 - a history, not a secret
    executioner = Dice(chance=chance, deaths=chance.randint(0, 3))
    store = UnsureTable(chance=chance, failures=chance.randint(0, 3))
    world = World(executioner=executioner, store=store, coval=FakeCoval(errors=_faults(chance)))
    for queue, event in _events(world, chance):
        for _ in range(chance.randint(1, 3)):
            world.send(queue, event, chance.randint(0, 240))
    world.run(hours=48)
    return world


def _faults(chance: random.Random) -> list[tuple[str, Exception, bool]]:
    chosen = chance.choices(FAULTS, k=chance.randint(0, 4))
    return [
        (method, error, isinstance(error, OutcomeUnknown) and chance.random() < 0.6)
        for method, error in chosen
    ]


def _events(world: World, chance: random.Random) -> list[tuple[str, dict[str, Any]]]:
    transcript = chance.choice(["inline", "inline", "none"])
    events = [("call_end", call_ended(transcript=transcript))]
    first = put(world, OLDER)
    events.append(("recording", first))
    if chance.random() < 0.3:
        world.bucket.objects["odd/newer.wav"] = (etag(NEWER), NEWER)
        world.bucket.metadata["odd/newer.wav"] = {"external-conversation-id": "call-1"}
        events.append(("recording", object_created("odd/newer.wav", NEWER, at=1_790_952_000)))
    return events


def faults_of(world: World) -> list[str]:
    """Every promise that the end of a history breaks."""
    call = world.store.read("call-1")
    held = list(world.coval.conversations.values())
    broken = []
    if len(held) != 1 or "EXTRA_CONVERSATION_DELETED" in world.events():
        broken.append(f"P1: {len(held)} conversations, {world.events()}")
    if call.state != "SUBMITTED" or call.conversation_id not in world.coval.conversations:
        broken.append(f"P2: {call.state}")
    if call.recording is None or call.recording.state not in ("ATTACHED", "REJECTED"):
        broken.append(f"P3: {call.recording}")
    if held and not _same_audio(world, call, held[0]["audio"]):
        broken.append(f"P4: {call.recording_state} {call.outcomes}, Coval has {str(held[0]['audio'])[:40]}")
    wanted = call.call_end == "WITH_TEXT"
    if held and wanted and not held[0].get("transcript") and "transcript" not in call.late:
        broken.append("P2: the transcript was dropped silently")
    if world.letters or world.dead or call.due_at is not None:
        broken.append(f"P7: {len(world.letters)} letters, {len(world.dead)} dead, due {call.due_at}")
    return broken


def _same_audio(world: World, call: Call, audio: Any) -> bool:
    """Whether the recording that the item calls attached is the one that Coval has."""
    keys = [
        key for key, (_, content) in world.bucket.objects.items() if audio == content or key in str(audio)
    ]
    named = [name for name, ending in call.outcomes.items() if ending == "attached"]
    if call.recording and call.recording.state == "ATTACHED":
        named.append(call.recording.identity)
    return [name.split("#")[0].split("/", 3)[3] for name in named] == keys and KEY in world.bucket.objects
