"""Bare events for single functions, and what came of them: between them they need every permission."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3

from coval_relay.adapters import relay_messages
from coval_relay.adapters.s3_events import object_created
from coval_relay.domain.call import Recording, RecordingState
from coval_relay.domain.messages import AttachRecording, Resume
from local.demo.steps import AUDIO, facts
from local.demo.watch import plain, reason_of
from local.stack.parameters import RECORDINGS, RECORDINGS_UNVERSIONED, TRANSCRIPTS
from local.stack.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

FUNCTIONS = ("SubmitTranscript", "UploadRecording", "AttachRecording")
SPEECH = "mono-pcm-8khz.wav"
Event = Mapping[str, Any]
Invoke = Callable[[str, Event], str]
"""Gives a function an event; the answer in words, or the type of its error."""
Outcome = tuple[str, ...]
"""The answer, then what the call's item says."""


class Probes:
    """Sends events to the functions, each about a call of its own."""

    def __init__(self, stack: Stack, invoke: Invoke) -> None:
        self._table = stack.table
        self._invoke = invoke
        self._s3: S3Client = boto3.client("s3")
        self._dynamodb: DynamoDBClient = boto3.client("dynamodb")

    def outcomes(self, function: str) -> list[Outcome]:
        """Play all of a function's probes."""
        probes = {
            "SubmitTranscript": self._submit_transcript,
            "UploadRecording": self._upload_recording,
            "AttachRecording": self._attach_recording,
        }
        return probes[function]()

    def _submit_transcript(self) -> list[Outcome]:
        function, referred = "SubmitTranscript", _call_id()
        reference = {"uri": f"s3://{TRANSCRIPTS}/{self._transcript(referred)}", "format": "canonical_v1"}
        return [
            self._outcome(function, "nobody", event("Call Ended", {"schema_version": "1"})),
            self._outcome(function, plain_call := _call_id(), call_ended(plain_call, INLINE)),
            self._outcome(
                function, referred, call_ended(referred, {"status": "reference", "reference": reference})
            ),
            self._outcome(function, referred, relay_messages.to_event(Resume(referred))),
        ]

    def _upload_recording(self) -> list[Outcome]:
        function, versioned, tagged, tagged_plain = "UploadRecording", _call_id(), _call_id(), _call_id()
        return [
            self._outcome(function, "nobody", self._object(RECORDINGS, "recordings/nobody's")),
            self._outcome(function, versioned, self._object(RECORDINGS, f"recordings/{versioned}.wav")),
            self._outcome(function, tagged, self._object(RECORDINGS, f"recordings/{tagged}.tagged", tagged)),
            self._outcome(
                function,
                tagged_plain,
                self._object(RECORDINGS_UNVERSIONED, f"recordings/{tagged_plain}.tagged", tagged_plain),
            ),
        ]

    def _attach_recording(self) -> list[Outcome]:
        outcomes = [
            self._outcome("AttachRecording", "nobody", event("Recording Ready", {"schema_version": "1"})),
            self._outcome("AttachRecording", "nobody", {"source": "coval.relay", "detail-type": "Sweep"}),
        ]
        for bucket in (RECORDINGS, RECORDINGS_UNVERSIONED):
            call_id = _call_id()
            self._invoke("SubmitTranscript", call_ended(call_id, INLINE))
            attach = _attach(call_id, self._object(bucket, f"recordings/{call_id}.wav"))
            outcomes.append(self._outcome("AttachRecording", call_id, attach))
        return outcomes

    def _outcome(self, function: str, call_id: str, sent: Event) -> Outcome:
        answer = self._invoke(function, sent)
        found = self._dynamodb.get_item(
            TableName=self._table, Key={"external_conversation_id": {"S": call_id}}, ConsistentRead=True
        )
        item = plain(found.get("Item", {}))
        return answer, item.get("state", ""), item.get("recording_state", ""), reason_of(item)

    def _transcript(self, call_id: str) -> str:
        key = f"transcripts/{call_id}.json"
        self._s3.put_object(Bucket=TRANSCRIPTS, Key=key, Body=json.dumps({"messages": WORDS}).encode())
        return key

    def _object(self, bucket: str, key: str, tag: str = "") -> Event:
        content = (AUDIO / SPEECH).read_bytes()
        tagging = f"external_conversation_id={tag}" if tag else ""
        put = self._s3.put_object(Bucket=bucket, Key=key, Body=content, Tagging=tagging)
        told = {
            "key": key,
            "size": len(content),
            "etag": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "sequencer": "01",
        }
        version = {"version-id": put["VersionId"]} if bucket == RECORDINGS else {}
        created = event("Object Created", {"bucket": {"name": bucket}, "object": told | version})
        return {**created, "source": "aws.s3"}


WORDS = facts(SPEECH)["transcript"]
INLINE = {"status": "inline", "messages": WORDS}


def call_ended(call_id: str, transcript: Event) -> dict[str, Any]:
    """A `Call Ended` event of just now."""
    now = datetime.now(UTC).isoformat()
    detail = {"schema_version": "1", "external_conversation_id": call_id, "started_at": now}
    return event("Call Ended", {**detail, "transcript": transcript})


def event(detail_type: str, detail: Event) -> dict[str, Any]:
    """An event as EventBridge delivers it."""
    return {
        "source": "probe",
        "detail-type": detail_type,
        "time": datetime.now(UTC).isoformat(),
        "detail": detail,
    }


def _attach(call_id: str, created: Event) -> Event:
    found = object_created(created)
    recording = Recording(
        identity=found.version.key,
        order=found.order,
        created_at=found.created_at,
        state=RecordingState.READY,
        version=found.version,
        size=found.size,
    )
    return relay_messages.to_event(AttachRecording(call_id, recording))


def _call_id() -> str:
    return f"probe-{uuid.uuid4().hex[:12]}"
