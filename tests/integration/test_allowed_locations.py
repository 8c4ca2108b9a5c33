"""As the functions are given S3: what lies in no configured place is not asked for, though it is there."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from coval_relay.adapters.aws.s3_objects import S3RecordingObjects, S3TranscriptObjects
from coval_relay.domain.allowed_locations import NOT_ALLOWED_LOCATION, AllowedLocations
from coval_relay.domain.errors import PermanentError
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.entrypoints.composition import recording_locations
from coval_relay.settings import RecordingSettings, parse
from tests.support import emulator
from tests.support.environment_variables import COMMON

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OWNER = "000000000000"
CONTENT = b"content"
OURS, FOREIGN, STAGING = "locations-ours", "locations-foreign", "locations-staging"
SETTINGS = parse(
    RecordingSettings,
    {**COMMON, "RECORDING_BUCKETS": OURS, "RECORDING_PREFIXES": "rec/", "STAGING_BUCKET": STAGING},
)
ELSEWHERE = [(FOREIGN, "rec/a"), (OURS, "else/rec/a"), (OURS, "../rec/a")]
elsewhere = pytest.mark.parametrize(("bucket", "key"), ELSEWHERE)


@pytest.fixture(scope="module")
def client(aws_url: str) -> "Iterator[S3Client]":
    s3: S3Client = emulator.client("s3", aws_url)
    for bucket in (OURS, FOREIGN, STAGING):
        s3.create_bucket(Bucket=bucket)
    for bucket, key in (*ELSEWHERE, (OURS, "rec/a"), (STAGING, "prepared/a")):
        s3.put_object(Bucket=bucket, Key=key, Body=CONTENT)
    yield s3
    s3.close()


@pytest.fixture
def asked(client: "S3Client") -> Iterator[list[str]]:
    """What is asked of S3."""
    keys: list[str] = []

    def note(params: Mapping[str, Any], **_: object) -> None:
        keys.append(params["Key"])

    client.meta.events.register("provide-client-params.s3", note)
    yield keys
    client.meta.events.unregister("provide-client-params.s3", note)


@pytest.fixture
def recordings(client: "S3Client") -> S3RecordingObjects:
    return S3RecordingObjects(client, OWNER, recording_locations(SETTINGS))


@pytest.fixture
def transcripts(client: "S3Client") -> S3TranscriptObjects:
    locations = AllowedLocations("configured transcript", (OURS,), ("rec/",))
    return S3TranscriptObjects(lambda: client, OWNER, locations)


def error_of(read: Callable[[], object]) -> PermanentError:
    with pytest.raises(PermanentError) as caught:
        read()
    return caught.value


@elsewhere
def test_elsewhere_no_recording_is_read_or_signed(
    bucket: str, key: str, asked: list[str], recordings: S3RecordingObjects
) -> None:
    source, version = recordings, ObjectVersion(bucket, key, "")
    reads: list[Callable[[], object]] = [
        lambda: source.head(version),
        lambda: source.tags(version),
        lambda: source.read_range(version, 0, 1),
        lambda: list(source.stream(version)),
        lambda: source.presign(version),
    ]
    assert [error_of(read).code for read in reads] == [NOT_ALLOWED_LOCATION] * len(reads)
    assert asked == []


@pytest.mark.parametrize(("bucket", "key"), [(OURS, "rec/a"), (STAGING, "prepared/a")])
def test_in_their_places_recordings_are_read(
    bucket: str, key: str, asked: list[str], recordings: S3RecordingObjects
) -> None:
    version = ObjectVersion(bucket, key, "")
    assert b"".join(recordings.stream(version)) == CONTENT
    assert asked == [key]


@elsewhere
def test_elsewhere_no_transcript_is_read(
    bucket: str, key: str, asked: list[str], transcripts: S3TranscriptObjects
) -> None:
    assert error_of(lambda: transcripts.fetch(bucket, key, 100)).code == NOT_ALLOWED_LOCATION
    assert asked == []


def test_in_its_place_a_transcript_is_read(asked: list[str], transcripts: S3TranscriptObjects) -> None:
    assert (transcripts.fetch(OURS, "rec/a", 100), asked) == (CONTENT, ["rec/a"])
