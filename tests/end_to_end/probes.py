"""Bare events for single functions, and what came of them: between them they need every permission."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3

from coval_relay.adapters.aws import queue_messages, webhook_messages
from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_calls import CALL, DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.adapters.aws.s3_events import object_created
from coval_relay.domain import lifecycle
from coval_relay.domain.call import Recording, RecordingState, TranscriptPointer
from coval_relay.domain.call_aliases import Alias, PendingMessage, QueueName, object_alias
from coval_relay.domain.lifecycle import Attempt
from coval_relay.domain.messages import Resume
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.domain.webhooks.stored_webhook import StoredWebhook
from coval_relay.services.upload_recording import identity_of
from local.demo.audio_comparison import AUDIO
from local.demo.steps import facts
from local.demo.watcher import reason_of
from local.stack.parameters import MEDIA, RECORDINGS, RECORDINGS_UNVERSIONED, TRANSCRIPTS
from local.stack.server_processes import wait_until
from local.stack.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client

SPEECH = "mono-pcm-8khz.wav"
SPOKEN = (AUDIO / SPEECH).read_bytes()
Event = Mapping[str, Any]
Invoke = Callable[[str, Event], str]
"""Gives a function an event; the answer in words."""
SUBMIT, UPLOAD, ATTACH = FUNCTIONS = ("SubmitTranscript", "UploadRecording", "AttachRecording")
BESIDE_THE_PREFIXES = "beside the prefixes"
DONE = '{"batchItemFailures": []}'
FAILED = "failed"
"""A bare event never waits: what would have to is an error of the function."""
SWEEP = {"source": "coval.relay", "detail-type": "Sweep"}
MOST_SECONDS, PENDING_SECONDS = 180, 86_400


class Outcome(NamedTuple):
    """The answer, what the call's item says, and how many messages were left pending under its alias."""

    answer: str = DONE
    state: str = ""
    recording: str = ""
    reason: str = ""
    left: int = 0


ATTACHED = Outcome(state="SUBMITTED", recording="ATTACHED")
SUBMITTED = Outcome(state="SUBMITTED")
UPLOADED = Outcome(state="NEW", recording="UPLOADED")
EXPECTED: Mapping[str, Mapping[str, Outcome]] = {
    SUBMIT: {
        "without an id": Outcome(),
        "from its queue": Outcome(),
        "inline": SUBMITTED,
        "by reference": SUBMITTED,
        "at a link": SUBMITTED,
        "by its key": Outcome(state="NEW"),
        "taken up again": SUBMITTED,
        "under its alias": SUBMITTED,
        "a webhook in S3": SUBMITTED,
        BESIDE_THE_PREFIXES: Outcome(FAILED, state="WAITING"),
    },
    UPLOAD: {
        "beside the place": Outcome(),
        "named by a sidecar": Outcome(),
        "from its queue": Outcome(),
        "versioned": UPLOADED,
        "unversioned": UPLOADED,
        "tagged": UPLOADED,
        "tagged, unversioned": UPLOADED,
        "by the operator's rule": UPLOADED,
        "at a link": UPLOADED,
        "converted": UPLOADED,
        BESIDE_THE_PREFIXES: Outcome(state="NEW", recording="READY"),
    },
    ATTACH: {
        "without an id": Outcome(),
        "from its queue": Outcome(),
        "sweep": Outcome(),
        "sweep of a bound alias": Outcome(),
        "sweep of a due call": Outcome(state="NEW"),
        "versioned": ATTACHED,
        "prepared": ATTACHED,
        BESIDE_THE_PREFIXES: Outcome(state="SUBMITTED", recording="ATTACHING"),
    },
}
"""By function and probe; what lies beside the prefixes the roles deny where the code does not."""
REJECTED_BY_THE_CODE: Mapping[str, Outcome] = {
    SUBMIT: Outcome(state="NEW"),
    UPLOAD: Outcome(state="NEW", recording="READY"),
    ATTACH: Outcome(state="SUBMITTED", recording="ATTACHING"),
}


