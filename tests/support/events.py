"""Builders of the events that the tests send."""

import hashlib
import io
import wave
from datetime import UTC, datetime
from functools import cache
from typing import Any

TURNS = [
    {"role": "assistant", "content": "Thanks for calling Acme.", "start_time": 0.5, "end_time": 2.0},
    {"role": "user", "content": "I want to move my appointment.", "start_time": 2.4, "end_time": 5.0},
]


def wav(seconds: float = 6.0, rate: int = 8000, channels: int = 1) -> bytes:
    """A silent PCM file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(int(seconds * rate) * 2 * channels))
    return buffer.getvalue()


def call_ended(call_id: str = "call-1", *, transcript: Any = "inline", **changes: Any) -> dict[str, Any]:
    """A canonical `Call Ended` event; `transcript` is a status, or the whole object."""
    if transcript == "inline":
        transcript = {"status": "inline", "messages": TURNS}
    elif transcript == "reference":
        reference = {"uri": f"s3://transcripts/{call_id}.json", "format": "canonical_v1"}
        transcript = {"status": "reference", "reference": reference}
    elif isinstance(transcript, str):
        transcript = {"status": transcript}
    detail = {
        "schema_version": "1",
        "provider": "custom",
        "external_conversation_id": call_id,
        "status": "completed",
        "started_at": "2026-10-02T14:30:50Z",
        "answered_at": "2026-10-02T14:31:07Z",
        "ended_at": "2026-10-02T14:36:37Z",
        "transcript": transcript,
        "metadata": {"campaign": "autumn"},
        **changes,
    }
    return event("Call Ended", detail)


def recording_ready(uri: str, call_id: str = "call-1") -> dict[str, Any]:
    detail = {"schema_version": "1", "external_conversation_id": call_id, "recording": {"uri": uri}}
    return event("Recording Ready", detail)


def event(detail_type: str, detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "a4f6c0de-0000-4000-8000-000000000001",
        "detail-type": detail_type,
        "source": "coval.ingest",
        "account": "111122223333",
        "time": "2026-10-02T14:36:39Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }


def object_created(
    key: str,
    content: bytes,
    *,
    bucket: str = "recordings",
    at: int = 1_790_951_860,
    sequencer: str = "01",
    version: str | None = None,
) -> dict[str, Any]:
    """The EventBridge event of an object with this content; a bucket without versions names none."""
    stored = {"key": key, "size": len(content), "etag": etag(content), "sequencer": sequencer}
    stored |= {"version-id": version} if version else {}
    return {
        **event("Object Created", {"bucket": {"name": bucket}, "object": stored, "reason": "PutObject"}),
        "source": "aws.s3",
        "time": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
    }


@cache
def etag(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
