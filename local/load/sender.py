"""Sends a plan through the AWS API: call ends by tens onto the bus, objects into their buckets."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3

from local.demo.steps import ACCOUNT, ALIAS_TYPE, alias, recording_key, transcript_key
from local.load.call_plan import SECONDS, Kind, LoadCall, Sending
from local.stack.parameters import RECORDINGS, RECORDINGS_UNVERSIONED, TRANSCRIPTS

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client

MOST_ENTRIES = 10
"""Most that PutEvents takes (EventBridge API, PutEvents)."""
AT_ONCE = 20
SENDERS = 4


@dataclass
class Sender:
    """Sends, and remembers when each thing was sent first (epoch seconds)."""

    sent_at: dict[tuple[str, Kind], float] = field(default_factory=dict)
    sent: int = 0
    _events: "EventBridgeClient" = field(default_factory=lambda: boto3.client("events"))
    _s3: "S3Client" = field(default_factory=lambda: boto3.client("s3"))

    def send(self, sendings: Sequence[Sending]) -> None:
        """Send all in about this order; raises what AWS raises."""
        with ThreadPoolExecutor(SENDERS) as pool:
            for count in pool.map(self._send_some, _cut(sendings, AT_ONCE)):
                self.sent += count

    def _send_some(self, sendings: Sequence[Sending]) -> int:
        ends = [sending for sending in sendings if sending.kind == "call_end"]
        for some in _cut(ends, MOST_ENTRIES):
            self._put_events(some)
        for sending in sendings:
            if sending.kind != "call_end":
                self._put_object(sending)
        return len(sendings)

    def _put_events(self, ends: Sequence[Sending]) -> None:
        self._remember(ends)
        answer = self._events.put_events(Entries=[_entry(end.call) for end in ends])  # type: ignore[misc]
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"EventBridge rejected events: {answer['Entries']}")

    def _put_object(self, sending: Sending) -> None:
        self._remember([sending])
        call = sending.call
        if sending.kind == "transcript":
            body = json.dumps({"messages": call.messages}).encode()
            self._s3.put_object(Bucket=TRANSCRIPTS, Key=transcript_key(call.call_id), Body=body)
        else:
            name = f"{ACCOUNT}/{alias(call.call_id)}" if call.by_alias else call.call_id
            bucket = RECORDINGS if call.versioned else RECORDINGS_UNVERSIONED
            self._s3.put_object(Bucket=bucket, Key=recording_key(name, "call.wav"), Body=call.recording())

    def _remember(self, sendings: Iterable[Sending]) -> None:
        for sending in sendings:
            self.sent_at.setdefault((sending.call.call_id, sending.kind), time.time())


def _entry(call: LoadCall) -> dict[str, str]:
    return {"Source": "load", "DetailType": "Call Ended", "Detail": json.dumps(_detail(call))}


def _detail(call: LoadCall) -> dict[str, Any]:
    ended = datetime.now(UTC)
    said = {"status": "inline", "messages": call.messages}
    return {
        "schema_version": "1",
        "event_id": f"{call.call_id}/ended",
        "provider": "custom",
        "external_conversation_id": call.call_id,
        "direction": "inbound",
        "status": "completed",
        "started_at": (ended - timedelta(seconds=SECONDS)).isoformat(),
        "ended_at": ended.isoformat(),
        "transcript": {"inline": said, "object": {"status": "pending"}, "none": {"status": "none"}}[call.text],
        "aliases": [{"type": ALIAS_TYPE, "value": alias(call.call_id)}] if call.by_alias else [],
    }


def _cut(sendings: Sequence[Sending], size: int) -> Iterator[Sequence[Sending]]:
    return (sendings[start : start + size] for start in range(0, len(sendings), size))
