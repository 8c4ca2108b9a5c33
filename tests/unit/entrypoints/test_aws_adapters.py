"""The real adapters take from the settings what they need of them."""

from coval_relay.configuration.document import Configuration
from coval_relay.entrypoints.aws_adapters import RecordingAdapters, TranscriptAdapters
from coval_relay.settings import SubmitTranscriptSettings, UploadRecordingSettings, parse
from tests.support.environment_variables import COMMON, RECORDINGS

OWNERS = {"b-bucket": "444455556666"}
ENVIRONMENT = {**COMMON, **RECORDINGS}
CONFIGURATION = Configuration(bucket_owners=OWNERS)


def test_buckets_are_read_as_their_owners() -> None:
    recordings = RecordingAdapters(parse(UploadRecordingSettings, ENVIRONMENT), CONFIGURATION, lambda: 60.0).recordings
    transcripts = TranscriptAdapters(
        parse(SubmitTranscriptSettings, ENVIRONMENT), CONFIGURATION, lambda: 60.0
    ).transcript_objects
    for reader in (recordings, transcripts):
        assert (reader.bucket_owner, reader.bucket_owners) == ("111122223333", OWNERS)
