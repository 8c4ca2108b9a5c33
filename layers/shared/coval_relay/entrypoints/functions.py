"""The handlers of the three queues' functions; that of webhooks is in webhook_door.py."""

from coval_relay.configuration.document import Configuration
from coval_relay.entrypoints import composition
from coval_relay.entrypoints.aws_adapters import RecordingAdapters, TranscriptAdapters
from coval_relay.entrypoints.consumer import Consumer
from coval_relay.entrypoints.lambda_handler import Handler, TimeLeft, handler_of
from coval_relay.settings import (
    AttachRecordingSettings,
    SubmitTranscriptSettings,
    UploadRecordingSettings,
)


def submit_transcript() -> Handler:
    """The handler of call-end events."""

    def build(settings: SubmitTranscriptSettings, configuration: Configuration, time_left: TimeLeft) -> Consumer:
        return composition.submit_transcript(
            settings, configuration, TranscriptAdapters(settings, configuration, time_left)
        )

    return handler_of(SubmitTranscriptSettings, build)


def upload_recording() -> Handler:
    """The handler of recording objects."""

    def build(settings: UploadRecordingSettings, configuration: Configuration, time_left: TimeLeft) -> Consumer:
        return composition.upload_recording(
            settings, configuration, RecordingAdapters(settings, configuration, time_left)
        )

    return handler_of(UploadRecordingSettings, build)


def attach_recording() -> Handler:
    """The handler of late recordings, and of the sweep."""

    def build(settings: AttachRecordingSettings, configuration: Configuration, time_left: TimeLeft) -> Consumer:
        return composition.attach_recording(
            settings, configuration, RecordingAdapters(settings, configuration, time_left)
        )

    return handler_of(AttachRecordingSettings, build)
