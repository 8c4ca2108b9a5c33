"""Calls full of marked secrets, whatever becomes of them: no log line, metric or queue attribute has one."""

import json
import logging
import traceback
from typing import Any

import pytest

from coval_relay.adapters.aws import telemetry
from coval_relay.entrypoints.consumer import DeliveryFailedError
from tests.support.events import call_ended, event, recording_ready
from tests.support.log_scan import (
    ERRORS,
    QUOTED,
    Ear,
    Unforeseen,
    assert_silence_about_a_failure,
    assert_silence_about_a_sample,
    assert_silence_about_an_answer,
    listening,
    played,
    quiet,
)
from tests.support.marked_secrets import (
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
from tests.support.world import FUNCTION_SECONDS, World


@pytest.fixture
def ear(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Ear:
    return listening(capsys, caplog, monkeypatch)


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


@pytest.mark.parametrize("oversize", ["truncate", "recording", "reject"])
def test_a_transcript_that_is_too_large(oversize: str, ear: Ear) -> None:
    for scenario in SCENARIOS:
        world = played(scenario, oversize=oversize, max_payload_bytes=420)
        assert quiet(ear, world) == [], scenario


REJECTED: list[tuple[str, Any]] = [
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


@pytest.mark.parametrize(("queue", "event"), REJECTED, ids=lambda value: str(value)[:30])
def test_an_input_that_is_rejected(queue: str, event: Any, ear: Ear) -> None:
    world = MarkedWorld()
    world.send(queue, event)
    world.run(hours=48)
    assert quiet(ear, world) == []


def test_a_bare_event_that_fails_shows_nothing_in_its_traceback(ear: Ear) -> None:
    world = MarkedWorld()
    world.coval.errors.append(("submit", Unforeseen(), False))
    with pytest.raises(DeliveryFailedError) as caught:
        world.consumers["call_end"](json.loads(marked(json.dumps(call_ended()))), lambda: FUNCTION_SECONDS)
    printed = "".join(traceback.format_exception(caught.value))
    assert leaks(str(caught.value) + repr(caught.value) + printed + ear.heard()) == []


# --- a few of what tests/properties has all of -------------------------------------------------------


def test_a_failure_at_any_effect(ear: Ear) -> None:
    assert_silence_about_a_failure(SCENARIOS[0], Unforeseen, ear)


def test_an_error_of_coval_that_quotes_the_call(ear: Ear) -> None:
    assert_silence_about_an_answer("submit", ERRORS[0], ear)


@pytest.mark.parametrize("name", ["twilio/call_completed", "vapi/end_of_call_report_no_answer"])
def test_a_sample_with_a_secret_anywhere(name: str, ear: Ear) -> None:
    assert_silence_about_a_sample(EVENTS / f"{name}.json", ear)
