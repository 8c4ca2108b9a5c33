"""The real adapters, as the settings name them: each is imported and made when it is first asked for."""

import random
import time
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from coval_relay.adapters.aws import telemetry
from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.adapters.aws.secrets import SecretApiKey
from coval_relay.adapters.aws.sqs import MAX_MESSAGE_BYTES, NO_ATTRIBUTES, SqsQueue
from coval_relay.adapters.coval import Gate, HttpCovalClient, http_client
from coval_relay.configuration.current import CurrentConfiguration
from coval_relay.configuration.document import Configuration
from coval_relay.domain.allowed_locations import AllowedLocations
from coval_relay.domain.call_aliases import QueueName
from coval_relay.domain.errors import Reason
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.ports import RejectedEvents
from coval_relay.entrypoints.composition import recording_locations
from coval_relay.entrypoints.consumer import dead_letter_attributes
from coval_relay.settings import RecordingSettings, Settings, SubmitTranscriptSettings

if TYPE_CHECKING:
    import httpx
    from mypy_boto3_s3 import S3Client

    from coval_relay.adapters.audio import PyAvConverter
    from coval_relay.adapters.aws.dynamodb_utterances import DynamoDbUtterances
    from coval_relay.adapters.aws.s3_objects import S3RecordingObjects, S3TranscriptObjects
    from coval_relay.adapters.aws.s3_staging import S3Staging
    from coval_relay.adapters.web.https_reader import HttpsReader
    from coval_relay.adapters.web.recording_urls import HttpsRecordingUrls
    from coval_relay.adapters.web.transcript_urls import HttpsTranscriptUrls

S = TypeVar("S", bound=Settings)


def clock() -> int:
    return int(time.time())


class AwsAdapters(Generic[S]):
    """What all functions use; `time_left` gives the seconds that the invocation has left."""

    def __init__(self, settings: S, configuration: Configuration, time_left: Callable[[], float]) -> None:
        self.settings = settings
        self.configuration = configuration
        self.time_left = time_left
        self.clock = clock
        self.chance = random.random
        self.telemetry: Telemetry = telemetry.report

    @cached_property
    def store(self) -> DynamoDbCalls:
        return DynamoDbCalls(self._table)

    @cached_property
    def aliases(self) -> DynamoDbAliases:
        return DynamoDbAliases(self._table, self.configuration.deadlines.pending_seconds)

    @cached_property
    def coval(self) -> HttpCovalClient:
        return HttpCovalClient(
            base_url=self.configuration.coval.base_url,
            path_family=self.configuration.coval.path_family,
            api_key=SecretApiKey(self.settings.coval_api_key_secret_arn),
            timeout_seconds=self.configuration.coval.timeout_seconds,
            time_left=self.time_left,
            gate=Gate(self._circuit_opened),
            http=self._http,
        )

    def _circuit_opened(self, code: str, seconds: int) -> None:
        self.telemetry(LogEvent.CIRCUIT_OPENED, code=code, seconds=seconds)

    # --- queues --------------------------------------------------------------------------------------

    def send(self, queue: QueueName, body: str) -> None:
        self._queue.send(self._queue_url(queue), body)

    def backlog(self, queue: QueueName) -> int:
        return self._queue.backlog(self._queue_url(queue))

    def _queue_url(self, queue: QueueName) -> str:
        return {
            "call_end": self.settings.call_end_queue_url,
            "recording": self.settings.recording_queue_url,
            "attach": self.settings.attach_queue_url,
        }[queue]

    def hide(self, handle: str, seconds: int) -> None:
        self._queue.hide(self.settings.queue_url, handle, seconds)

    def bury(self, body: str, reason: Reason) -> None:
        """A body that leaves no room for its reason goes without."""
        attributes = dead_letter_attributes(reason)
        room = MAX_MESSAGE_BYTES - len(body.encode())
        fits = sum(len(name) + len(value) + len("String") for name, value in attributes.items()) <= room
        self._queue.send(self.settings.dead_letter_queue_url, body, attributes if fits else NO_ATTRIBUTES)

    def rejected_events(self, queue: QueueName) -> RejectedEvents | None:
        """Its client is made for the first rejection."""
        bucket = self.settings.rejected_events_bucket
        if not bucket:
            return None
        from coval_relay.adapters.aws.s3_rejected_events import S3RejectedEvents

        return S3RejectedEvents(lambda: self._s3, bucket, self.settings.bucket_owner, queue)

    # --- clients -------------------------------------------------------------------------------------

    @cached_property
    def _queue(self) -> SqsQueue:
        return SqsQueue(_client("sqs"))

    @cached_property
    def _table(self) -> Table:
        days = self.configuration.deadlines.retention_days
        return Table(_client("dynamodb"), self.settings.table_name, self.clock, days)

    @cached_property
    def _http(self) -> "httpx.Client":
        """One for all hosts: a TLS context takes a fifth of a second to make."""
        return http_client()

    @cached_property
    def _s3(self) -> "S3Client":
        from coval_relay.adapters.aws.s3_objects import s3_client

        return s3_client()

    def _https_reader(self, hosts: tuple[str, ...]) -> "HttpsReader":
        from coval_relay.adapters.web.https_reader import HttpsReader
        from coval_relay.adapters.web.platform_credentials import PlatformCredentials

        credentials = PlatformCredentials(self.settings.platform_credentials_secret_arn)
        return HttpsReader(hosts=frozenset(hosts), credentials=credentials, time_left=self.time_left, http=self._http)


