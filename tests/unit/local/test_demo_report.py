"""What the demo prints is what happened."""

import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from local.demo.audio_comparison import content
from local.demo.outcomes import ending
from local.demo.results_table import differences, render
from local.demo.scenarios import SCENARIOS, Ending, Scenario
from local.demo.watcher import Changes, Items, describe_change, describe_request

EXPECTED = Ending(audio="as sent", recording="ATTACHED")


def test_names_of_scenarios_are_their_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_the_table_shows_what_differs_and_what_was_expected() -> None:
    scenarios = [Scenario("one", (), EXPECTED), Scenario("another", (), EXPECTED)]
    found = {"one": EXPECTED, "another": Ending(conversations=2, text=False, state="QUEUED", reason="why")}

    rows = [re.split(r"  +", line) for line in render(scenarios, found).splitlines()]
    assert rows == [
        ["scenario", "in Coval", "text", "audio", "waves", "state", "recording", "reason", "dead letter"],
        [rows[1][0]],
        ["one", "1", "yes", "as sent", "text", "SUBMITTED", "ATTACHED", "-", "-", "as expected"],
        [
            *("another", "2 (not 1)", "no (not yes)", "- (not as sent)", "text", "QUEUED (not SUBMITTED)"),
            *("- (not ATTACHED)", "why (not -)", "-", "DIFFERS"),
        ],
    ]
    assert set(rows[1][0]) == {"-"}


def test_differences_are_named() -> None:
    assert differences(EXPECTED, EXPECTED) == ()
    assert differences(EXPECTED, Ending(audio="another sound", recording="ATTACHED")) == ("audio",)


def test_a_change_of_an_item_is_shown_once() -> None:
    first = {"state": "QUEUED"}
    rejected = {
        "state": "SUBMITTED",
        "recording_state": "REJECTED",
        "conversation_id": "c",
        "recording": {"reason": {"code": "audio_too_short"}},
    }

    assert describe_change({}, first) == "received   item: QUEUED"
    assert describe_change(first, rejected) == (
        "submitted, recording rejected item: SUBMITTED REJECTED c audio_too_short"
    )
    assert describe_change(rejected, rejected) == ""


def test_what_waits_under_a_name_is_shown_once_and_once_where_it_went() -> None:
    shown: list[str] = []
    client = Mock()
    items = Items(client, "table", ("call",), lambda _, text: shown.append(text), Changes(), {"name": "call"})

    for attribute in ({"has_pending": {"BOOL": True}}, {"target": {"S": "call"}}):
        found = {"external_conversation_id": {"S": "name"}} | attribute
        client.batch_get_item.return_value = {"Responses": {"table": [found]}}
        items.look()
        items.look()

    assert shown == ["pending    name waits for its call", "bound      name leads to call"]
    assert (items.names, items.seen) == ({"call": "bound"}, {})


def test_a_request_is_shown_with_its_answer() -> None:
    request = {"method": "POST", "path": "/v1/x", "response_status": None, "outcome": "held", "fault": 3}
    assert describe_request(request) == "Coval      POST /v1/x -> held  (fault)"


def test_an_ending_is_read_from_both_sides(tmp_path: Path) -> None:
    (tmp_path / "held").write_bytes(content("stereo-pcm-8khz.wav"))
    held: list[dict[str, Any]] = [
        {
            "transcript": [{"role": "user"}],
            "audio": None,
            "waves": [{"wave": "text", "webhook": {"time": "now"}}],
        },
        {
            "transcript": None,
            "audio": {"sha256": "0" * 64, "path": str(tmp_path / "held")},
            "waves": [{"wave": "audio", "webhook": None}],
        },
    ]
    item = {"state": "REJECTED", "reason": {"code": "payload_too_large"}}
    assert ending(held, item, "", "agent-on-channel-1.wav") == Ending(
        conversations=2, text=True, audio="sides changed", state="REJECTED", reason="payload_too_large"
    )
    assert ending([], {}, "invalid_input", "") == Ending(
        conversations=0, text=False, waves="", state="", dead_letter="invalid_input"
    )
