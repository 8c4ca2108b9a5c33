"""What the deployed functions have logged, and what stands on the dead letters, has no secret in it.

Marked secrets are sent through the deployed stack, then its log groups and its dead letters are read whole:
of this file's calls, and of all that other tests have left there before.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.stack.events import put
from local.stack.server_processes import wait_until
from local.stack.stack import Stack
from scripts import dead_letters
from tests.end_to_end.conftest import CREDENTIALS
from tests.support.events import call_ended, recording_ready
from tests.support.marked_secrets import PHONE, SECRETS, leaks, marked

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient

SECONDS = 300
FUNCTIONS = ("SubmitTranscript", "UploadRecording", "AttachRecording")
PASSWORDS = tuple(one[name] for one in CREDENTIALS.values() for name in ("value", "password") if name in one)
HIDDEN = (*SECRETS, *PASSWORDS, "X-Amz-Signature=", "X-Amz-Credential=")


def logged(stack: Stack) -> Iterator[str]:
    """All lines of the three functions' log groups."""
    client: CloudWatchLogsClient = boto3.client("logs")
    pages = client.get_paginator("filter_log_events")
    for function in FUNCTIONS:
        group = stack.outputs[f"{function}LogGroupName"]
        for page in pages.paginate(logGroupName=group):
            yield from (event["message"] for event in page["events"])


def attributes(stack: Stack) -> Iterator[str]:
    """Those of all dead letters, which stay where they are."""
    client: SQSClient = boto3.client("sqs")
    for queue in dead_letters.queues(stack.outputs):
        with dead_letters.taken(client, queue) as letters:
            yield from (f"{dead_letter.code} {dead_letter.reason}" for dead_letter in letters.values())


def sent() -> list[Mapping[str, Any]]:
    """A good call, a rejected one that names its call, and rejected ones that name none."""
    name = f"log-scan-{uuid.uuid4().hex}-{PHONE}"
    rejected = call_ended(f"{name}-rejected", started_at=f"at {PHONE}")
    nameless = call_ended("")
    link = recording_ready(f"https://{PHONE[1:]}.example.com/a.wav?token=secret", f"{name}-link")
    return [json.loads(marked(json.dumps(one))) for one in (call_ended(name), rejected, nameless, link)]


@pytest.fixture(scope="module")
def lines(stack: Stack) -> list[str]:
    """The log once all of this file's calls have been logged."""
    events = sent()
    names = [one["detail"]["external_conversation_id"] for one in events]
    digests = {dead_letters.digest_of(name, stack.table) for name in names if name}
    for one in events:
        put(one)

    def all_logged() -> bool:
        text = "\n".join(logged(stack))
        return all(digest in text for digest in digests)

    assert wait_until(all_logged, SECONDS), "the functions' logs do not name the calls"
    return list(logged(stack))


def test_no_line_has_a_secret(lines: list[str]) -> None:
    assert [leaks(line, HIDDEN) for line in lines if leaks(line, HIDDEN)] == []


@pytest.mark.usefixtures("lines")
def test_no_attribute_of_a_dead_letter_has_a_secret(stack: Stack) -> None:
    assert [leaks(attribute, HIDDEN) for attribute in attributes(stack) if leaks(attribute, HIDDEN)] == []
