"""Composition root: wires the adapters into the use cases, once an execution environment."""

from functools import partial

from coval_relay import observability
from coval_relay.bootstrap.edge import Budget, Handler, handler_of, intake_of
from coval_relay.bootstrap.rules import recording_owner, transcript_owner, translation_of
from coval_relay.bootstrap.sources import (
    coval_of,
    preparing_of,
    recording_places,
    recording_progress,
    recordings_of,
    transcripts_of,
)
from coval_relay.bootstrap.state import (
    aliases_of,
    calls_of,
    fragments_of,
    mailbox_of,
    names_of,
    send_again,
)
from coval_relay.intake import Intake
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


def _submit_transcript(choices: SubmitTranscriptSettings, budget: Budget) -> Intake:
    from coval_relay.services.submit_transcript import SubmitTranscript

    calls, mailbox = calls_of(choices), mailbox_of(choices)
    translation = translation_of(choices, choices.transcript_buckets, choices.transcript_prefixes)
    fragments = fragments_of(choices)
    progress = Progress(
        calls=calls,
        coval=coval_of(choices, budget),
        mailbox=mailbox,
        journal=observability.journal,
        max_payload_bytes=choices.max_payload_bytes,
        oversize=choices.oversize_transcript,
        transcripts=transcripts_of(choices, translation, fragments, budget),
    )
    service = SubmitTranscript(
        calls=calls,
        owner=transcript_owner(choices, translation),
        names=names_of(choices, calls),
        fragments=fragments,
        progress=progress,
        mailbox=mailbox,
        journal=observability.journal,
    )
    return intake_of(choices, calls, service, translation)


def _upload_recording(choices: UploadRecordingSettings, budget: Budget) -> Intake:
    from coval_relay.services.upload_recording import UploadRecording

    calls, coval, mailbox = calls_of(choices), coval_of(choices, budget), mailbox_of(choices)
    translation, source = translation_of(choices), recordings_of(choices)
    service = UploadRecording(
        calls=calls,
        owner=recording_owner(choices, translation, source),
        names=names_of(choices, calls),
        preparing=preparing_of(choices, source, budget),
        coval=coval,
        progress=recording_progress(calls, coval, mailbox, source),
        mailbox=mailbox,
        journal=observability.journal,
    )
    return intake_of(choices, calls, service, translation)


def _attach_recording(choices: AttachRecordingSettings, budget: Budget) -> Intake:
    from coval_relay.services.attach_recording import AttachRecording as Service
    from coval_relay.services.sweep import SweepCalls

    calls, coval, mailbox = calls_of(choices), coval_of(choices, budget), mailbox_of(choices)
    source = recordings_of(choices)
    sweep = SweepCalls(
        calls=calls,
        mailbox=mailbox,
        aliases=aliases_of(choices),
        send_again=partial(send_again, choices),
        parking_seconds=choices.parking_seconds,
        journal=observability.journal,
    )
    service = Service(
        calls=calls,
        places=recording_places(choices),
        source=source,
        coval=coval,
        progress=recording_progress(calls, coval, mailbox, source),
        mailbox=mailbox,
        sweep=sweep,
        journal=observability.journal,
    )
    return intake_of(choices, calls, service, translation_of(choices))
