"""Composition root: wires the adapters into the use cases, once an execution environment."""

import json
import re
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol

from coval_relay import observability, settings
from coval_relay.adapters import relay_messages, s3_events
from coval_relay.adapters.coval import HttpCovalClient
from coval_relay.adapters.dynamodb import DynamoDbCalls
from coval_relay.adapters.lambda_events import FIRST_SENT
from coval_relay.adapters.secrets import SecretApiKey
from coval_relay.adapters.sqs import SqsQueue
from coval_relay.domain.call import Reason
from coval_relay.domain.coval import CovalClient
from coval_relay.domain.messages import SOURCE, AttachRecording, Message, RecordingFound, Resume
from coval_relay.domain.protocol import Attempt, Deadlines
from coval_relay.intake import Intake, dead_letter_attributes
from coval_relay.platforms import registry
from coval_relay.platforms.canonical import Translation, transcript_document
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import Letter, Mailbox
from coval_relay.services.progress import Outcome, Progress, TranscriptFiles
from coval_relay.settings import (
    AttachRecordingSettings,
    RecordingAccess,
    Settings,
    SubmitTranscriptSettings,
    UploadRecordingSettings,
)

if TYPE_CHECKING:
    from coval_relay.adapters.s3 import S3Recordings
    from coval_relay.domain.ports import Documents
    from coval_relay.services.recording_owner import RecordingOwner

Service = Callable[[Message, Attempt], Outcome]
Handler = Callable[[Any, "LambdaContext"], dict[str, Any]]


