"""S3's two ways to tell of a new object: the EventBridge event and the classic notification."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote_plus

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from coval_relay.domain.call import TranscriptPointer
from coval_relay.domain.errors import InvalidInput
from coval_relay.domain.identifiers import checked_call_id
from coval_relay.domain.messages import ObjectCreated, TranscriptArrived
from coval_relay.domain.recordings import ObjectVersion

MOST_BYTES = 50 * 1024**4
"""The largest object that S3 holds (S3, quotas: 50 TB)."""
CREATED = re.compile(r"(s3:)?ObjectCreated:")


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class _Bucket(_Model):
    name: str


class _Object(_Model):
    key: Annotated[str, Field(min_length=1)]
    size: Annotated[int, Field(ge=0, le=MOST_BYTES)] = 0
    etag: str = ""
    version_id: Annotated[str | None, Field(alias="version-id")] = None
    sequencer: str = ""


class _Detail(_Model):
    bucket: _Bucket
    object: _Object


class _Event(_Model):
    time: AwareDatetime
    detail: _Detail


def object_created(event: Mapping[str, Any]) -> ObjectCreated:
    """Translate an EventBridge `Object Created` event, whose key is literal; raises InvalidInput."""
    try:
        parsed = _Event.model_validate(event)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise InvalidInput(".".join(str(part) for part in first["loc"]), first["msg"]) from None
    created = parsed.detail.object
    version = ObjectVersion(parsed.detail.bucket.name, created.key, created.etag, created.version_id)
    return ObjectCreated(
        version=version,
        size=created.size,
        order=_order(parsed.time, created.sequencer),
        created_at=int(parsed.time.timestamp()),
    )


def transcript_arrived(
    event: Mapping[str, Any], buckets: tuple[str, ...], key_pattern: re.Pattern[str], now: int
) -> TranscriptArrived:
    """Translate the event of a transcript object, whose key holds the call's id; raises InvalidInput."""
    version = object_created(event).version
    if version.bucket not in buckets:
        raise InvalidInput("detail.bucket.name", "is not one of the configured transcript buckets")
    match = key_pattern.search(version.key) if key_pattern.pattern else None
    if match is None:
        raise InvalidInput("detail.object.key", "the transcript key pattern finds no call id")
    call_id = checked_call_id(match["external_conversation_id"])
    pointer = TranscriptPointer(bucket=version.bucket, key=version.key, format="canonical_v1", stored_at=now)
    return TranscriptArrived(external_conversation_id=call_id, pointer=pointer)


def _order(time: datetime, sequencer: str) -> str:
    """Sorts by time, and within its second by S3's sequencer, which grows for one key."""
    return f"{int(time.timestamp()):012d}-{sequencer.zfill(40)}"


def classic_events(notification: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
    """The records of a classic notification as EventBridge events; their keys are form-encoded.

    None stands for a record that is none; records of other events than creation are passed over.
    """
    for record in notification["Records"]:
        if not isinstance(record, Mapping):
            yield None
            continue
        if "eventName" in record and not CREATED.match(str(record["eventName"])):
            continue
        told = _mapping(record.get("s3"))
        item, bucket = _mapping(told.get("object")), _mapping(told.get("bucket"))
        yield {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "time": record.get("eventTime"),
            "detail": {
                "bucket": {"name": bucket.get("name")},
                "object": {
                    "key": unquote_plus(str(item.get("key", ""))),
                    "size": item.get("size", 0),
                    "etag": item.get("eTag", ""),
                    "version-id": item.get("versionId"),
                    "sequencer": item.get("sequencer", ""),
                },
            },
        }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
