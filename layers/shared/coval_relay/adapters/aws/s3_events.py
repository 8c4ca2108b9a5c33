"""S3's two forms of a new object's event: EventBridge's, and its own notification."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote_plus

from pydantic import AwareDatetime, Field

from coval_relay.adapters.aws.s3_objects import lasting
from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.domain.messages import ObjectCreated
from coval_relay.domain.s3_objects import ObjectVersion

MAX_BYTES = 50 * 1024**4
"""The largest object that S3 holds (S3, quotas: 50 TB)."""
Mark = Annotated[str, Field(max_length=1024)]
"""S3's own words; the bound also rejects what is no valid Unicode, which the table could not keep."""
CREATED_EVENT = "Object Created"
"""Of a bucket's events the one that brings an object: others tell of its restoring, its tags, its end."""
CREATED = re.compile(r"(s3:)?ObjectCreated:")


class _Bucket(BoundaryModel):
    name: str


class _Object(BoundaryModel):
    key: Annotated[str, Field(min_length=1)]
    size: Annotated[int, Field(ge=0, le=MAX_BYTES)] = 0
    etag: Mark = ""
    version_id: Annotated[Mark | None, Field(alias="version-id")] = None
    sequencer: Mark = ""


class _Detail(BoundaryModel):
    bucket: _Bucket
    object: _Object


class _Event(BoundaryModel):
    time: AwareDatetime
    detail: _Detail


def object_created(event: Mapping[str, Any]) -> ObjectCreated:
    """Translate an EventBridge `Object Created` event, whose key is literal; raises InvalidInputError."""
    parsed = validate(_Event, event, "")
    created = parsed.detail.object
    version = ObjectVersion(parsed.detail.bucket.name, created.key, created.etag, lasting(created.version_id))
    return ObjectCreated(
        version=version,
        size=created.size,
        sort_key=_sort_key(parsed.time, created.sequencer),
        created_at=int(parsed.time.timestamp()),
    )


def _sort_key(time: datetime, sequencer: str) -> str:
    """Sorts by time, and within its second by S3's sequencer, which grows for one key.

    Sequencers of different length are compared padded on the right (Amazon S3, event message structure).
    """
    return f"{int(time.timestamp()):012d}-{sequencer.upper().ljust(40, '0')}"


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
        created = _mapping(record.get("s3"))
        item, bucket = _mapping(created.get("object")), _mapping(created.get("bucket"))
        yield {
            "source": "aws.s3",
            "detail-type": CREATED_EVENT,
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
