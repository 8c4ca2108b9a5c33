"""Follows what the stack does: the calls' items, Coval's requests and metric waves, and the dead letters."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer

from local.simulator import AdminClient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

_DESERIALIZE = TypeDeserializer().deserialize
_LONG_POLL_SECONDS = 2
_HIDDEN_SECONDS = 5
_COUNTS: "tuple[QueueAttributeNameType, ...]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)

MESSAGE_PENDING, BOUND = "pending", "bound"

Item = Mapping[str, Any]
Happened = Callable[[str, str], None]


@dataclass
class Changes:
    """Wakes whoever waits for something to change."""

    _condition: threading.Condition = field(default_factory=threading.Condition)
    _given_up: bool = False

    def give_up(self) -> None:
        """Let nobody wait any longer."""
        self._given_up = True
        self.notify()

    def notify(self) -> None:
        with self._condition:
            self._condition.notify_all()

    def wait_for(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Until it holds; False when the seconds are over, or all is given up."""
        with self._condition:
            return self._condition.wait_for(lambda: self._given_up or holds(), seconds) and not self._given_up


@dataclass
class Items:
    """The calls' items in the table, and how they change."""

    client: "DynamoDBClient"
    table: str
    call_ids: tuple[str, ...]
    happened: Happened
    changes: Changes
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The key of each call's other name."""
    seen: dict[str, Item] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Whether something waits under a call's other name."""

    def look(self) -> None:
        for item in self._read():
            call_id = item["external_conversation_id"]
            if call_id in self.aliases:
                self._look_at_name(self.aliases[call_id], item)
                continue
            before, self.seen[call_id] = self.seen.get(call_id, {}), item
            if change := describe_change(before, item):
                self.happened(call_id, change)
        self.changes.notify()

    def _look_at_name(self, call_id: str, item: Item) -> None:
        before, now = self.names.get(call_id), BOUND if "target" in item else MESSAGE_PENDING
        self.names[call_id] = now
        if now != before:
            state = f"leads to {item['target']}" if now == BOUND else "waits for its call"
            self.happened(call_id, f"{now:<10} {item['external_conversation_id']} {state}")

    def _read(self) -> Iterator[Item]:
        names = [*((name, "call") for name in self.call_ids), *((name, "alias") for name in self.aliases)]
        keys = [{"external_conversation_id": {"S": name}, "item_key": {"S": item_key}} for name, item_key in names]
        answer = self.client.batch_get_item(RequestItems={self.table: {"Keys": keys, "ConsistentRead": True}})
        for found in answer["Responses"][self.table]:
            yield plain(found)


_WORDS = {
    "NEW": "received",
    "QUEUED": "received",
    "WAITING": "received",
    "SUBMITTING": "submitting",
    "SUBMITTED": "submitted",
    "FILTERED": "filtered",
    "REJECTED": "rejected",
}
_RECORDING_WORDS = {
    "READY": "recording",
    "BY_URL": "recording",
    "UPLOADED": "uploaded",
    "ATTACHING": "attaching",
    "ATTACHED": "attached",
    "REJECTED": "recording rejected",
}


def describe_change(before: Item, after: Item) -> str:
    """One line about what the relay made of a call since the last look; empty where nothing changed."""
    words = [_WORDS[after["state"]]] if before.get("state") != after["state"] else []
    recording = after.get("recording_state")
    words += [_RECORDING_WORDS[recording]] if recording and before.get("recording_state") != recording else []
    if not words:
        return ""
    facts = [after["state"], recording, after.get("conversation_id"), reason_of(after)]
    return f"{', '.join(words):<10} item: {' '.join(fact for fact in facts if fact)}"


def plain(attributes: Mapping[str, Any]) -> Item:
    """An item of the table without DynamoDB's type names."""
    return {name: _DESERIALIZE(value) for name, value in attributes.items()}


def reason_of(item: Item) -> str:
    """The code of why the recording, or else the call, was rejected."""
    reason = (item.get("recording") or {}).get("reason") or item.get("reason") or {}
    return str(reason.get("code", ""))


