"""Where words and audio come from, and where they go: Coval, S3, links."""

from functools import cache, partial
from typing import TYPE_CHECKING

from coval_relay.adapters.aws import telemetry
from coval_relay.adapters.aws.secrets import SecretApiKey
from coval_relay.adapters.coval import HttpCovalClient, http_client
from coval_relay.domain.coval import CovalClient
from coval_relay.domain.locations import AllowedLocations, RecordingLocations
from coval_relay.domain.ports import UtteranceStore
from coval_relay.entrypoints.lambda_handler import TimeLeft, clock
from coval_relay.platforms import registry
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.services.calls import Calls
from coval_relay.services.progress import Progress
from coval_relay.services.queues import Queues
from coval_relay.services.transcript_loader import TranscriptLoader
from coval_relay.settings import (
    RecordingAccess,
    Settings,
    SubmitTranscriptSettings,
    UploadRecordingSettings,
)

if TYPE_CHECKING:
    import httpx
    from mypy_boto3_s3 import S3Client

    from coval_relay.adapters.aws.s3_objects import S3RecordingObjects
    from coval_relay.adapters.web.https_reader import HttpsReader
    from coval_relay.domain.ports import TranscriptObjects
    from coval_relay.services.recording_preparer import RecordingPreparer


def coval_of(options: Settings, time_left: TimeLeft) -> CovalClient:
    return HttpCovalClient(
        base_url=options.coval_base_url,
        path_family=options.coval_path_family,
        api_key=SecretApiKey(options.coval_api_key_secret_arn),
        timeout_seconds=options.coval_timeout_seconds,
        time_left=time_left,
        http=http(),
    )


@cache
def http() -> "httpx.Client":
    """One for all hosts: a TLS context takes a fifth of a second to make."""
    return http_client()


@cache
def _s3() -> "S3Client":
    from coval_relay.adapters.aws.s3_objects import s3_client

    return s3_client()


# --- transcripts -------------------------------------------------------------------------------------


class LazyTranscriptObjects:
    """Transcripts in S3; its client is made for the first one, not at every cold start."""

    def __init__(self, bucket_owner: str, locations: AllowedLocations) -> None:
        self._bucket_owner = bucket_owner
        self._locations = locations
        self._documents: TranscriptObjects | None = None

    def fetch(self, bucket: str, key: str, max_bytes: int) -> bytes:
        if self._documents is None:
            from coval_relay.adapters.aws.s3_objects import S3TranscriptObjects

            self._documents = S3TranscriptObjects(_s3(), self._bucket_owner, self._locations)
        return self._documents.fetch(bucket, key, max_bytes)


def transcripts_of(
    options: SubmitTranscriptSettings,
    platform_options: PlatformOptions,
    utterances: UtteranceStore,
    time_left: TimeLeft,
) -> TranscriptLoader:
    from coval_relay.adapters.web.transcript_urls import HttpsTranscriptUrls

    locations = AllowedLocations(
        "configured transcript", options.transcript_buckets, options.transcript_prefixes
    )
    return TranscriptLoader(
        transcript_objects=LazyTranscriptObjects(options.bucket_owner, locations),
        web=HttpsTranscriptUrls(_https_reader(options, options.transcript_url_hosts, time_left)),
        utterances=utterances,
        parse=partial(registry.parse_transcript, options=platform_options),
        next_page=registry.next_page,
        clock=clock,
        settling_seconds=options.settling_seconds,
    )


def _https_reader(options: Settings, hosts: tuple[str, ...], time_left: TimeLeft) -> "HttpsReader":
    from coval_relay.adapters.web.https_reader import HttpsReader
    from coval_relay.adapters.web.platform_credentials import PlatformCredentials

    credentials = PlatformCredentials(options.platform_credentials_secret_arn)
    return HttpsReader(hosts=frozenset(hosts), credentials=credentials, time_left=time_left, http=http())


# --- recordings --------------------------------------------------------------------------------------


def recordings_of(options: RecordingAccess) -> "S3RecordingObjects":
    from coval_relay.adapters.aws.s3_objects import S3RecordingObjects

    return S3RecordingObjects(_s3(), options.bucket_owner, recording_locations(options))


def recording_locations(options: RecordingAccess) -> RecordingLocations:
    return RecordingLocations(
        recordings=AllowedLocations(
            "configured recording", options.recording_buckets, options.recording_prefixes
        ),
        copies=AllowedLocations("stack's own", (options.staging_bucket,)),
    )


def preparer_of(
    options: UploadRecordingSettings, source: "S3RecordingObjects", time_left: TimeLeft
) -> "RecordingPreparer":
    from coval_relay.adapters.audio import PyAvConverter
    from coval_relay.adapters.aws.s3_staging import S3Staging
    from coval_relay.adapters.web.recording_urls import HttpsRecordingUrls
    from coval_relay.services.recording_preparer import RecordingPreparer

    return RecordingPreparer(
        source=source,
        urls=HttpsRecordingUrls(_https_reader(options, options.recording_url_hosts, time_left)),
        staging=S3Staging(_s3(), options.staging_bucket, options.bucket_owner),
        convert=PyAvConverter(),
    )


def recording_progress(
    calls: Calls, coval: CovalClient, queues: Queues, source: "S3RecordingObjects"
) -> Progress:
    """Submits without text, so the payload is small."""
    return Progress(
        calls=calls,
        coval=coval,
        queues=queues,
        telemetry=telemetry.report,
        max_payload_bytes=262_144,
        oversize="reject",
        source=source,
    )