class TranscriptAdapters(AwsAdapters[SubmitTranscriptSettings]):
    """What submit_transcript uses besides."""

    @cached_property
    def utterances(self) -> "DynamoDbUtterances":
        from coval_relay.adapters.aws.dynamodb_utterances import DynamoDbUtterances

        return DynamoDbUtterances(self._table)

    @cached_property
    def transcript_objects(self) -> "S3TranscriptObjects":
        """Its client is made for the first transcript, not at every cold start."""
        from coval_relay.adapters.aws.s3_objects import S3TranscriptObjects

        settings = self.settings
        locations = AllowedLocations("configured transcript", settings.transcript_buckets, settings.transcript_prefixes)
        return S3TranscriptObjects(lambda: self._s3, settings.bucket_owner, locations, self.configuration.bucket_owners)

    @cached_property
    def transcript_urls(self) -> "HttpsTranscriptUrls":
        from coval_relay.adapters.web.transcript_urls import HttpsTranscriptUrls

        return HttpsTranscriptUrls(self._https_reader(self.configuration.links.transcript_hosts))

    def webhook_body(self, name: str) -> bytes:
        from coval_relay.adapters.aws.claim_checks import S3ClaimChecks

        return S3ClaimChecks(lambda: self._s3, self.settings.webhook_bucket, self.settings.bucket_owner).get(name)


class RecordingAdapters(AwsAdapters[RecordingSettings]):
    """What the functions that read recordings use besides."""

    @cached_property
    def recordings(self) -> "S3RecordingObjects":
        from coval_relay.adapters.aws.s3_objects import S3RecordingObjects

        settings = self.settings
        locations = recording_locations(settings)
        return S3RecordingObjects(self._s3, settings.bucket_owner, locations, self.configuration.bucket_owners)

    @cached_property
    def recording_urls(self) -> "HttpsRecordingUrls":
        from coval_relay.adapters.web.recording_urls import HttpsRecordingUrls

        return HttpsRecordingUrls(self._https_reader(self.configuration.links.recording_hosts))

    @cached_property
    def staging(self) -> "S3Staging":
        from coval_relay.adapters.aws.s3_staging import S3Staging

        return S3Staging(self._s3, self.settings.staging_bucket, self.settings.bucket_owner)

    @cached_property
    def converter(self) -> "PyAvConverter":
        from coval_relay.adapters.audio import PyAvConverter

        return PyAvConverter()


def configuration_source(settings: Settings, deployed: Configuration) -> Callable[[], Configuration]:
    """What gives the configuration that holds now: the deployed one, where no SSM parameter is named."""
    if not settings.configuration_parameter:
        return lambda: deployed
    from coval_relay.adapters.aws.ssm_configuration import SsmConfiguration

    parameter = SsmConfiguration(_client("ssm"), settings.configuration_parameter)
    return CurrentConfiguration(deployed, parameter, time.monotonic, _unreadable)


def _unreadable(what: str) -> None:
    telemetry.report(LogEvent.CONFIGURATION_UNREADABLE, code=what)


@cache
def _client(service: str) -> Any:
    import boto3

    return boto3.client(service)
