"""Calls full of marked secrets, whatever becomes of them: no log line, metric or queue attribute has one."""

import copy
import json
import logging
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from coval_relay.adapters.aws import telemetry
from coval_relay.domain.errors import NotReadyError, PermanentError, RetryableError, UnknownOutcomeError
from coval_relay.entrypoints.consumer import DeliveryFailedError
from tests.support.events import call_ended, event, recording_ready
from tests.support.marked_secrets import (
    COVALS_WORD,
    PHONE,
    ROOM,
    SECRETS,
    SIGNATURE,
    TOKEN,
    WORD,
    MarkedWorld,
    leaks,
    marked,
)
from tests.support.platform_samples import EVENTS
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.world import FUNCTION_SECONDS, Executioner, Killed, World

QUOTED = (
    f"{COVALS_WORD}: 'My {WORD}' {PHONE} https://u.test/?X-Amz-Signature={SIGNATURE}&token={TOKEN} {ROOM}"
)
PLATFORMS = ("amazon_connect", "amazon_chime", "twilio", "genesys", "livekit", "vapi", "canonical")


class Unforeseen(Exception):
    """A bug whose message quotes what it was about."""

    def __init__(self, *_: object) -> None:
        super().__init__(QUOTED)


@dataclass
class Ear:
    """All that leaves a function but its effects: standard output and error, and what libraries log."""

    capsys: pytest.CaptureFixture[str]
    caplog: pytest.LogCaptureFixture

    def heard(self) -> str:
        if telemetry.metrics().metric_set:
            telemetry.metrics().flush_metrics()
        out, err = self.capsys.readouterr()
        libraries = "\n".join(self.caplog.messages)
        self.caplog.clear()
        return f"{out}\n{err}\n{libraries}"


