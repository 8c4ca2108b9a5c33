"""Nothing that comes to the relay makes it read a bucket that is not configured, or sign a URL of one."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from moto import mock_aws

from coval_relay.adapters.aws import queue_messages
from coval_relay.adapters.aws.s3_objects import S3RecordingObjects, s3_client
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.errors import NotReadyError
from coval_relay.domain.messages import (
    Message,
    ObjectCreated,
    PendingExpired,
    RecordingReady,
)
from coval_relay.domain.s3_objects import ObjectHead, ObjectVersion
from coval_relay.entrypoints.composition import recording_locations
from coval_relay.settings import RecordingSettings, parse
from tests.support.environment_variables import COMMON
from tests.support.events import call_ended, etag, event, object_created, recording_ready, wav
from tests.support.fakes import FakeBucket, FakeTranscriptObjects
from tests.support.world import World

OWNER, KEY = "111122223333", "rec/call-1.wav"
FOREIGN = "foreign"
CONFIGURED = {"recordings", "staging"}


@dataclass
class WatchedBucket(FakeBucket):
    """Knows which buckets were asked."""

    asked: set[str] = field(default_factory=set)

    def _content(self, version: ObjectVersion) -> bytes:
        self.asked.add(version.bucket)
        return super()._content(version)

    def head(self, version: ObjectVersion) -> ObjectHead:
        self.asked.add(version.bucket)
        return super().head(version)

    def presign(self, version: ObjectVersion) -> str:
        self.asked.add(version.bucket)
        return super().presign(version)


@dataclass
class WatchedDocuments(FakeTranscriptObjects):
    """Knows which buckets were asked."""

    asked: set[str] = field(default_factory=set)

    def fetch(self, bucket: str, key: str, max_bytes: int) -> bytes:
        self.asked.add(bucket)
        raise NotReadyError("document_missing")


def reference(uri: str) -> dict[str, Any]:
    return {"uri": uri, "format": "canonical_v1"}


def transcript_ready(uri: str) -> dict[str, Any]:
    detail = {"schema_version": "1", "external_conversation_id": "call-1", "reference": reference(uri)}
    return event("Transcript Ready", detail)


def referred(uri: str) -> dict[str, Any]:
    return call_ended(transcript={"status": "reference", "reference": reference(uri)})


def classic(bucket: str) -> dict[str, Any]:
    detail = {"bucket": {"name": bucket}, "object": {"key": KEY, "size": 1, "eTag": "", "sequencer": "01"}}
    record = {"eventName": "ObjectCreated:Put", "eventTime": "2026-10-02T14:38:20Z", "s3": detail}
    return {"Records": [record]}


def named(uri: str) -> dict[str, Any]:
    return call_ended(recording={"items": [{"uri": uri}]})


BY_EVENTS: list[tuple[str, Mapping[str, Any]]] = [
    ("recording", object_created(KEY, wav(), bucket=FOREIGN)),
    ("recording", object_created(f"{KEY}.json", b"{}", bucket=FOREIGN)),
    ("recording", object_created("../rec/call-1.wav", wav())),
    ("recording", object_created("/rec/call-1.wav", wav())),
    ("recording", classic(FOREIGN)),
    ("call_end", object_created("call-1.json", b"{}", bucket=FOREIGN)),
    ("call_end", object_created("call-1.json", b"{}", bucket="recordings")),
    ("attach", recording_ready(f"s3://{FOREIGN}/{KEY}")),
    ("recording", recording_ready(f"s3://{FOREIGN}/{KEY}")),
    ("attach", recording_ready(f"s3://staging/{KEY}")),
    ("attach", recording_ready("s3://recordings/../foreign/call-1.wav")),
    ("attach", recording_ready(f"s3://recordings.{FOREIGN}/{KEY}")),
    ("call_end", named(f"s3://{FOREIGN}/{KEY}")),
    ("call_end", referred(f"s3://{FOREIGN}/call-1.json")),
    ("call_end", referred("s3://recordings/rec/call-1.json")),
    ("call_end", referred("s3://transcripts.foreign/call-1.json")),
    ("call_end", transcript_ready(f"s3://{FOREIGN}/call-1.json")),
    ("call_end", transcript_ready("s3://staging/call-1.json")),
]


@pytest.mark.parametrize(("queue", "detail"), BY_EVENTS, ids=lambda value: str(value)[:24])
def test_no_event_leads_to_a_foreign_place(queue: str, detail: Mapping[str, Any]) -> None:
    bucket, transcript_objects = WatchedBucket(), WatchedDocuments()
    for key in (KEY, "../rec/call-1.wav", "/rec/call-1.wav", "../foreign/call-1.wav"):
        bucket.put(key, wav())
    world = World(bucket=bucket, transcript_objects=transcript_objects)
    world.send(queue, detail)
    world.run(hours=48)
    assert (bucket.asked, transcript_objects.asked) == (set(), set())


@pytest.mark.parametrize("bucket", [FOREIGN, "recordings"])
def test_a_name_that_leads_to_a_foreign_object_does_not_make_it_one_of_ours(bucket: str) -> None:
    watched = WatchedBucket()
    watched.put("odd/a.wav", wav())
    world = World(bucket=watched)
    world.send("call_end", named(f"s3://{bucket}/odd/a.wav"))
    world.send("recording", object_created("odd/a.wav", wav(), bucket=bucket, version="v1"), delay=60)
    world.run(hours=48)
    assert watched.asked == ({"recordings"} if bucket == "recordings" else set())


# --- what only the relay's functions send, forged by somebody who may send to a queue -----------------


CREATED = ObjectCreated(version=ObjectVersion(FOREIGN, KEY, etag(wav())), size=len(wav()), sort_key="1", created_at=1)


def expired(message: Message) -> PendingExpired:
    pending = PendingMessage("forged", "recording", queue_messages.to_text(message), 1)
    return PendingExpired(Alias("room", "a"), pending)


FORGED: list[tuple[str, Message]] = [
    ("recording", CREATED),
    ("recording", RecordingReady(target="call-1", uri=f"s3://{FOREIGN}/{KEY}", created_at=1)),
    ("recording", expired(CREATED)),
    ("recording", expired(replace(CREATED, version=ObjectVersion(FOREIGN, "odd/a.wav", "")))),
    ("recording", expired(RecordingReady(target="call-1", uri=f"s3://{FOREIGN}/{KEY}", created_at=1))),
]


@dataclass(frozen=True)
class Watched:
    """The recordings as the functions are given them, and the buckets that they asked."""

    source: S3RecordingObjects
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source.client.meta.events.register("provide-client-params.s3", self._note)

    def _note(self, params: Mapping[str, Any], **_: object) -> None:
        self.asked.append(params["Bucket"])


@pytest.fixture
def watched() -> Iterator[Watched]:
    with mock_aws():
        settings = parse(
            RecordingSettings,
            {
                **COMMON,
                "RECORDING_BUCKETS": "recordings",
                "RECORDING_PREFIXES": "rec/,odd/",
                "STAGING_BUCKET": "staging",
            },
        )
        made = Watched(S3RecordingObjects(s3_client("us-east-1"), OWNER, recording_locations(settings)))
        for bucket in (*CONFIGURED, FOREIGN):
            made.source.client.create_bucket(Bucket=bucket)
            for key in (KEY, "odd/a.wav"):
                made.source.client.put_object(Bucket=bucket, Key=key, Body=wav())
        made.asked.clear()
        yield made


@pytest.mark.parametrize("ended", [True, False], ids=["after the call", "before the call"])
@pytest.mark.parametrize(("queue", "message"), FORGED, ids=lambda value: type(value).__name__)
def test_no_forged_message_leads_to_a_foreign_bucket(
    queue: str, message: Message, ended: bool, watched: Watched
) -> None:
    world = World(bucket=watched.source)
    if ended:
        world.send("call_end", call_ended())
        world.run(hours=0.01)
    world.send(queue, queue_messages.to_event(message))
    world.run(hours=48)
    assert FOREIGN not in watched.asked
    assert FOREIGN not in json.dumps([str(held["audio"]) for held in world.coval.conversations.values()])


def test_an_event_that_names_a_foreign_recording_says_which_field_is_wrong() -> None:
    world = World()
    world.send("attach", recording_ready(f"s3://{FOREIGN}/{KEY}"))
    world.run(hours=48)
    detail = "detail.recording.uri: is not one of the configured recording buckets"
    assert [note.text for note in world.store.get("call-1").notes] == [detail]
    assert world.dead == []


@pytest.mark.parametrize("queue", ["call_end", "recording", "attach"])
@pytest.mark.parametrize("url", ["https://evil.example/a.wav", "http://media.example.com/a.wav", "file:///a"])
def test_no_forged_message_gives_coval_a_url_of_its_own(queue: str, url: str) -> None:
    """Coval gets uploads, and URLs that the relay has signed, and no others."""
    world = World()
    world.send("call_end", call_ended())
    world.send(queue, queue_messages.to_event(RecordingReady(target="call-1", uri=url, created_at=1)), delay=60)
    world.run(hours=48)
    assert [held["audio"] for held in world.coval.conversations.values()] == [None]
