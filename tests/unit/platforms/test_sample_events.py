"""Every sample event in events/ is a fixture: here is what each becomes."""

import json
from pathlib import Path
from typing import Any

import pytest

from coval_relay.adapters.aws.lambda_events import Delivery, records
from coval_relay.adapters.aws.queue_messages import from_event
from coval_relay.adapters.aws.s3_events import object_created
from coval_relay.domain.messages import Sweep
from coval_relay.platforms.registry import translate
from coval_relay.platforms.shared.contract import PlatformOptions

EVENTS = Path(__file__).parents[3] / "events"
OPTIONS = PlatformOptions(transcript_buckets=("acme-transcripts",))


def sample(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def deliveries(payload: Any) -> list[Delivery]:
    return [one for record in records(payload) for one in record.deliveries]


CALLS = {
    "call_ended_inline": ("acme-8842", "WITH_TRANSCRIPT", 5, True),
    "call_ended_reference": ("acme-8843", "TRANSCRIPT_PENDING", 0, True),
    "call_ended_pending": ("acme-8844", "TRANSCRIPT_PENDING", 0, True),
    "call_ended_without_transcript": ("acme-8845", "WITHOUT_TRANSCRIPT", 0, True),
    "call_ended_not_answered": ("acme-8846", "WITHOUT_TRANSCRIPT", 0, False),
}


@pytest.mark.parametrize(("name", "expected"), CALLS.items())
def test_call_end(name: str, expected: tuple[str, str, int, bool]) -> None:
    ended: Any = translate(sample(name), OPTIONS, 0)[-1]
    words = len(ended.transcript.messages) if ended.transcript else 0
    found = (ended.external_conversation_id, ended.kind.value, words, ended.facts.recording_expected)
    assert found == expected


def test_recording_ready() -> None:
    ready: Any = translate(sample("recording_ready"), OPTIONS, 0)[0]
    assert (ready.target, ready.uri) == (
        "acme-8842",
        "s3://acme-recordings/recordings/acme-8842.wav",
    )


def test_the_same_key_from_an_event_and_from_a_classic_notification() -> None:
    ((classic,),) = (one.deliveries for one in records(sample("s3_notification_classic")))
    assert classic.event is not None
    from_classic, from_bridge = (
        object_created(classic.event),
        object_created(sample("s3_object_created_plus_sign")),
    )
    assert from_classic == from_bridge
    assert from_bridge.version.key == "recordings/room +1 5%é.wav"


def test_what_came_while_versioning_was_suspended_has_no_lasting_version() -> None:
    created = sample("s3_object_created")
    created["detail"]["object"]["version-id"] = "null"
    assert object_created(created).version.version_id is None


def test_batch_and_sweep() -> None:
    (good,), (poison,) = (one.deliveries for one in records(sample("sqs_batch")))
    assert (good.event, poison.event) == (sample("call_ended_inline"), None)
    assert from_event(sample("sweep")) == Sweep()


def test_no_sample_is_left_out() -> None:
    tested = {*CALLS, "recording_ready", "s3_notification_classic", "sqs_batch", "sweep"}
    tested |= {"s3_object_created", "s3_object_created_plus_sign"}
    assert {path.stem for path in EVENTS.glob("*.json")} == tested
