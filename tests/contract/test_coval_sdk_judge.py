"""The judge itself: it lets good requests pass and finds each kind of bad one."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.coval_sdk_judge import judge_patch, judge_submit, judge_upload

MESSAGE = {"role": "assistant", "content": "Hi", "start_time": 0, "end_time": 1.5, "firstWordStart": 0.1}
CALL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
Judge = Callable[[bytes], None]


@pytest.mark.parametrize(
    ("judge", "body"),
    [
        (
            judge_submit,
            {
                "transcript": [MESSAGE, {"role": "assistant", "content": None, "tool_calls": [CALL]}],
                "metadata": {"any": {"thing": [1]}},
                "occurred_at": "2025-11-03T14:32:00Z",
                "upload_id": "upl_01HRAB8N9G7Q4Y3K2J5W6X1ZTC",
                "agent_id": None,
            },
        ),
        (judge_patch, {"audio_url": "https://a.example/1.wav"}),
        (judge_upload, {"content_type": "audio/mp3", "expected_size_bytes": 1}),
        (judge_upload, {}),
    ],
)
def test_lets_good_requests_pass(judge: Judge, body: Any) -> None:
    judge(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("judge", "body", "reason"),
    [
        (judge_submit, [], "no JSON object"),
        (judge_submit, {"audio": "UklGRg=="}, "does not know the field audio"),
        (judge_submit, {"transcript": []}, "at least 1 item"),
        (judge_submit, {"transcript": [{**MESSAGE, "role": "agent"}]}, "must be one of enum values"),
        (judge_submit, {"transcript": [{**MESSAGE, "speaker": 1}]}, r"transcript\[0\]: .* the field speaker"),
        (judge_submit, {"transcript": [{**MESSAGE, "is_estimated": True}]}, "the field is_estimated"),
        (judge_submit, {"transcript": [{**MESSAGE, "first_word_start": 1}]}, "the field first_word_start"),
        (
            judge_submit,
            {"transcript": [{"role": "assistant", "tool_calls": [{**CALL, "index": 0}]}]},
            r"tool_calls\[0\]: .* the field index",
        ),
        (judge_submit, {"occurred_at": 1762180320}, "occurred_at: no date-time"),
        (judge_submit, {"metrics": ["csat"]}, "at least 22 characters"),
        (judge_submit, {"additional_properties": {}}, "does not know the field additional_properties"),
        (judge_patch, {"upload_id": "upl_01HRAB8N9G7Q4Y3K2J5W6X1ZTC"}, "the field upload_id"),
        (judge_upload, {"content_type": "audio/mpeg"}, "must be one of enum values"),
        (judge_upload, {"expected_size_bytes": 104_857_601}, "less than or equal to 104857600"),
    ],
)
def test_finds_bad_requests(judge: Judge, body: Any, reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        judge(json.dumps(body).encode())