class Probes:
    """Sends events to the functions, each about a call of its own."""

    def __init__(self, stack: Stack, invoke: Invoke) -> None:
        self._table = Table(boto3.client("dynamodb"), stack.table, lambda: int(time.time()), retention_days=1)
        self._aliases = DynamoDbAliases(self._table, PENDING_SECONDS)
        self._staging = stack.staging_bucket
        self._web = stack.aws_url
        self._webhooks = stack.outputs["WebhookBucketName"]
        self._invoke = invoke
        self._s3: S3Client = boto3.client("s3")
        self.waiting: list[str] = []
        """Calls whose transcript could not be read: their messages come again and again."""

    def outcome(self, function: str, probe: str, hoped: Outcome | None = None) -> Outcome:
        """Play one probe, again where it does not end as is hoped: AWS was busy, and a bare event never waits."""
        call_id = f"probe-{uuid.uuid4().hex[:12]}"
        make = {SUBMIT: self._of_submit, UPLOAD: self._of_upload, ATTACH: self._of_attach}[function]
        sent = self._sent(make, probe, call_id)
        ended = self._ended(self._invoke(function, sent), call_id)
        until = time.monotonic() + MOST_SECONDS
        while hoped and ended != hoped and time.monotonic() < until:
            ended = self._ended(self._invoke(function, sent), call_id)
        if ended.state == "WAITING":
            self.waiting.append(call_id)
        return ended

    def _ended(self, answer: str, call_id: str) -> Outcome:
        item, left = self._item(call_id), len(self._aliases.waiting(_alias(call_id)))
        return Outcome(answer, item.get("state", ""), item.get("recording_state", ""), reason_of(item), left)

    def _item(self, call_id: str) -> Event:
        return self._table.get(call_id, CALL)

    def _pending(self, call_id: str, since: int, queue: QueueName = "call_end") -> Alias:
        """An alias of a call, and under it a message that does nothing when it is sent on."""
        again = queue_messages.to_text(Resume(call_id))
        self._aliases.add_pending(_alias(call_id), PendingMessage(call_id, queue, again, since))
        return _alias(call_id)

    # --- the events ----------------------------------------------------------------------------------

    def _sent(self, make: Callable[[str, str], Event], probe: str, call_id: str) -> Event:
        """In its queue's message, with a receipt that is none: the function may ask to hide it all the same."""
        if probe != "from its queue":
            return make(probe, call_id)
        body = json.dumps(event("Call Ended", {"schema_version": "1"}))
        record = {"messageId": call_id, "receiptHandle": "none", "body": body, "attributes": {}}
        return {"Records": [{**record, "eventSource": "aws:sqs"}]}

    def _of_submit(self, probe: str, call_id: str) -> Event:
        key = f"transcripts/{call_id}.json"
        make: dict[str, Callable[[], Event]] = {
            "without an id": lambda: event("Call Ended", {"schema_version": "1"}),
            "inline": lambda: call_ended(call_id, INLINE),
            "by reference": lambda: self._referred(call_id, "s3:/", TRANSCRIPTS, key),
            "at a link": lambda: self._referred(call_id, self._web, MEDIA, key),
            "by its key": lambda: self._created(TRANSCRIPTS, key, TRANSCRIPT),
            "taken up again": lambda: self._taken_up(call_id),
            "under its alias": lambda: self._named(call_id),
            "a webhook in S3": lambda: self._webhook(call_id),
            BESIDE_THE_PREFIXES: lambda: self._referred(call_id, "s3:/", TRANSCRIPTS, f"else/{call_id}"),
        }
        return make[probe]()

    def _referred(self, call_id: str, host: str, bucket: str, key: str) -> Event:
        self._s3.put_object(Bucket=bucket, Key=key, Body=TRANSCRIPT)
        reference = {"uri": f"{host}/{bucket}/{key}", "format": "canonical_v1"}
        return call_ended(call_id, {"status": "reference", "reference": reference})

    def _named(self, call_id: str) -> Event:
        alias = self._pending(call_id, int(time.time()), "recording")
        return call_ended(call_id, INLINE, aliases=[{"type": alias.type, "value": alias.value}])

    def _webhook(self, call_id: str) -> Event:
        """Too large for a queue, as the door leaves it."""
        detail = {**call_ended(call_id, INLINE)["detail"], "unknown": "x" * webhook_messages.MAX_MESSAGE_BYTES}
        webhook = StoredWebhook(
            platform="canonical",
            label="",
            event_type="Call Ended",
            arrived_at=datetime.now(UTC).timestamp(),
            is_form=False,
            body=json.dumps({"data": detail}).encode(),
        )

        def put(name: str, body: bytes) -> None:
            self._s3.put_object(Bucket=self._webhooks, Key=name, Body=body)

        stored: Event = json.loads(webhook_messages.to_text(webhook, put))
        return stored

    def _taken_up(self, call_id: str) -> Event:
        self._submit(call_id)
        return queue_messages.to_event(Resume(call_id))

    def _of_upload(self, probe: str, call_id: str) -> Event:
        key, foreign = f"recordings/{call_id}", (AUDIO / "not-accepted.ogg").read_bytes()
        make: dict[str, Callable[[], Event]] = {
            "beside the place": lambda: self._created(RECORDINGS, f"else/{call_id}.wav"),
            "named by a sidecar": lambda: self._sidecar(call_id),
            "versioned": lambda: self._created(RECORDINGS, f"{key}.wav"),
            "unversioned": lambda: self._created(RECORDINGS_UNVERSIONED, f"{key}.wav"),
            "tagged": lambda: self._created(RECORDINGS, f"{key}.tagged", tag=call_id),
            "tagged, unversioned": lambda: self._created(RECORDINGS_UNVERSIONED, f"{key}.tagged", tag=call_id),
            "by the operator's rule": lambda: self._created(RECORDINGS, f"recordings/own/{call_id}/a.wav"),
            "at a link": lambda: self._linked(call_id, key),
            "converted": lambda: self._created(RECORDINGS, f"{key}.ogg", foreign),
            BESIDE_THE_PREFIXES: lambda: self._held(call_id, self._recording(f"else/{call_id}.wav")),
        }
        return make[probe]()

    def _sidecar(self, call_id: str) -> Event:
        alias = self._pending(call_id, int(time.time()))
        beside = f"{alias.value.partition('/')[2]}.json"
        return self._created(RECORDINGS, beside, json.dumps({"external_conversation_id": call_id}).encode())

    def _linked(self, call_id: str, key: str) -> Event:
        self._s3.put_object(Bucket=MEDIA, Key=key, Body=SPOKEN)
        recording = {"uri": f"{self._web}/{MEDIA}/{key}"}
        detail = {"schema_version": "1", "external_conversation_id": call_id, "recording": recording}
        return event("Recording Ready", detail)

    def _recording(self, key: str) -> Recording:
        return _looked_at(self._created(RECORDINGS, key))

    def _held(self, call_id: str, recording: Recording) -> Event:
        """A call whose item has a recording already."""
        now = int(time.time())
        calls = DynamoDbCalls(self._table)
        seen = calls.get(call_id)
        calls.save(seen, lifecycle.recording_arrived(seen, recording, Attempt("probe", now, now)).call)
        return queue_messages.to_event(Resume(call_id))

    def _due(self, call_id: str) -> None:
        """A call that the sweep sends on, and that whoever gets it leaves as it is."""
        now = int(time.time())
        text = TranscriptPointer(bucket=TRANSCRIPTS, key=call_id, format="canonical_v1", stored_at=now)
        calls = DynamoDbCalls(self._table)
        seen = calls.get(call_id)
        calls.save(seen, replace(seen, transcript=text, created_at=now, held_until=now + PENDING_SECONDS, due_at=now))

    def _of_attach(self, probe: str, call_id: str) -> Event:
        match probe:
            case "without an id":
                return event("Recording Ready", {"schema_version": "1"})
            case "sweep":
                return SWEEP
            case "sweep of a bound alias":
                self._aliases.bind(self._pending(call_id, 0), call_id)
                return SWEEP
            case "sweep of a due call":
                self._due(call_id)
                return SWEEP
        folder = "else" if probe == BESIDE_THE_PREFIXES else "recordings"
        recording = self._recording(f"{folder}/{call_id}.wav")
        if probe == "prepared":
            recording = replace(recording, prepared=self._copy(call_id))
        self._submit(call_id)
        return self._held(call_id, recording)

    def _submit(self, call_id: str) -> None:
        """Where AWS was busy the message comes again by itself, and to send it twice is harmless."""
        ended = call_ended(call_id, INLINE)

        def submitted() -> bool:
            self._invoke(SUBMIT, ended)
            return self._item(call_id).get("state") == "SUBMITTED"

        assert wait_until(submitted, MOST_SECONDS), f"{call_id} is not submitted"

    # --- the objects ---------------------------------------------------------------------------------

    def _copy(self, call_id: str) -> ObjectVersion:
        """As the function of the recordings leaves one."""
        key = f"prepared/{call_id}"
        put = self._s3.put_object(Bucket=self._staging, Key=key, Body=SPOKEN)
        return ObjectVersion(self._staging, key, put["ETag"].strip('"'))

    def _created(self, bucket: str, key: str, content: bytes = SPOKEN, tag: str = "") -> Event:
        tagging = f"external_conversation_id={tag}" if tag else ""
        put = self._s3.put_object(Bucket=bucket, Key=key, Body=content, Tagging=tagging)
        described = {"key": key, "size": len(content), "etag": put["ETag"].strip('"'), "sequencer": "01"}
        version = {} if bucket == RECORDINGS_UNVERSIONED else {"version-id": put["VersionId"]}
        created = event("Object Created", {"bucket": {"name": bucket}, "object": described | version})
        return {**created, "source": "aws.s3"}


