"""Whatever a webhook or a file holds becomes valid canonical events or an InvalidInputError."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.call import CallFacts
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.registry import platform, translate
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.canonical_messages import messages_of
from coval_relay.platforms.shared.contract import PlatformOptions, TranscriptContext
from coval_relay.platforms.shared.transcript_rendering import transcript_of_file
from tests.support.platform_samples import EVENTS, JSON, NOW, mutated, sample

NAMES = ("twilio", "vapi", "retell", "elevenlabs", "livekit", "telnyx")
OPTIONS = (
    PlatformOptions(),
    PlatformOptions(
        recording_hosts=(
            "api.twilio.com",
            "storage.vapi.ai",
            "dxc03zgurdly9.cloudfront.example",
            "api.elevenlabs.io",
            "s3.amazonaws.com",
            "storage.acme.example",
        ),
        transcript_hosts=("intelligence.twilio.com",),
        agent_channels=dict.fromkeys(NAMES, 1),
        separate_transcripts=NAMES,
        redacted=True,
    ),
)
EVENTS_OF = {
    name: sorted(path.stem for path in (EVENTS / name).glob("*.json") if "detail" in sample(name, path.stem))
    for name in NAMES
}
FILES = {
    "twilio_sentences": sample("twilio", "sentences"),
    "vapi": sample("vapi", "end_of_call_report_odd_messages")["detail"],
    "retell": sample("retell", "call_analyzed_scrubbed")["detail"],
    "elevenlabs": sample("elevenlabs", "post_call_transcription")["detail"],
    "livekit_session_report": sample("livekit", "session_report")["detail"],
}


def mutated_samples(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(EVENTS_OF[name]).flatmap(lambda event: mutated(sample(name, event)))


@pytest.mark.parametrize("name", NAMES)
@given(st.data())
def test_any_detail_is_translated_or_rejected(name: str, data: st.DataObject) -> None:
    event = data.draw(mutated_samples(name))
    options = data.draw(st.sampled_from(OPTIONS))
    with suppress(InvalidInputError):
        for canonical_event in platform(name).translate(event, options):
            messages_of(canonical_event, options, NOW)


@pytest.mark.parametrize("detail_type", ["session_report", "room_finished", "egress_ended", "call.hangup"])
@given(JSON)
def test_any_time_of_the_envelope_is_read_or_rejected(detail_type: str, time: Any) -> None:
    with suppress(InvalidInputError):
        translate(
            {"detail-type": detail_type, "detail": {"room": {"name": "a"}}, "time": time},
            PlatformOptions(),
            NOW,
        )


FACTS = CallFacts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=1_790_951_797, seconds=330.0)


@pytest.mark.parametrize("format_", FILES)
@given(st.data())
def test_any_file_is_read_or_rejected(format_: str, data: st.DataObject) -> None:
    content = data.draw(JSON | mutated({"detail": FILES[format_]}).map(lambda event: event["detail"]))
    reader = platform(format_.partition("_")[0]).formats[format_]
    options = data.draw(st.sampled_from(OPTIONS))
    with suppress(InvalidInputError):
        transcript_of_file(reader.messages(content, TranscriptContext(options, 0)), FACTS, options)
    with suppress(InvalidInputError):
        assert reader.next_page is None or isinstance(reader.next_page(content), str | None)


@given(mutated({"detail": sample("livekit", "manifest")}), st.sampled_from(["acme-recordings", "X"]))
def test_any_manifest_is_read_or_rejected(event: dict[str, Any], bucket: str) -> None:
    (manifest,) = platform("livekit").sidecars
    with suppress(InvalidInputError):
        for canonical_event in manifest.read(event["detail"], bucket, "EG_1.json"):
            messages_of(canonical_event, PlatformOptions(), NOW)


@pytest.mark.parametrize("name", NAMES)
def test_phone_numbers_and_prompts_stay_out_of_metadata(name: str) -> None:
    for event in EVENTS_OF[name]:
        if sample(name, event)["detail-type"] == "Object Created":
            continue
        for canonical_event in platform(name).translate(sample(name, event), OPTIONS[1]):
            if isinstance(canonical_event, canonical.CallEndedEvent):
                assert "+1555" not in str(canonical_event.metadata)
            assert "receptionist" not in str(canonical_event)
