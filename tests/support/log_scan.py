"""Calls full of marked secrets are played, and whatever leaves a function is looked through for them."""

import copy
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from coval_relay.adapters.aws import telemetry
from coval_relay.domain.errors import NotReadyError, PermanentError, RetryableError, UnknownOutcomeError
from tests.support.marked_secrets import COVALS_WORD, PHONE, ROOM, SIGNATURE, TOKEN, WORD, MarkedWorld, leaks
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.world import Executioner, World

QUOTED = f"{COVALS_WORD}: 'My {WORD}' {PHONE} https://u.test/?X-Amz-Signature={SIGNATURE}&token={TOKEN} {ROOM}"
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


def listening(
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


# --- what happens to calls ---------------------------------------------------------------------------


def assert_silence_about_a_failure(scenario: Scenario, error: type[BaseException], ear: Ear) -> None:
    """Whichever effect fails."""
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


def assert_silence_about_an_answer(method: str, error: Exception, ear: Ear) -> None:
    """Whatever of Coval's answers quotes the call."""
    for scenario in SCENARIOS:
        if method not in FIRST and method not in asked_for(scenario):
            continue
        world = MarkedWorld()
        world.coval.errors += [*FIRST.get(method, []), *((method, copy.copy(error), False) for _ in range(9))]
        scenario.play(world)
        world.run(hours=6)
        assert quiet(ear, world) == [], scenario


# --- the platforms' events ---------------------------------------------------------------------------


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


def assert_silence_about_a_sample(path: Path, ear: Ear) -> None:
    """Wherever in it a secret stands."""
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
