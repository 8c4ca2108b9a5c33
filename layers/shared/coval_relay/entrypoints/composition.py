"""Composition root: how the three queues' functions are put together, whatever adapters they are given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from coval_relay.adapters.aws import queue_messages, s3_events, webhook_messages
from coval_relay.configuration.document import Configuration
from coval_relay.domain.allowed_locations import AllowedLocations, RecordingLocations
from coval_relay.domain.call_aliases import PendingMessage, QueueName
from coval_relay.domain.coval import CovalClient
from coval_relay.domain.errors import InvalidInputError, Reason
from coval_relay.domain.lifecycle import Attempt, Deadlines
from coval_relay.domain.log_events import Telemetry
from coval_relay.domain.messages import SOURCE, Message, Reopen, Resume
from coval_relay.domain.object_key_rules import ObjectKind
from coval_relay.domain.ports import (
    Aliases,
    AudioConverter,
    CallStore,
    Clock,
    RecordingUrls,
    RejectedEvents,
    StagingBucket,
    TranscriptObjects,
    TranscriptUrls,
    UtteranceStore,
)
from coval_relay.domain.s3_objects import RecordingObjects
from coval_relay.domain.webhooks.provenance import marked
from coval_relay.entrypoints.consumer import Consumer
from coval_relay.platforms import registry
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.services.action_runner import ActionRunner, Outcome
from coval_relay.services.alias_resolver import AliasResolver
from coval_relay.services.conditional_updates import Calls
from coval_relay.services.function_queues import InternalMessage, Queues, SendMessage
from coval_relay.services.late_submit_audit import Audit
from coval_relay.services.object_matcher import ObjectMatcher
from coval_relay.services.submission import Submission
from coval_relay.settings import RecordingSettings, Settings

if TYPE_CHECKING:
    from coval_relay.settings import (
        AttachRecordingSettings,
        SubmitTranscriptSettings,
        UploadRecordingSettings,
    )

Service = Callable[[Message, Attempt], Outcome]
Translate = Callable[[Mapping[str, Any]], Sequence[Message]]


class Adapters(Protocol):
    """What every function needs of the outside; each part is made when it is first asked for."""

    @property
    def clock(self) -> Clock: ...
    @property
    def chance(self) -> Callable[[], float]: ...
    @property
    def telemetry(self) -> Telemetry: ...
    @property
    def store(self) -> CallStore: ...
    @property
    def aliases(self) -> Aliases: ...
    @property
    def coval(self) -> CovalClient: ...

    def rejected_events(self, queue: QueueName) -> RejectedEvents | None:
        """Where the rejected events of this queue are kept; None where the operator keeps none."""

    def send(self, queue: QueueName, body: str) -> None: ...

    def hide(self, handle: str, seconds: int) -> None:
        """Keep a message of the function's own queue from being received again."""

    def bury(self, body: str, reason: Reason) -> None:
        """Send to the function's own dead-letter queue."""


class TranscriptAdapters(Adapters, Protocol):
    """What submit_transcript needs besides."""

    @property
    def utterances(self) -> UtteranceStore: ...
    @property
    def transcript_objects(self) -> TranscriptObjects: ...
    @property
    def transcript_urls(self) -> TranscriptUrls: ...

    def webhook_body(self, name: str) -> bytes:
        """The body of a webhook that no queue took; raises RetryableError, PermanentError."""


class RecordingAdapters(Adapters, Protocol):
    """What the functions that read recordings need besides."""

    @property
    def recordings(self) -> RecordingObjects: ...


class AttachAdapters(RecordingAdapters, Protocol):
    """What attach_recording needs besides."""

    def backlog(self, queue: QueueName) -> int:
        """About how many messages of a queue wait for a worker; raises RetryableError."""


class UploadAdapters(RecordingAdapters, Protocol):
    """What upload_recording needs besides."""

    @property
    def recording_urls(self) -> RecordingUrls: ...
    @property
    def staging(self) -> StagingBucket: ...
    @property
    def converter(self) -> AudioConverter: ...


# --- the functions -----------------------------------------------------------------------------------