@pytest.fixture
def ear(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Ear:
    """With a logger of its own name: loggers of one name share the first one's stream."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", uuid.uuid4().hex)
    telemetry.logger.cache_clear()
    telemetry.metrics.cache_clear()
    telemetry.metrics().clear_metrics()
    caplog.set_level(logging.INFO)
    return Ear(capsys, caplog)


def played(scenario: Scenario, executioner: Executioner | None = None, **parts: Any) -> MarkedWorld:
    world = MarkedWorld(executioner=executioner or Executioner(), **parts)
    scenario.play(world)
    world.run(hours=48 if executioner is None else 6)
    return world


def quiet(ear: Ear, world: MarkedWorld) -> list[str]:
    return leaks(ear.heard() + world.attributes() + "".join(world.tracebacks))


# --- that the scan can find something ----------------------------------------------------------------


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_that_is_logged_is_found(ear: Ear, secret: str) -> None:
    telemetry.logger().info("A line.", extra={"reason": f"é {secret}"})
    assert secret in leaks(ear.heard())
    logging.getLogger("library").warning("%s", secret)
    assert secret in leaks(ear.heard())


def test_the_secrets_stand_in_what_is_handled() -> None:
    world = MarkedWorld()
    for scenario in SCENARIOS:
        scenario.play(world)
    bodies = "".join(message.body for message in world.queued)
    world.run(hours=48)
    sent = json.dumps([str(held) for held in world.coval.conversations.values()])
    assert {PHONE[1:], WORD, TOKEN} <= set(leaks(bodies))
    assert {PHONE[1:], WORD, SIGNATURE} <= set(leaks(sent))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_marked_call_goes_the_way_of_a_plain_one(scenario: Scenario, ear: Ear) -> None:
    plain = World()
    scenario.play(plain)
    plain.run(hours=48)
    world = played(scenario)
    assert world.events() == plain.events()
    lines = [json.loads(line) for line in ear.heard().splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines if "event" in line] == world.events()


# --- what happens to calls ---------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Killed, Unforeseen], ids=lambda e: e.__name__)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_failure_at_any_effect(scenario: Scenario, error: type[BaseException], ear: Ear) -> None:
    effects = played(scenario).executioner.count
    assert quiet(ear, played(scenario)) == []
    for at in range(1, effects + 1):
        for after in (False, True):
            world = played(scenario, Executioner(at=at, after=after, error=error))
            assert quiet(ear, world) == [], f"{at} {after} {world.executioner.names}"


FIRST: dict[str, list[tuple[str, Exception, bool]]] = {
    "find": [("submit", UnknownOutcomeError("timeout"), False)],
    "get": [("attach", PermanentError("ALREADY_EXISTS", "Audio already attached", "audio", 409), False)],
}
"""What has to go wrong before Coval is asked for what it holds."""
METHODS = ("submit", "attach", "get", "find", "create_upload", "put_audio")


@cache
def asked_for(scenario: Scenario) -> set[str]:
    """What of Coval a call needs where nothing goes wrong."""
    world = World()
    scenario.play(world)
    world.run(hours=48)
    return set(world.coval.calls)


ERRORS: list[Exception] = [
    PermanentError("INVALID_ARGUMENT", QUOTED, "transcript", 400),
    PermanentError("INVALID_ARGUMENT", f"Audio {QUOTED}", "audio_url", 400),
    PermanentError("NOT_FOUND", f"Upload not found: {QUOTED}", "upload_id", 404),
    PermanentError("ALREADY_EXISTS", QUOTED, "audio", 409),
    PermanentError("http_413", QUOTED, None, 413),
    RetryableError("rate_limited", 5.0),
    RetryableError("audio_fetch_failed"),
    UnknownOutcomeError("timeout"),
    NotReadyError("document_missing"),
    Unforeseen(),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", ERRORS, ids=lambda e: f"{type(e).__name__}-{getattr(e, 'code', '')}")
def test_a_refusal_of_coval_that_quotes_the_call(method: str, error: Exception, ear: Ear) -> None:
    for scenario in SCENARIOS:
        if method not in FIRST and method not in asked_for(scenario):
            continue
        world = MarkedWorld()
        world.coval.errors += [*FIRST.get(method, []), *((method, copy.copy(error), False) for _ in range(9))]
        scenario.play(world)
        world.run(hours=6)
        assert quiet(ear, world) == [], scenario


@pytest.mark.parametrize("oversize", ["truncate", "recording", "reject"])
def test_a_transcript_that_is_too_large(oversize: str, ear: Ear) -> None:
    for scenario in SCENARIOS:
        world = played(scenario, oversize=oversize, max_payload_bytes=420)
        assert quiet(ear, world) == [], scenario


REFUSED: list[tuple[str, Any]] = [
    ("call_end", call_ended("call-1", started_at=QUOTED)),
    ("call_end", call_ended("call-1", status=QUOTED)),
    ("call_end", call_ended("call-1", metadata={QUOTED: {QUOTED: QUOTED}})),
    ("call_end", call_ended("call-1", metadata={"call_id": QUOTED})),
    ("call_end", call_ended(f'"{QUOTED}')),
    ("call_end", call_ended("call-1", transcript={"status": "reference", "reference": {"uri": QUOTED}})),
    ("call_end", call_ended("call-1", aliases=[{"type": QUOTED, "value": QUOTED}])),
    ("call_end", QUOTED),
    ("call_end", json.dumps([QUOTED])),
    ("call_end", event(QUOTED, {"external_conversation_id": ROOM})),
    ("recording", event(QUOTED, {QUOTED: QUOTED})),
    ("attach", recording_ready(f"https://{WORD}.example.com/?token={TOKEN}")),
    ("attach", recording_ready(f"https://media.example.com/{WORD}?token={TOKEN}")),
    ("attach", recording_ready(f"s3://recordings/rec/{PHONE}{WORD}.wav")),
    ("attach", recording_ready(f"s3://else/{PHONE}{WORD}.wav")),
    ("attach", {"source": "coval.relay", "detail-type": "Attach Recording", "detail": {QUOTED: QUOTED}}),
    ("attach", {"source": "coval.relay", "detail-type": QUOTED}),
]


@pytest.mark.parametrize(("queue", "told"), REFUSED, ids=lambda value: str(value)[:30])
def test_an_input_that_is_refused(queue: str, told: Any, ear: Ear) -> None:
    world = MarkedWorld()
    world.send(queue, told)
    world.run(hours=48)
    assert quiet(ear, world) == []


def test_a_bare_event_that_fails_shows_nothing_in_its_traceback(ear: Ear) -> None:
    world = MarkedWorld()
    world.coval.errors.append(("submit", Unforeseen(), False))
    with pytest.raises(DeliveryFailedError) as caught:
        world.consumers["call_end"](json.loads(marked(json.dumps(call_ended()))), lambda: FUNCTION_SECONDS)
    told = "".join(traceback.format_exception(caught.value))
    assert leaks(str(caught.value) + repr(caught.value) + told + ear.heard()) == []


# --- the platforms' events ---------------------------------------------------------------------------


SAMPLES = sorted(path for path in EVENTS.glob("*/*.json"))


def spoiled(value: Any, secret: str) -> Iterator[Any]:
    """The event with each of its values, and each of its names, in turn made a secret."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield {**{other: kept for other, kept in value.items() if other != name}, secret: inner}
            for changed in spoiled(inner, secret):
                yield {**value, name: changed}
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            for changed in spoiled(inner, secret):
                yield [*value[:index], changed, *value[index + 1 :]]
    else:
        yield secret


def without_ids(text: str) -> str:
    """The lines without the call's id, whose words are the sender's own to choose."""
    lines = [json.loads(line) if line.startswith("{") else line for line in text.splitlines()]
    for line in lines:
        if isinstance(line, dict):
            line.pop("external_conversation_id", None)
    return json.dumps(lines)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_sample_with_a_secret_anywhere(path: Any, ear: Ear) -> None:
    sample = json.loads(path.read_text(encoding="utf-8"))
    queue = "recording" if sample.get("source") == "aws.s3" else "call_end"
    world = MarkedWorld(platforms=PLATFORMS)
    read: list[tuple[Callable[[str], str], str]] = [
        (str, PHONE),
        (without_ids, f"{WORD} {TOKEN} {COVALS_WORD}"),
    ]
    for look, secret in read:
        for changed in spoiled(copy.deepcopy(sample), secret):
            world.send(queue, changed)
            world.deliver(world.queued[-1])
            found = leaks(look(ear.heard()) + world.attributes())
            assert found == [], json.dumps(changed)[:2000]
            world.dead.clear()
