"""One contract for staging: the in-memory fake and S3 pass the same tests."""

import io
import random
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import boto3
import pytest
from moto import mock_aws

from coval_relay.adapters.aws.s3_objects import S3RecordingObjects
from coval_relay.adapters.aws.s3_staging import PART_BYTES, S3Staging
from coval_relay.domain.errors import RetryableError
from coval_relay.domain.ports import StagingBucket
from coval_relay.domain.s3_objects import ObjectVersion, RecordingObjects
from tests.support.in_memory import InMemoryStaging

BUCKET, OWNER = "staging", "123456789012"
SIZES = (0, 1, PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES, 2 * PART_BYTES + 17)


@dataclass(frozen=True)
class Place:
    """Where copies are stored, and where they are read."""

    staging: StagingBucket
    source: RecordingObjects

    def content(self, version: ObjectVersion) -> bytes:
        return b"".join(self.source.stream(version))


@pytest.fixture(params=["in_memory", "s3"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "in_memory":
        staging = InMemoryStaging()
        yield Place(staging, staging.bucket)
        return
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield Place(S3Staging(client, BUCKET, OWNER), S3RecordingObjects(client, OWNER))


def noise(size: int) -> bytes:
    """Bytes of which no two stretches are alike for long."""
    return random.Random(size).randbytes(size)  # noqa: S311


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunk", [1_000_003, 64 * 1024 * 1024])
def test_what_is_written_is_read(place: Place, size: int, chunk: int) -> None:
    content = noise(size)

    def write(sink: BinaryIO) -> None:
        sink.writelines(content[start : start + chunk] for start in range(0, size, chunk))
        assert (sink.tell(), sink.seekable(), sink.writable()) == (size, True, True)

    version, stored = place.staging.store("call-1/é", write)
    assert (stored, place.content(version)) == (size, content)
    assert place.source.head(version).size == size
    assert (version.bucket, version.version_id, version.key.rsplit("/", 1)[0]) == (BUCKET, None, "call-1/é")


@pytest.mark.parametrize("size", [100, PART_BYTES, 2 * PART_BYTES + 1])
@pytest.mark.parametrize("percent", [4, 90])
def test_what_was_written_is_corrected_at_the_end(place: Place, size: int, percent: int) -> None:
    content, start = noise(size), size * percent // 100

    def write(sink: BinaryIO) -> None:
        sink.write(content)
        assert sink.seek(start) == start
        assert sink.write(b"size") == 4
        assert sink.seek(0, io.SEEK_CUR) == start + 4
        assert sink.seek(0, io.SEEK_END) == size
        sink.write(b"end")

    version, stored = place.staging.store("x", write)
    assert place.content(version) == content[:start] + b"size" + content[start + 4 :] + b"end"
    assert stored == size + 3


def test_a_correction_may_go_beyond_the_end(place: Place) -> None:
    def write(sink: BinaryIO) -> None:
        sink.write(b"0123456789")
        sink.seek(8)
        sink.write(b"abcd")

    version, stored = place.staging.store("x", write)
    assert (place.content(version), stored) == (b"01234567abcd", 12)


def test_a_writer_of_the_standard_library(place: Place) -> None:
    frames = noise(2 * PART_BYTES)

    def write(sink: BinaryIO) -> None:
        with wave.open(sink, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(8000)
            for start in range(0, len(frames), 1_000_000):
                file.writeframes(frames[start : start + 1_000_000])

    version, _ = place.staging.store("x", write)
    with wave.open(io.BytesIO(place.content(version)), "rb") as file:
        assert (file.getnframes(), file.readframes(file.getnframes())) == (len(frames) // 4, frames)


def test_each_copy_has_its_own_place(place: Place) -> None:
    first, _ = place.staging.store("x", lambda sink: sink.write(b"1"))
    second, _ = place.staging.store("x", lambda sink: sink.write(b"1"))
    assert first.key != second.key
    assert (place.content(first), place.content(second)) == (b"1", b"1")


@pytest.mark.parametrize("error", [RetryableError("broke_off"), ValueError("any"), KeyboardInterrupt()])
@pytest.mark.parametrize("size", [10, 2 * PART_BYTES])
def test_what_the_writer_raises_passes(place: Place, error: BaseException, size: int) -> None:
    def write(sink: BinaryIO) -> None:
        sink.write(bytes(size))
        raise error

    with pytest.raises(type(error)) as caught:
        place.staging.store("x", write)
    assert caught.value is error
