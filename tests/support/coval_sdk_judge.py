"""Judges requests by the models of Coval's own SDK, in both path families.

The models drop fields that they do not know without a word; here that is an error.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from coval_sdk import models
from pydantic import BaseModel, ValidationError

sdk: Any = models
Models = tuple[type[BaseModel], ...]
SUBMIT: Models = (
    sdk.CovalConversationsAPISubmitConversationRequest,
    sdk.CovalUploadedConversationsAPISubmitUploadedConversationRequest,
)
PATCH: Models = (
    sdk.CovalConversationsAPIPatchConversationRequest,
    sdk.CovalUploadedConversationsAPIPatchUploadedConversationRequest,
)
UPLOAD: Models = (
    sdk.CovalConversationsAPICreateAudioUploadRequest,
    sdk.CovalUploadedConversationsAPICreateAudioUploadRequest,
)
DATE_TIMES = {"occurred_at", "timestamp"}


def judge_submit(body: bytes) -> None:
    """Check the exact bytes of a submit; raises AssertionError with the reason."""
    _judge(body, SUBMIT)


def judge_patch(body: bytes) -> None:
    """Check the exact bytes of a patch; raises AssertionError with the reason."""
    _judge(body, PATCH)


def judge_upload(body: bytes) -> None:
    """Check the exact bytes of an `audio:upload`; raises AssertionError with the reason."""
    _judge(body, UPLOAD)


def _judge(body: bytes, models: Models) -> None:
    sent = json.loads(body)
    assert isinstance(sent, dict), "the body is no JSON object"
    for model in models:
        from_dict: Callable[[Mapping[str, Any]], BaseModel] = model.from_dict  # type: ignore[attr-defined]
        try:
            read = from_dict(sent)
        except ValidationError as error:
            raise AssertionError(f"{model.__name__}: {error}") from error
        _check_fields(sent, read, model.__name__)


def _check_fields(sent: Mapping[str, Any], read: BaseModel, place: str) -> None:
    known = {field.alias or name: name for name, field in type(read).model_fields.items()}
    del known["additional_properties"]
    for name, value in sent.items():
        assert name in known, f"{place}: the SDK does not know the field {name}"
        # the SDK's models turn numbers into dates
        assert name not in DATE_TIMES or isinstance(value, str), f"{place}.{name}: no date-time"
        _check_value(value, getattr(read, known[name]), f"{place}.{name}")


def _check_value(sent: Any, read: Any, place: str) -> None:
    if isinstance(read, BaseModel):
        _check_fields(sent, read, place)
    elif isinstance(read, list):
        for position, (one_sent, one_read) in enumerate(zip(sent, read, strict=True)):
            _check_value(one_sent, one_read, f"{place}[{position}]")