class LambdaContext(Protocol):
    """What the handlers use of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def clock() -> int:
    return int(time.time())


# --- the three functions -----------------------------------------------------------------------------


def submit_transcript() -> Handler:
    """The handler of call-end events."""
    return _handler(SubmitTranscriptSettings, _submit_transcript)


def upload_recording() -> Handler:
    """The handler of recording objects."""
    return _handler(UploadRecordingSettings, _upload_recording)


def attach_recording() -> Handler:
    """The handler of late recordings, and of the sweep."""
    return _handler(AttachRecordingSettings, _attach_recording)


class Budget:
    """The time that the running invocation has left, in seconds."""

    def __init__(self) -> None:
        self.remaining: Callable[[], float] = lambda: 0.0

    def __call__(self) -> float:
        return self.remaining()


def _handler(model: type[Settings], build: Callable[[Any, Budget], Intake]) -> Handler:
    @cache
    def intake() -> tuple[Intake, Budget]:
        budget = Budget()
        return build(settings.load(model), budget), budget

    def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
        observability.logger().append_keys(request_id=context.aws_request_id)
        serve, budget = intake()
        budget.remaining = lambda: context.get_remaining_time_in_millis() / 1000
        try:
            return serve(event, budget)
        finally:
            observability.metrics().flush_metrics()

    return handler


def _submit_transcript(choices: SubmitTranscriptSettings, budget: Budget) -> Intake:
    from coval_relay.services.submit_transcript import SubmitTranscript

    calls, coval, mailbox = _calls(choices), _coval(choices, budget), _mailbox(choices)
    progress = Progress(
        calls=calls,
        coval=coval,
        mailbox=mailbox,
        journal=observability.journal,
        max_payload_bytes=choices.max_payload_bytes,
        oversize=choices.oversize_transcript,
        transcripts=TranscriptFiles(documents=LazyDocuments(choices.bucket_owner), parse=transcript_document),
    )
    pattern = re.compile(choices.transcript_key_pattern)
    s3_object = partial(_transcript_event, choices.transcript_buckets, pattern)
    translate = _translator(choices, s3_object, choices.transcript_buckets)
    return _intake(choices, calls, SubmitTranscript(calls, progress, observability.journal), translate)


def _upload_recording(choices: UploadRecordingSettings, budget: Budget) -> Intake:
    from coval_relay.services.upload_recording import UploadRecording

    calls, coval, mailbox = _calls(choices), _coval(choices, budget), _mailbox(choices)
    source = _recordings(choices)
    service = UploadRecording(
        calls=calls,
        source=source,
        owner=_owner(choices, source),
        coval=coval,
        progress=_recording_progress(calls, coval, mailbox, source),
        mailbox=mailbox,
        journal=observability.journal,
    )
    return _intake(choices, calls, service, _translator(choices, s3_events.object_created))


def _attach_recording(choices: AttachRecordingSettings, budget: Budget) -> Intake:
    from coval_relay.services.attach_recording import AttachRecording as Service
    from coval_relay.services.sweep import SweepCalls

    calls, coval, mailbox = _calls(choices), _coval(choices, budget), _mailbox(choices)
    source = _recordings(choices)
    service = Service(
        calls=calls,
        source=source,
        owner=_owner(choices, source),
        coval=coval,
        progress=_recording_progress(calls, coval, mailbox, source),
        mailbox=mailbox,
        sweep=SweepCalls(calls, mailbox, observability.journal),
        journal=observability.journal,
        url_hosts=choices.recording_url_hosts,
    )
    return _intake(choices, calls, service, _translator(choices, s3_events.object_created))


# --- their parts -------------------------------------------------------------------------------------


@cache
def _client(service: str) -> Any:
    import boto3

    return boto3.client(service)


def _calls(choices: Settings) -> Calls:
    deadlines = Deadlines(
        grace=choices.grace_seconds,
        transcript=choices.transcript_deadline_seconds,
        recording=choices.recording_deadline_seconds,
        audit=choices.audit_delay_seconds,
        resume=choices.resume_seconds,
    )
    store = DynamoDbCalls(_client("dynamodb"), choices.table_name, clock, choices.retention_days)
    return Calls(store, clock, deadlines)


def _coval(choices: Settings, budget: Budget) -> CovalClient:
    return HttpCovalClient(
        base_url=choices.coval_base_url,
        path_family=choices.coval_path_family,
        api_key=SecretApiKey(choices.coval_api_key_secret_arn),
        timeout_seconds=choices.coval_timeout_seconds,
        budget=budget,
    )


class LazyDocuments:
    """Transcripts in S3; its client is made for the first one, not at every cold start."""

    def __init__(self, bucket_owner: str) -> None:
        self._bucket_owner = bucket_owner
        self._documents: Documents | None = None

    def read(self, bucket: str, key: str, max_bytes: int) -> bytes:
        if self._documents is None:
            from coval_relay.adapters.s3 import S3Documents, s3_client

            self._documents = S3Documents(s3_client(), self._bucket_owner)
        return self._documents.read(bucket, key, max_bytes)


def _recordings(choices: RecordingAccess) -> "S3Recordings":
    from coval_relay.adapters.s3 import S3Recordings, s3_client

    return S3Recordings(s3_client(), choices.bucket_owner)


def _owner(choices: RecordingAccess, source: "S3Recordings") -> "RecordingOwner":
    from coval_relay.services.recording_owner import RecordingOwner

    pattern = re.compile(choices.recording_key_pattern)
    return RecordingOwner(source, choices.recording_buckets, choices.recording_prefixes, pattern)


def _recording_progress(
    calls: Calls, coval: CovalClient, mailbox: Mailbox, source: "S3Recordings"
) -> Progress:
    """Submits without text, so the payload is small."""
    return Progress(
        calls=calls,
        coval=coval,
        mailbox=mailbox,
        journal=observability.journal,
        max_payload_bytes=262_144,
        oversize="reject",
        presign=source.presign,
    )


def _mailbox(choices: Settings) -> Mailbox:
    return Mailbox(
        call_end=_letter(choices.call_end_queue_url),
        recording=_letter(choices.recording_queue_url),
        attach=_letter(choices.attach_queue_url),
    )


def _letter(queue_url: str) -> Letter:
    def send(message: AttachRecording | RecordingFound | Resume) -> None:
        _queue().send(queue_url, json.dumps(relay_messages.to_event(message)))

    return send


@cache
def _queue() -> SqsQueue:
    return SqsQueue(_client("sqs"))


# --- the edge ----------------------------------------------------------------------------------------


def _translator(
    choices: Settings,
    s3_object: Callable[[Mapping[str, Any]], Message],
    transcript_buckets: tuple[str, ...] = (),
) -> Callable[[Mapping[str, Any]], Message]:
    translation = Translation(
        agent_ids=choices.agent_ids,
        default_agent_id=choices.default_agent_id,
        tags=choices.tags,
        metrics=choices.metrics,
        transcript_buckets=transcript_buckets,
    )

    def translate(event: Mapping[str, Any]) -> Message:
        if event.get("source") == SOURCE:
            return relay_messages.from_event(event)
        if event.get("source") == "aws.s3":
            return s3_object(event)
        return registry.translate(event, translation, clock())

    return translate


def _transcript_event(
    buckets: tuple[str, ...], pattern: re.Pattern[str], event: Mapping[str, Any]
) -> Message:
    return s3_events.transcript_arrived(event, buckets, pattern, clock())


def _intake(
    choices: Settings,
    calls: Calls,
    service: Service,
    translate: Callable[[Mapping[str, Any]], Message],
) -> Intake:
    def again(body: str, delay_seconds: int, first_sent: int) -> None:
        _queue().send(choices.queue_url, body, delay_seconds, {FIRST_SENT: str(first_sent)})

    def dead(body: str, reason: Reason) -> None:
        _queue().send(choices.dead_letter_queue_url, body, attributes=dead_letter_attributes(reason))

    return Intake(
        translate=translate,
        service=service,
        calls=calls,
        own_queue=again,
        dead_letters=dead,
        journal=observability.journal,
        request_seconds=choices.coval_timeout_seconds,
        processing_seconds=choices.coval_processing_seconds,
    )