def submit_transcript(
    settings: "SubmitTranscriptSettings", configuration: Configuration, adapters: TranscriptAdapters
) -> Consumer:
    from coval_relay.services.submit_transcript import SubmitTranscript
    from coval_relay.services.transcript_loader import TranscriptLoader

    buckets, prefixes = settings.transcript_buckets, settings.transcript_prefixes
    shared = _Shared("call_end", settings, configuration, adapters, platform_options(configuration, buckets, prefixes))
    loader = TranscriptLoader(
        objects=adapters.transcript_objects,
        urls=adapters.transcript_urls,
        utterances=adapters.utterances,
        parse=partial(registry.parse_transcript, options=shared.options),
        next_page=registry.next_page,
        clock=adapters.clock,
        deadlines=shared.calls.deadlines,
    )
    submission = shared.submission(
        max_payload_bytes=configuration.calls.max_payload_bytes,
        oversize=configuration.calls.oversize_transcript,
        transcripts=loader,
    )
    service = SubmitTranscript(
        calls=shared.calls,
        matcher=shared.matcher("transcript", buckets, prefixes),
        resolver=shared.resolver,
        utterances=adapters.utterances,
        actions=shared.action_runner(submission),
        queues=shared.queues,
        telemetry=adapters.telemetry,
    )
    return shared.consumer(service, webhook_translator(shared.options, adapters))


def upload_recording(
    settings: "UploadRecordingSettings", configuration: Configuration, adapters: UploadAdapters
) -> Consumer:
    from coval_relay.services.recording_preparer import RecordingPreparer
    from coval_relay.services.upload import Upload
    from coval_relay.services.upload_recording import UploadRecording

    shared = _Shared("recording", settings, configuration, adapters, platform_options(configuration))
    preparer = RecordingPreparer(adapters.recordings, adapters.recording_urls, adapters.staging, adapters.converter)
    upload = Upload(calls=shared.calls, preparer=preparer, coval=adapters.coval, telemetry=adapters.telemetry)
    service = UploadRecording(
        calls=shared.calls,
        matcher=shared.matcher(
            "recording",
            settings.recording_buckets,
            settings.recording_prefixes,
            adapters.recordings,
        ),
        resolver=shared.resolver,
        preparer=preparer,
        actions=shared.action_runner(shared.recording_submission(adapters.recordings), upload=upload),
        telemetry=adapters.telemetry,
    )
    return shared.consumer(service)


def attach_recording(
    settings: "AttachRecordingSettings", configuration: Configuration, adapters: AttachAdapters
) -> Consumer:
    from coval_relay.services.attach_recording import AttachRecording
    from coval_relay.services.recording_attachment import Attachment
    from coval_relay.services.sweep import Sweeper

    shared = _Shared("attach", settings, configuration, adapters, platform_options(configuration))
    attachment = Attachment(
        calls=shared.calls,
        coval=adapters.coval,
        recordings=adapters.recordings,
        telemetry=adapters.telemetry,
    )
    sweep = Sweeper(
        calls=shared.calls,
        queues=shared.queues,
        aliases=adapters.aliases,
        coval=adapters.coval,
        backlog=adapters.backlog,
        send_again=shared.send_again,
        telemetry=adapters.telemetry,
    )
    service = AttachRecording(
        calls=shared.calls,
        actions=shared.action_runner(shared.recording_submission(adapters.recordings), attachment=attachment),
        queues=shared.queues,
        sweep=sweep,
        telemetry=adapters.telemetry,
    )
    return shared.consumer(service)


