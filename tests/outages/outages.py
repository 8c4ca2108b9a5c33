"""Outages of Coval and of AWS while calls come in, and what must hold of them (docs/operations.md)."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from coval_relay.domain import lifecycle
from coval_relay.domain.call import TERMINAL
from coval_relay.domain.errors import PermanentError, RetryableError
from coval_relay.domain.log_events import LogEvent
from tests.outages.coval_over_http import SILENCE
from tests.outages.fleet import WORKERS, Fleet
from tests.support.events import TURNS, call_ended, etag, object_created, wav
from tests.support.fakes import FakeBucket, FakeClock, FakeTranscriptObjects, InMemoryCalls
from tests.support.in_memory import InMemoryAliases, InMemoryStaging, InMemoryUrls, InMemoryUtterances
from tests.support.world import PENDING_SECONDS

MINUTE, HOUR, DAY = 60, 3600, 86_400
HEALTHY_SECONDS = 60
ALARM_SECONDS = 300
COVAL_FAULTS = ("401", "429", "503", SILENCE)
AWS_SERVICES = ("table", "sqs", "secretsmanager", "ssm", "s3", "staging", "visibility")
"""`visibility`: ChangeMessageVisibility is denied, while Coval is down."""
KINDS = (*COVAL_FAULTS, *AWS_SERVICES)
ALARMING = frozenset(
    {
        LogEvent.MESSAGE_WAITING,
        LogEvent.OPERATOR_NEEDED,
        LogEvent.CIRCUIT_OPENED,
        LogEvent.DELIVERY_FAILED,
        LogEvent.HIDE_FAILED,
    }
)
SOUND = wav()
LIVE_AT_ONCE = 1
"""Of an event with what goes on with it, and of the sweep of a call: one more than the events under way."""


@dataclass(frozen=True)
class Outage:
    """What fails, from a minute after the beginning on, for how many seconds."""

    kind: str
    seconds: int

    def __str__(self) -> str:
        return f"{self.kind} for {self.seconds // MINUTE} minutes"


@dataclass
class Outside:
    """Which service fails at the moment."""

    outage: Outage
    clock: FakeClock = field(default_factory=FakeClock)
    begins: int = 0

    def __post_init__(self) -> None:
        self.begins = self.clock.now + HEALTHY_SECONDS

    @property
    def ends(self) -> int:
        return self.begins + self.outage.seconds

    def lasts(self) -> bool:
        return self.begins <= self.clock.now < self.ends

    def fault(self) -> str:
        """Coval's."""
        kind = "503" if self.outage.kind == "visibility" else self.outage.kind
        return kind if kind in COVAL_FAULTS and self.lasts() else ""

    def denied(self) -> str:
        """The AWS service that denies everything."""
        return self.outage.kind if self.outage.kind in AWS_SERVICES and self.lasts() else ""


class _Denied:
    """A part of the world that may deny everything."""

    def __init__(self, part: Any, outside: Outside, service: str, error: Exception) -> None:
        self._part, self._outside, self._service, self._error = part, outside, service, error

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._part, name)
        if not callable(attribute):
            return attribute

        def asked(*arguments: Any, **named: Any) -> Any:
            if self._outside.denied() == self._service:
                raise self._error
            return attribute(*arguments, **named)

        return asked


def _parts(outside: Outside, bucket: FakeBucket, texts: FakeTranscriptObjects, urls: InMemoryUrls) -> dict[str, Any]:
    table = RetryableError("table_AccessDeniedException")
    denied = PermanentError("access_denied", "S3 denied it.")

    def part(made: Any, service: str, error: Exception) -> Any:
        return _Denied(made, outside, service, error)

    return {
        "store": part(InMemoryCalls(), "table", table),
        "aliases": part(InMemoryAliases(PENDING_SECONDS), "table", table),
        "utterances": part(InMemoryUtterances(), "table", table),
        "bucket": part(bucket, "s3", denied),
        "staging": part(InMemoryStaging(bucket), "staging", denied),
        "urls": urls,
        "transcript_objects": part(texts, "s3", RetryableError("access_denied")),
    }


@dataclass
class Played:
    """An outage with its calls, and what became of them."""

    outage: Outage
    calls: int
    outside: Outside
    fleet: Fleet
    arrivals: list[tuple[int, str]]
    """When each event came, and of which call."""

    @property
    def requests(self) -> int:
        """To Coval, while the outage lasted."""
        return sum(self.outside.begins <= at < self.outside.ends for at in self.fleet.http.asked)

    @property
    def items(self) -> dict[str, Any]:
        items: dict[str, Any] = self.fleet.world.store.items
        return items

    def unsubmitted(self) -> list[str]:
        return [name for name in map(_id, range(self.calls)) if name not in self.fleet.http.coval.by_call]

    def unfinished(self) -> Iterator[str]:
        for name in map(_id, range(self.calls)):
            call = self.items.get(name)
            if call is None or call.state.value != "SUBMITTED" or call.recording_state != "ATTACHED":
                yield f"{name}: {call.state.value if call else 'no item'}, {call.recording_state if call else None}"

    def doubled(self) -> list[str]:
        return [name for name, made in self.fleet.http.coval.by_call.items() if len(made) > 1]

    def silent(self) -> list[int]:
        """Arrivals during the outage that neither got through in five minutes nor moved an alarm's metric."""
        reported = self.fleet.world.reported
        alarms = sorted(at for at, event, _ in reported if event in ALARMING)
        got_through = {
            name: at for at, event, name in reported if event in (LogEvent.CALL_SUBMITTED, LogEvent.RECORDING_ATTACHED)
        }
        during = [one for one in self.arrivals if self.outside.begins <= one[0] < self.outside.ends - ALARM_SECONDS]
        late = [at for at, name in during if got_through.get(name, at + DAY) > at + ALARM_SECONDS]
        return [at for at in late if bisect_left(alarms, at) == bisect_right(alarms, at + ALARM_SECONDS)]


