"""Vapi's mono file in the operator's own bucket, without its stereo twin: taken where a report says it is the mix."""

import json
from typing import Any

import pytest

from coval_relay.domain.errors import Reason
from coval_relay.platforms.shared.contract import PlatformOptions
from tests.support.events import wav
from tests.support.platform_samples import sample
from tests.support.scenarios import put
from tests.support.world import World

CALL = "de28acb8-b62b-4e25-a64c-ced9dd181990"
MIX, ONE_SIDE = (
    f"vapi/2026-10-02/{CALL}-1790951797870-{file}-749f-4c78-beb1-7889b25743c4-mono.wav"
    for file in ("93a858ed", "22222222")
)
ALL, NO_STEREO, NO_MONO, NOTHING = (), ("stereoUrl",), ("mono",), ("mono", "stereoUrl")


def report(without: tuple[str, ...]) -> Any:
    ended = json.loads(json.dumps(sample("vapi", "end_of_call_report_own_bucket")).replace("acme-", ""))
    for name in without:
        del ended["detail"]["message"]["artifact"]["recording"][name]
    return ended


def played(key: str, without: tuple[str, ...], channels: dict[str, int], *, report_first: bool) -> World:
    options = PlatformOptions(agent_channels=channels)
    world = World(platforms=("vapi",), key_pattern="", prefixes=("vapi/",), options=options)
    world.send("recording", put(world, wav(), key), 100 if report_first else 0)
    world.send("call_end", report(without), 0 if report_first else 100)
    world.run(hours=48)
    assert (world.queued, world.all_pending()) == ([], [])
    return world


def outcome(world: World) -> tuple[str, str | None, bool]:
    call = world.store.get(CALL)
    (held,) = world.coval.conversations.values()
    return call.state.value, call.recording_state and call.recording_state.value, held["audio"] is not None


@pytest.mark.parametrize("report_first", [True, False])
@pytest.mark.parametrize("channels", [{}, {"vapi": 0}], ids=["side not known", "side known"])
@pytest.mark.parametrize("without", [ALL, NO_STEREO], ids=["stereo named", "mono only"])
def test_the_mix_is_taken_though_no_stereo_comes(
    without: tuple[str, ...], channels: dict[str, int], *, report_first: bool
) -> None:
    world = played(MIX, without, channels, report_first=report_first)
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True)
    assert world.dead == []


@pytest.mark.parametrize("report_first", [True, False])
@pytest.mark.parametrize("without", [NO_MONO, NOTHING], ids=["stereo named", "nothing named"])
def test_one_that_no_report_names_ends_with_what_it_lacked(without: tuple[str, ...], *, report_first: bool) -> None:
    """It may be of one side: all three have names alike."""
    world = played(MIX, without, {}, report_first=report_first)
    assert outcome(world) == ("SUBMITTED", None, False)
    ((queue, event, reason),) = world.dead
    assert (queue, MIX in event) == ("recording", True)
    assert reason == Reason(
        "invalid_input",
        "detail.pending.event: no call became known under its vapi_file, s3_object in time (vapi_mono needs a report "
        "that names this file as the mix of both sides; tried: key rules own_transcript, vapi_stereo, vapi_mono; "
        "metadata external-conversation-id; tag external_conversation_id; sidecar; aliases)",
    )


@pytest.mark.parametrize("report_first", [True, False])
def test_one_side_alone_is_never_taken(*, report_first: bool) -> None:
    world = played(ONE_SIDE, NO_STEREO, {}, report_first=report_first)
    assert outcome(world) == ("SUBMITTED", None, False)
    assert world.dead == []
    assert "RECORDING_SKIPPED" in world.events()
