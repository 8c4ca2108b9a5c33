"""Every sample event ends in Coval with the expected request, or leaves nothing where it ends no call."""

import uuid
from collections.abc import Mapping

import pytest

from local.stack.stack import Stack
from tests.end_to_end.call_player import Call, Ended, Play, samples_of
from tests.end_to_end.platform_calls import CALLS
from tests.end_to_end.platform_web_servers import Web
from tests.support.platform_samples import EVENTS

SECONDS = 300
NOT_DELIVERED = {"s3_notification_classic", "sqs_batch", "sweep"}
"""What functions are invoked with, not what comes on a bus."""


@pytest.fixture(scope="module")
def play(stack: Stack, web: Web) -> Play:
    return Play(stack, web, CALLS, uuid.uuid4().hex)


@pytest.fixture(scope="module")
def endings(play: Play) -> Mapping[str, Ended]:
    return play.play(SECONDS)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_a_call_ends_in_coval_as_expected(call: Call, endings: Mapping[str, Ended]) -> None:
    assert endings[call.name] == call.ended


@pytest.mark.parametrize("call", [call for call in CALLS if call.fetched], ids=lambda call: call.name)
@pytest.mark.usefixtures("endings")
def test_a_link_is_asked_for_as_rarely_as_it_must_be(call: Call, play: Play, web: Web) -> None:
    names = play.names[call.name]
    assert {url: tuple(web.answers_of(names.own(url))) for url in call.fetched} == call.fetched


def test_what_was_changed_on_its_way_has_left_nothing(play: Play, endings: Mapping[str, Ended]) -> None:
    assert endings
    assert [name for name in play.names if play.tampered_item(name)] == []


def test_no_sample_is_left_out() -> None:
    there = {str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.rglob("*.json")}
    assert {name for call in CALLS for name in samples_of(call)} == there - NOT_DELIVERED
