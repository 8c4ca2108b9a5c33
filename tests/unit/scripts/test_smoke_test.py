"""The look after a deploy: what it says of queues, alarms and ways in, and where it says to wait.

That a stack works is said of each of configurations/: tests/configurations.
"""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from scripts import smoke_test
from scripts.smoke_test import Deployed


def deployed(outputs: Mapping[str, str], **clients: Any) -> Deployed:
    """A stack, given in its own words on the command line."""
    found: Any = SimpleNamespace(
        stack="coval-relay", options=" --stack coval-relay", client=lambda service, _: clients[service]
    )
    return Deployed(found, outputs)


def said(lines: Iterator[Any]) -> list[str]:
    return [str(line) for line in lines]


# --- dead letters


LOOK = "\n        -> python3 -m scripts.dead_letters show"
SOMEBODY_LOOKS = "MEND  AttachDeadLetterQueue: has 2 messages, 2 of them hidden: somebody looks at them"


@pytest.mark.parametrize(
    ("visible", "hidden", "line"),
    [
        ("0", "0", "ok    AttachDeadLetterQueue: is empty"),
        ("3", "0", f"MEND  AttachDeadLetterQueue: has 3 messages{LOOK}"),
        ("0", "2", f"{SOMEBODY_LOOKS}{LOOK}"),
    ],
)
def test_a_dead_letter_queue_is_empty_where_nothing_is_hidden_either(visible: str, hidden: str, line: str) -> None:
    counts = {"ApproximateNumberOfMessages": visible, "ApproximateNumberOfMessagesNotVisible": hidden}
    sqs = SimpleNamespace(
        get_queue_attributes=lambda **asked: {"Attributes": counts if asked["QueueUrl"] == "url" else {}}
    )
    stack = deployed({"AttachDeadLetterQueueUrl": "url"}, sqs=sqs)
    assert said(smoke_test.emptiness(stack, "AttachDeadLetter")) == [line]