# --- what they share ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shared:
    """The parts that every function is made of; `own_queue` is the one that it consumes, and never sends to."""

    own_queue: QueueName
    settings: Settings
    configuration: Configuration
    adapters: Adapters
    options: PlatformOptions

    @cached_property
    def calls(self) -> Calls:
        waits = self.configuration.deadlines
        deadlines = Deadlines(
            grace=waits.grace_seconds,
            transcript=waits.transcript_seconds,
            recording=waits.recording_seconds,
            audit=waits.audit_seconds,
            resume=waits.resume_seconds,
            settling=waits.settling_seconds,
        )
        return Calls(self.adapters.store, self.adapters.clock, deadlines)

    @cached_property
    def queues(self) -> Queues:
        return Queues(
            call_end=self._sender("call_end"),
            recording=self._sender("recording"),
            attach=self._sender("attach"),
        )

    def _sender(self, queue: QueueName) -> SendMessage:
        if queue == self.own_queue:
            return self._leave_to_sweep

        def send(message: InternalMessage) -> None:
            self.adapters.send(queue, queue_messages.to_text(message))

        return send

    def _leave_to_sweep(self, message: InternalMessage) -> None:
        assert isinstance(message, Resume)  # nothing else is for the function that sends it
        self.calls.leave_to_sweep(message.external_conversation_id)

    def send_again(self, pending: PendingMessage) -> None:
        self.adapters.send(pending.queue, pending.event)

    @property
    def resolver(self) -> AliasResolver:
        return AliasResolver(
            aliases=self.adapters.aliases,
            calls=self.calls,
            own_queue=self.own_queue,
            send_again=self.send_again,
            to_event=queue_messages.to_text,
            from_event=queue_messages.from_text,
            telemetry=self.adapters.telemetry,
        )

    def submission(self, **parts: Any) -> Submission:
        return Submission(calls=self.calls, coval=self.adapters.coval, telemetry=self.adapters.telemetry, **parts)

    def recording_submission(self, recordings: RecordingObjects) -> Submission:
        """Submits without a transcript, so the payload is small."""
        return self.submission(max_payload_bytes=262_144, oversize="reject", recordings=recordings)

    def action_runner(self, submission: Submission, **parts: Any) -> ActionRunner:
        audit = Audit(
            calls=self.calls,
            coval=self.adapters.coval,
            submission=submission,
            telemetry=self.adapters.telemetry,
        )
        return ActionRunner(calls=self.calls, queues=self.queues, submission=submission, audit=audit, **parts)

    def matcher(
        self,
        kind: ObjectKind,
        buckets: tuple[str, ...],
        prefixes: tuple[str, ...],
        recordings: RecordingObjects | None = None,
    ) -> ObjectMatcher:
        registry.check_names(self.settings.platforms)
        own = tuple(rule.key_rule() for rule in self.configuration.key_rules)
        rules = cache(
            lambda: registry.key_rule_set(self.settings.platforms, self.options, own, self.configuration.ignored_keys)
        )
        return ObjectMatcher(
            kind=kind,
            key_rule_set=rules,
            buckets=buckets,
            prefixes=prefixes,
            clock=self.adapters.clock,
            sidecar_seconds=self.configuration.deadlines.settling_seconds,
            source=recordings,
        )

    def consumer(self, service: Service, translate: Translate | None = None) -> Consumer:
        return Consumer(
            translate=translate or translator(self.options, self.adapters.clock),
            service=service,
            calls=self.calls,
            coval=self.adapters.coval,
            hide=self.adapters.hide,
            dead_letters=self.adapters.bury,
            rejected_events=self.adapters.rejected_events(self.own_queue),
            telemetry=self.adapters.telemetry,
            chance=self.adapters.chance,
            request_seconds=self.configuration.coval.timeout_seconds,
            processing_seconds=self.configuration.coval.processing_seconds,
        )


def platform_options(
    configuration: Configuration,
    transcript_buckets: tuple[str, ...] = (),
    transcript_prefixes: tuple[str, ...] = ("",),
) -> PlatformOptions:
    calls, platforms = configuration.calls, configuration.platforms
    return PlatformOptions(
        agent_ids=calls.agent_ids,
        default_agent_id=calls.default_agent_id,
        tags=calls.tags,
        metrics=calls.metrics,
        transcript_buckets=transcript_buckets,
        transcript_prefixes=transcript_prefixes,
        transcript_hosts=configuration.links.transcript_hosts,
        recording_hosts=configuration.links.recording_hosts,
        agent_channels={
            name: options.agent_channel for name, options in platforms.items() if options.agent_channel is not None
        },
        separate_transcripts=tuple(name for name, options in platforms.items() if options.separate_transcripts),
        redacted=calls.redaction == "redacted",
        estimated_times=calls.estimated_times,
    )


COPIES = ("prepared/", "fetched/")
"""Where the copies of recordings lie in the staging bucket: what lies beside them is never read."""


def recording_locations(settings: RecordingSettings) -> RecordingLocations:
    return RecordingLocations(
        recordings=AllowedLocations("configured recording", settings.recording_buckets, settings.recording_prefixes),
        copies=AllowedLocations("stack's own", (settings.staging_bucket,), COPIES),
    )


def translator(options: PlatformOptions, clock: Clock) -> Translate:
    """What an event of any source means."""

    def translate(event: Mapping[str, Any]) -> Sequence[Message]:
        if event.get("source") == SOURCE:
            message = queue_messages.from_event(event)
            follows = translate(message.event) if isinstance(message, Reopen) and message.event else ()
            return (message, *follows)
        if event.get("source") == "aws.s3":
            created = event.get("detail-type") == s3_events.CREATED_EVENT
            return (s3_events.object_created(event),) if created else ()
        return registry.translate(event, options, clock())

    return translate


def webhook_translator(options: PlatformOptions, adapters: TranscriptAdapters) -> Translate:
    """What an event means, or a verified webhook, whose messages say so."""
    translate = translator(options, adapters.clock)

    def translate_either(event: Mapping[str, Any]) -> Sequence[Message]:
        if webhook_messages.NAME not in event:
            return translate(event)
        webhook = webhook_messages.from_message(event, adapters.webhook_body)
        if registry.platform_of(webhook.event_type) != webhook.platform:
            raise InvalidInputError("webhook.type", "is not one of its platform's events")
        events = webhook_messages.events_of(webhook)
        return [marked(message, webhook.provenance) for one in events for message in translate(one)]

    return translate_either