def _alias(call_id: str) -> Alias:
    """The place of an object that has only this name."""
    return object_alias(RECORDINGS, f"recordings/named/{call_id}.wav")


@contextmanager
def rules_silenced(stack: Stack) -> Iterator[None]:
    """No rule sends the objects' events to the deployed functions: only the probes' own invocations are judged."""
    events: EventBridgeClient = boto3.client("events")
    name, _, _ = stack.outputs["SubmitTranscriptFunctionName"].partition("-SubmitTranscriptFunction")
    rules = [rule["Name"] for rule in events.list_rules(NamePrefix=f"{name}-")["Rules"]]
    for rule in rules:
        events.disable_rule(Name=rule)
    try:
        yield
    finally:
        for rule in rules:
            events.enable_rule(Name=rule)


WORDS = facts(SPEECH)["transcript"]
TRANSCRIPT = json.dumps({"messages": WORDS}).encode()
INLINE = {"status": "inline", "messages": WORDS}


def call_ended(call_id: str, transcript: Event, **more: Any) -> dict[str, Any]:
    """A `Call Ended` event of just now."""
    now = datetime.now(UTC).isoformat()
    detail = {"schema_version": "1", "external_conversation_id": call_id, "started_at": now}
    return event("Call Ended", {**detail, "transcript": transcript, **more})


def event(detail_type: str, detail: Event) -> dict[str, Any]:
    """An event as EventBridge delivers it."""
    return {
        "source": "probe",
        "detail-type": detail_type,
        "time": datetime.now(UTC).isoformat(),
        "detail": detail,
    }


def _looked_at(created: Event) -> Recording:
    found = object_created(created)
    return Recording(
        identity=identity_of(found.version),
        sort_key=found.sort_key,
        created_at=found.created_at,
        state=RecordingState.READY,
        version=found.version,
        size=found.size,
    )
