"""Composition root: wires the adapters into the use cases, once an execution environment."""

from functools import partial

from coval_relay.adapters.aws import telemetry
from coval_relay.entrypoints.consumer import Consumer
from coval_relay.entrypoints.lambda_handler import Handler, TimeLeft, consumer_of, handler_of
from coval_relay.entrypoints.rules import platform_options_of, recording_matcher, transcript_matcher
from coval_relay.entrypoints.sources import (
    coval_of,
    preparer_of,
    recording_locations,
    recording_progress,
    recordings_of,
    transcripts_of,
)
from coval_relay.entrypoints.state import (
    aliases_of,
    calls_of,
    queues_of,
    resolver_of,
    send_again,
    utterances_of,
)
from coval_relay.services.progress import Progress
from coval_relay.settings import (
    AttachRecordingSettings,
    SubmitTranscriptSettings,
    UploadRecordingSettings,
)


def submit_transcript() -> Handler:
    """The handler of call-end events."""
    return handler_of(SubmitTranscriptSettings, _submit_transcript)


def upload_recording() -> Handler:
    """The handler of recording objects."""
    return handler_of(UploadRecordingSettings, _upload_recording)


def attach_recording() -> Handler:
    """The handler of late recordings, and of the sweep."""
    return handler_of(AttachRecordingSettings, _attach_recording)


def _submit_transcript(options: SubmitTranscriptSettings, time_left: TimeLeft) -> Consumer:
    from coval_relay.services.submit_transcript import SubmitTranscript

    calls, queues = calls_of(options), queues_of(options)
    platform_options = platform_options_of(options, options.transcript_buckets, options.transcript_prefixes)
    utterances = utterances_of(options)
    progress = Progress(
        calls=calls,
        coval=coval_of(options, time_left),
        queues=queues,
        telemetry=telemetry.report,
        max_payload_bytes=options.max_payload_bytes,
        oversize=options.oversize_transcript,
        transcripts=transcripts_of(options, platform_options, utterances, time_left),
    )
    service = SubmitTranscript(
        calls=calls,
        matcher=transcript_matcher(options, platform_options),
        resolver=resolver_of(options, calls),
        utterances=utterances,
        progress=progress,
        queues=queues,
        telemetry=telemetry.report,
    )
    return consumer_of(options, calls, service, platform_options)


def _upload_recording(options: UploadRecordingSettings, time_left: TimeLeft) -> Consumer:
    from coval_relay.services.upload_recording import UploadRecording

    calls, coval, queues = calls_of(options), coval_of(options, time_left), queues_of(options)
    platform_options, source = platform_options_of(options), recordings_of(options)
    service = UploadRecording(
        calls=calls,
        matcher=recording_matcher(options, platform_options, source),
        resolver=resolver_of(options, calls),
        preparer=preparer_of(options, source, time_left),
        coval=coval,
        progress=recording_progress(calls, coval, queues, source),
        queues=queues,
        telemetry=telemetry.report,
    )
    return consumer_of(options, calls, service, platform_options)


def _attach_recording(options: AttachRecordingSettings, time_left: TimeLeft) -> Consumer:
    from coval_relay.services.attach_recording import AttachRecording as Service
    from coval_relay.services.sweep import Sweeper

    calls, coval, queues = calls_of(options), coval_of(options, time_left), queues_of(options)
    source = recordings_of(options)
    sweep = Sweeper(
        calls=calls,
        queues=queues,
        aliases=aliases_of(options),
        send_again=partial(send_again, options),
        pending_seconds=options.pending_seconds,
        telemetry=telemetry.report,
    )
    service = Service(
        calls=calls,
        locations=recording_locations(options),
        source=source,
        coval=coval,
        progress=recording_progress(calls, coval, queues, source),
        queues=queues,
        sweep=sweep,
        telemetry=telemetry.report,
    )
    return consumer_of(options, calls, service, platform_options_of(options))