def _id(number: int) -> str:
    return f"call-{number}"


def begun(outage: Outage, calls: int, arriving: int | None = None, workers: Any = WORKERS) -> Played:
    """The world at its beginning: `calls` come evenly in the first `arriving` seconds of the outage."""
    outside, bucket, texts, urls = Outside(outage), FakeBucket(), FakeTranscriptObjects(), InMemoryUrls()
    fleet = Fleet(outside.fault, outside.denied, outside.clock, _parts(outside, bucket, texts, urls), workers)
    span = outage.seconds if arriving is None else arriving
    played = Played(outage, calls, outside, fleet, [])
    for number in range(calls):
        delay = HEALTHY_SECONDS + number * span // calls
        url = f"https://media.example.com/{_id(number)}.wav"
        bucket.objects[_key(number)], urls.contents[url] = (etag(SOUND), SOUND), SOUND
        texts.transcript_objects[f"{_id(number)}.json"] = json.dumps({"messages": TURNS}).encode()
        _arrives(played, _events(number, url), _id(number), delay)
    return played


def _key(number: int) -> str:
    return f"{'odd' if number % 6 == NAMED_LATE else 'rec'}/{_id(number)}.wav"


NAMED_LATE = 5
"""Which sixth of the calls has a recording whose key says nothing: it is pending until the end names it."""


def _events(number: int, url: str) -> list[tuple[str, Any]]:
    """Of a call with its words, with words in S3, without, with its recording first, at a URL, or named by the end."""
    call_id, kind = _id(number), number % 6
    created = ("recording", object_created(_key(number), SOUND))
    if kind == NAMED_LATE:
        named = {"items": [{"uri": f"s3://recordings/{_key(number)}"}]}
        return [created, ("call_end", call_ended(call_id, recording=named))]
    if kind == 4:
        return [("call_end", call_ended(call_id, recording={"items": [{"uri": url}]}))]
    ended = ("call_end", call_ended(call_id, transcript=("inline", "reference", "none", "inline")[kind]))
    return [created, ended] if kind == 3 else [ended, created]


def _arrives(played: Played, events: list[tuple[str, Any]], call_id: str, delay: int) -> None:
    now = played.outside.clock.now
    for index, (queue, event) in enumerate(events):
        at = delay + index * MINUTE
        played.fleet.queues.send(queue, json.dumps(event), now, delay=at)
        played.arrivals.append((now + at, call_id))


def play(outage: Outage, calls: int, **more: Any) -> Played:
    """The whole story: an hour after the outage all must be submitted, six hours later all must have its recording."""
    played = begun(outage, calls, **more)
    played.fleet.run(played.outside.ends + HOUR)
    return played


def broken(played: Played) -> list[str]:
    """Which of the promises do not hold."""
    fleet, found = played.fleet, []

    def check(what: str, wrong: Any) -> None:
        if wrong:
            found.append(f"{played.outage}: {what}: {str(wrong)[:300]}")

    check("not submitted within an hour", played.unsubmitted())
    check("left in the queues after an hour", [one.body[:80] for one in fleet.queues.left() if not one.chain][:5])
    fleet.run(played.outside.ends + 7 * HOUR)
    check("doubled", played.doubled())
    check(
        "deleted as doubled",
        [name for _, event, name in fleet.world.reported if event is LogEvent.EXTRA_CONVERSATION_DELETED],
    )
    check("unfinished", list(played.unfinished()))
    check("dead letters", fleet.queues.dead)
    check("deleted by SQS", fleet.queues.deleted)
    check("stopped as a circle", fleet.queues.dropped)
    check("messages of one cause at once", fleet.most_live if fleet.most_live > LIVE_AT_ONCE else 0)
    check("arrivals without an alarm", played.silent())
    return found


def ended(outage: Outage, calls: int) -> Played:
    """A world whose calls have ended, one way or the other, in an outage of more than 13 days."""
    played = begun(outage, calls, arriving=HOUR)
    played.fleet.run(played.outside.ends + 2 * DAY)
    return played


def vanished(played: Played) -> list[str]:
    """What ended without a word: neither submitted, nor a dead letter, nor ended on its item with its reason."""
    fleet, found = played.fleet, []
    if fleet.queues.deleted or fleet.queues.dropped or fleet.queues.left():
        found.append("messages were left, deleted by SQS, or stopped as a circle")
    if any(reason is None for _, _, reason in fleet.queues.dead):
        found.append("a dead letter has no reason")
    dead_letters = "".join(body for _, body, _ in fleet.queues.dead)
    for name in map(_id, range(played.calls)):
        call = played.items.get(name)
        visible = call is not None and (call.state == "SUBMITTED" or call.reason == lifecycle.WAITED_TOO_LONG)
        if not visible and name not in dead_letters:
            found.append(f"{name} ended in silence")
        if call is not None and call.state not in TERMINAL and not call.recording_missed_at:
            found.append(f"{name} is still {call.state.value}")
    return [*found, *(f"{name} is doubled" for name in played.doubled())]
