"""Where words and audio come from, and where they go: Coval, S3, links."""

from functools import cache, partial
from typing import TYPE_CHECKING

from coval_relay import observability
from coval_relay.adapters.coval import HttpCovalClient, http_client
from coval_relay.adapters.secrets import SecretApiKey
from coval_relay.bootstrap.edge import Budget, clock
from coval_relay.domain.coval import CovalClient
from coval_relay.domain.places import Places, RecordingPlaces
from coval_relay.domain.ports import Fragments
from coval_relay.platforms import registry
from coval_relay.platforms.platform import Choices
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import Mailbox
from coval_relay.services.progress import Progress
from coval_relay.services.transcripts import TranscriptFiles
from coval_relay.settings import (
    RecordingAccess,
    Settings,
    SubmitTranscriptSettings,
    UploadRecordingSettings,
)

if TYPE_CHECKING:
    import httpx
    from mypy_boto3_s3 import S3Client

    from coval_relay.adapters.https_get import HttpsGet
    from coval_relay.adapters.s3 import S3Recordings
    from coval_relay.domain.ports import Documents
    from coval_relay.services.preparing import Preparing


def coval_of(choices: Settings, budget: Budget) -> CovalClient:
    return HttpCovalClient(
        base_url=choices.coval_base_url,
        path_family=choices.coval_path_family,
        api_key=SecretApiKey(choices.coval_api_key_secret_arn),
        timeout_seconds=choices.coval_timeout_seconds,
        budget=budget,
        http=http(),
    )


@cache
def http() -> "httpx.Client":
    """One for all hosts: a TLS context takes a fifth of a second to make."""
    return http_client()


@cache
def _s3() -> "S3Client":
    from coval_relay.adapters.s3 import s3_client

    return s3_client()


# --- transcripts -------------------------------------------------------------------------------------


class LazyDocuments:
    """Transcripts in S3; its client is made for the first one, not at every cold start."""

    def __init__(self, bucket_owner: str, places: Places) -> None:
        self._bucket_owner = bucket_owner
        self._places = places
        self._documents: Documents | None = None

    def read(self, bucket: str, key: str, max_bytes: int) -> bytes:
        if self._documents is None:
            from coval_relay.adapters.s3 import S3Documents

            self._documents = S3Documents(_s3(), self._bucket_owner, self._places)
        return self._documents.read(bucket, key, max_bytes)


def transcripts_of(
    choices: SubmitTranscriptSettings, translation: Choices, fragments: Fragments, budget: Budget
) -> TranscriptFiles:
    from coval_relay.adapters.documents import HttpsDocuments

    places = Places("configured transcript", choices.transcript_buckets, choices.transcript_prefixes)
    return TranscriptFiles(
        documents=LazyDocuments(choices.bucket_owner, places),
        web=HttpsDocuments(_https_get(choices, choices.transcript_url_hosts, budget)),
        fragments=fragments,
        parse=partial(registry.parse_transcript, choices=translation),
        next_page=registry.next_page,
        clock=clock,
        settle_seconds=choices.settle_seconds,
    )


def _https_get(choices: Settings, hosts: tuple[str, ...], budget: Budget) -> "HttpsGet":
    from coval_relay.adapters.credentials import PlatformCredentials
    from coval_relay.adapters.https_get import HttpsGet

    credentials = PlatformCredentials(choices.platform_credentials_secret_arn)
    return HttpsGet(hosts=frozenset(hosts), credentials=credentials, budget=budget, http=http())


# --- recordings --------------------------------------------------------------------------------------


def recordings_of(choices: RecordingAccess) -> "S3Recordings":
    from coval_relay.adapters.s3 import S3Recordings

    return S3Recordings(_s3(), choices.bucket_owner, recording_places(choices))


def recording_places(choices: RecordingAccess) -> RecordingPlaces:
    return RecordingPlaces(
        recordings=Places("configured recording", choices.recording_buckets, choices.recording_prefixes),
        copies=Places("stack's own", (choices.staging_bucket,)),
    )


def preparing_of(choices: UploadRecordingSettings, source: "S3Recordings", budget: Budget) -> "Preparing":
    from coval_relay.adapters.conversion import PyAvConversion
    from coval_relay.adapters.links import HttpsLinks
    from coval_relay.adapters.staging import S3Staging
    from coval_relay.services.preparing import Preparing

    return Preparing(
        source=source,
        links=HttpsLinks(_https_get(choices, choices.recording_url_hosts, budget)),
        staging=S3Staging(_s3(), choices.staging_bucket, choices.bucket_owner),
        convert=PyAvConversion(),
    )


def recording_progress(
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
        source=source,
    )