@dataclass
class Coval:
    """What the simulator was asked, and what it holds."""

    admin: AdminClient
    call_ids: tuple[str, ...]
    happened: Happened
    changes: Changes
    held: dict[str, list[Item]] = field(default_factory=dict)
    _last_request: int = 0
    _waves_reported: set[tuple[str, str]] = field(default_factory=set)

    def look_at_requests(self) -> None:
        """Wait for requests; report those that name a call."""
        for request in self.admin.requests(after=self._last_request, wait=_LONG_POLL_SECONDS):
            self._last_request = request["n"]
            if request["external_conversation_id"] in self.call_ids:
                self.happened(request["external_conversation_id"], describe_request(request))

    def look(self) -> None:
        """Read what is held of each call."""
        held: dict[str, list[Item]] = {}
        for conversation in self.admin.conversations():
            held.setdefault(conversation["external_conversation_id"], []).append(conversation)
            self._report_waves(conversation)
        self.held = held
        self.changes.notify()

    def _report_waves(self, conversation: Item) -> None:
        call_id = conversation["external_conversation_id"]
        for wave in conversation["waves"]:
            mark = (conversation["conversation_id"], wave["wave"])
            if wave["webhook"] and call_id in self.call_ids and mark not in self._waves_reported:
                self._waves_reported.add(mark)
                self.happened(call_id, f"wave       the metrics of the {wave['wave']} are done")


def describe_request(request: Item) -> str:
    """One line about a request to Coval and its answer."""
    answer = request["response_status"] or request["outcome"]
    fault = "  (fault)" if request["fault"] else ""
    return f"Coval      {request['method']} {request['path']} -> {answer}{fault}"


@dataclass(frozen=True, slots=True)
class QueueDepths:
    """Whether anything of this run is still on its way; what waited in a queue before it may wait there for hours."""

    client: "SQSClient"
    queue_urls: tuple[str, ...]
    before: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.before.update({url: depth(self.client, url) for url in self.queue_urls})

    def are_over(self) -> bool:
        return all(depth(self.client, url) <= self.before[url] for url in self.queue_urls)


def depth(client: "SQSClient", queue_url: str) -> int:
    """How many messages are in a queue: visible, hidden and delayed."""
    answer = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    return sum(int(answer["Attributes"].get(count, "0")) for count in _COUNTS)


@dataclass
class DeadLetters:
    """The messages in the dead-letter queues that concern this run; takes them out."""

    client: "SQSClient"
    queue_urls: tuple[str, ...]
    call_ids: tuple[str, ...]
    happened: Happened
    reasons: dict[str, str] = field(default_factory=dict)

    def look(self) -> None:
        for url in self.queue_urls:
            for message in self._messages(url):
                self._take(url, message)

    def _messages(self, url: str) -> Iterator[Mapping[str, Any]]:
        while received := self.client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_HIDDEN_SECONDS,
            MessageAttributeNames=["All"],
        ).get("Messages"):
            yield from received

    def _take(self, url: str, message: Mapping[str, Any]) -> None:
        call_id = next((one for one in self.call_ids if one in message["Body"]), None)
        if call_id is None:
            return
        self.reasons[call_id] = _reason_code(message)
        self.client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        self.happened(call_id, f"dead letter  {_reason_text(message)}")


def _reason_code(message: Mapping[str, Any]) -> str:
    attributes = message.get("MessageAttributes", {})
    return str(attributes.get("reason_code", {}).get("StringValue", "none given"))


def _reason_text(message: Mapping[str, Any]) -> str:
    attributes = message.get("MessageAttributes", {})
    return json.dumps({name: value.get("StringValue") for name, value in attributes.items()})


@contextmanager
def repeated(*looks: Callable[[], None], seconds: float = 0.25) -> Iterator[None]:
    """Each look every so many seconds in a thread of its own, until the block ends; raises what a look raised."""
    ended = threading.Event()
    failures: list[BaseException] = []

    def repeat(look: Callable[[], None]) -> None:
        try:
            while not ended.wait(seconds):
                look()
        except BaseException as failure:  # noqa: BLE001 -- handed to the thread that waits
            failures.append(failure)

    threads = [threading.Thread(target=repeat, args=(look,), daemon=True) for look in looks]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
