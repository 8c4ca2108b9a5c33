"""Show the dead letters of a stack, and send them again once the cause is mended.

    python3 -m scripts.dead_letters show                        # of the stack of samconfig.toml
    python3 -m scripts.dead_letters show --stack coval-relay
    python3 -m scripts.dead_letters send-again --reason waited_too_long

It needs boto3; cloudformation:DescribeStacks, sqs:ReceiveMessage, sqs:ChangeMessageVisibility, sqs:DeleteMessage and
sqs:GetQueueAttributes on the dead-letter queues, and sqs:SendMessage on the queues, whose policies deny everybody that
the stack's parameter QueueSenderArns does not name. Without --bodies it prints no event: calls are named as in the
log, by the id with phone numbers masked and by a digest; objects and aliases by a digest alone.
"""

import argparse
import hashlib
import json
import re
import time
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from scripts import deployment

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

QUEUES = {"call_end": "CallEnd", "recording": "Recording", "attach": "Attach"}
"""The names on the command line, and how the stack's outputs begin."""
LOG_GROUPS = {"CallEnd": "SubmitTranscript", "Recording": "UploadRecording", "Attach": "AttachRecording"}
HIDDEN_SECONDS = 600
"""How long nobody else sees what is being looked at; at the end it is given back at once."""
BACK = f"all are back within {HIDDEN_SECONDS // 60} minutes"
GONE = "not available for visibility timeout change"
"""In SQS's words: deleted meanwhile."""
LONG_POLL_SECONDS = 2
RECEIVED_TOO_OFTEN, UNDELIVERED = "received_1000_times", "undelivered"
"""What is no reason of the relay's own: SQS moved the message, or EventBridge could not deliver the event."""

OPAQUE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z]{2}[0-9a-f]{32}", re.IGNORECASE)
PHONE_NUMBER = re.compile(r"\+?\d(?:[\W_]*\d){6,}")
"""Both as in the log (coval_relay/adapters/aws/telemetry.py)."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue, its dead-letter queue, and the log of the function that reads it.

    What EventBridge could not deliver lies apart, and belongs to several queues: there `url` is empty.
    """

    name: str
    url: str
    dead_letters_url: str
    log_group: str
    table: str
    """The calls' table: its name salts the digests."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """The queues' URLs by their ARNs, as EventBridge names them on what it could not deliver."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter, and what may be said of it."""

    queue: Queue
    receipt: str
    body: str
    target: str
    """The URL of the queue that it is sent to again; empty where none of the stack's is meant."""
    sent_at: int
    """When it, or the message that it was where SQS moved it, came into its queue: epoch milliseconds."""
    age: int
    """In seconds since then; SQS deletes it after 14 days."""
    kind: str
    subject: str
    is_call: bool
    """The subject is a call's id, no object's key and no alias, which may name people."""
    code: str
    reason: str

    @property
    def digest(self) -> str:
        return digest_of(self.subject, self.queue.table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which dead letters are meant; what is empty means all."""

    reason: str = ""
    call: str = ""

    def __contains__(self, dead_letter: DeadLetter) -> bool:
        return self.call in ("", dead_letter.digest, dead_letter.subject) and self.reason in (
            "",
            dead_letter.code,
        )


# --- what a dead letter is ---------------------------------------------------------------------------


def read(queue: Queue, message: Mapping[str, Any], now: float) -> DeadLetter:
    """What a message of a dead-letter queue says; `now` is in epoch seconds."""
    event = _event(message["Body"])
    attributes = {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}
    code, reason = _reason(queue, attributes)
    sent_at = int(message["Attributes"]["SentTimestamp"])
    return DeadLetter(
        queue=queue,
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        target=queue.url or queue.targets.get(attributes.get("TARGET_ARN", ""), ""),
        sent_at=sent_at,
        age=max(int(now - sent_at / 1000), 0),
        kind=shown(kind_of(event)),
        subject=subject(event),
        is_call=bool(call_of(event)),
        code=code,
        reason=reason,
    )


def kind_of(event: Mapping[str, Any]) -> str:
    """An event's detail-type, or a webhook's platform and kind."""
    webhook = _mapping(event.get("webhook"))
    if webhook:
        return f"webhook of {webhook.get('platform')}: {webhook.get('type') or 'no kind'}"
    return str(event.get("detail-type", "no event"))


def subject(event: Mapping[str, Any]) -> str:
    """The call's id, else its alias or the object's key; empty where the event names none."""
    detail = _detail(event)
    names = (
        call_of(event),
        detail.get("target"),
        _mapping(detail.get("alias")).get("value"),
        _mapping(detail.get("object")).get("key"),
        _mapping(detail.get("version")).get("key"),
    )
    return next((name for name in names if isinstance(name, str) and name), "")


def call_of(event: Mapping[str, Any]) -> str:
    """The call's id, empty where the event names none."""
    found = _detail(event).get("external_conversation_id")
    return found if isinstance(found, str) else ""


def _detail(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of what waits for an alias its own event's."""
    detail = _mapping(event.get("detail"))
    pending = _mapping(detail.get("pending"))
    return _detail(_event(pending.get("event"))) if pending else detail


def digest_of(name: str, table: str) -> str:
    """As on the lines of the log (coval_relay/adapters/aws/telemetry.py)."""
    return hashlib.sha256(f"{table}/{name}".encode(errors="surrogatepass")).hexdigest()[:16]


def shown(name: str) -> str:
    """Without phone numbers, and without what could steer a terminal."""
    visible = printable(name)
    return visible if OPAQUE_ID.fullmatch(visible) else PHONE_NUMBER.sub("***", visible)


def printable(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name)


def _reason(queue: Queue, attributes: Mapping[str, str]) -> tuple[str, str]:
    """The relay's own words; EventBridge's, where it could not deliver; else SQS moved the message itself."""
    if "reason_code" in attributes:
        return attributes["reason_code"], _decoded(attributes.get("reason", ""))
    if "ERROR_CODE" in attributes:
        tries = f" after {attributes['RETRY_ATTEMPTS']} retries" if "RETRY_ATTEMPTS" in attributes else ""
        return UNDELIVERED, f"EventBridge could not deliver it{tries}: {attributes['ERROR_CODE']}"
    if not queue.url:
        return UNDELIVERED, "EventBridge has not said why"
    where = f"see DELIVERY_FAILED, and record.status = timeout, in {queue.log_group} from then on"
    return RECEIVED_TOO_OFTEN, f"SQS moved it after 1000 receives, and its function never came to say why; {where}"


def _decoded(reason: str) -> str:
    """The reason is kept as the inside of a JSON string, which may be cut off in the middle of an escape."""
    try:
        return str(json.loads(f'"{reason}"'))
    except ValueError:
        return reason


def _event(body: object) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(str(body)))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


# --- the queues --------------------------------------------------------------------------------------


def queues(outputs: Mapping[str, str]) -> list[Queue]:
    """The queues of a stack, by its outputs."""
    table = outputs["ConversationTableName"]
    targets = {outputs[f"{prefix}QueueArn"]: outputs[f"{prefix}QueueUrl"] for prefix in QUEUES.values()}
    undelivered = Queue(UNDELIVERED, "", outputs["UndeliveredQueueUrl"], "", table, targets)
    own = [
        Queue(
            name=name,
            url=outputs[f"{prefix}QueueUrl"],
            dead_letters_url=outputs[f"{prefix}DeadLetterQueueUrl"],
            log_group=outputs[f"{LOG_GROUPS[prefix]}LogGroupName"],
            table=table,
        )
        for name, prefix in QUEUES.items()
    ]
    return [*own, undelivered]


@contextmanager
def taken(client: "SQSClient", queue: Queue) -> Iterator[dict[str, DeadLetter]]:
    """All dead letters of one queue by message id, hidden from others; what is left in it at the end is given back."""
    dead_letters: dict[str, DeadLetter] = {}
    try:
        while messages := _received(client, queue):
            known = len(dead_letters)
            for message in messages:
                dead_letters[message["MessageId"]] = read(queue, message, time.time())
            if len(dead_letters) == known:
                break
        yield dead_letters
    finally:
        give_back(client, dead_letters.values())


def _received(client: "SQSClient", queue: Queue) -> Sequence[Mapping[str, Any]]:
    answer = client.receive_message(
        QueueUrl=queue.dead_letters_url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["SentTimestamp"],
        VisibilityTimeout=HIDDEN_SECONDS,
        WaitTimeSeconds=LONG_POLL_SECONDS,
    )
    return answer.get("Messages", [])


def give_back(client: "SQSClient", dead_letters: Iterable[DeadLetter]) -> None:
    """At once, each whatever became of the one before it; then raises the first error."""
    errors = [error for dead_letter in dead_letters if (error := _given_back(client, dead_letter))]
    if errors:
        raise errors[0]


def _given_back(client: "SQSClient", dead_letter: DeadLetter) -> Exception | None:
    """What has been looked at for long is back by itself, and may be gone."""
    try:
        client.change_message_visibility(
            QueueUrl=dead_letter.queue.dead_letters_url, ReceiptHandle=dead_letter.receipt, VisibilityTimeout=0
        )
    except ClientError as error:
        code = error.response["Error"]["Code"].rpartition(".")[2]  # with the service's name or without, by the protocol
        gone = code == "InvalidParameterValue" and GONE in error.response["Error"].get("Message", "")
        return None if gone or code == "MessageNotInflight" else error
    except BotoCoreError as error:
        return error
    return None


def in_queue(client: "SQSClient", url: str) -> tuple[int, int]:
    """About how many messages there are, and how many of these are hidden."""
    names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    visible, hidden = (int(found[name]) for name in names)
    return visible + hidden, hidden


def others(client: "SQSClient", queue: Queue, dead_letters: Collection[DeadLetter]) -> Iterator[str]:
    """What is hidden beside these: SQS counts late, and so what was given back would count for a while."""
    _, hidden = in_queue(client, queue.dead_letters_url)
    if more := max(hidden - len(dead_letters), 0):
        yield f"{queue.name}: {more} more are hidden now: somebody looks at them, or was interrupted; {BACK}"


def show(client: "SQSClient", found: Sequence[Queue], chosen: Chosen, *, bodies: bool) -> Generator[str]:
    """The chosen dead letters in words, oldest first; all stay where they are."""
    for queue in found:
        with taken(client, queue) as held:
            matching = sorted(
                (dead_letter for dead_letter in held.values() if dead_letter in chosen),
                key=lambda one: one.sent_at,
            )
            yield f"{queue.name}: {len(matching)} of {len(held)} dead letters"
            yield from others(client, queue, held.values())
            for dead_letter in matching:
                yield line(dead_letter, whole=bodies)
                if bodies:
                    yield f"    {dead_letter.body}"


def line(dead_letter: DeadLetter, *, whole: bool = False) -> str:
    when = datetime.fromtimestamp(dead_letter.sent_at / 1000, UTC).isoformat(timespec="seconds")
    about = named(dead_letter, whole=whole) if dead_letter.subject else "(no call)"
    age = f"{dead_letter.age // 86400} d {dead_letter.age % 86400 // 3600} h old"
    return f"  {when} ({age})  {dead_letter.kind}  {about}\n    {shown(dead_letter.code)}: {shown(dead_letter.reason)}"


def named(dead_letter: DeadLetter, *, whole: bool) -> str:
    """A call as in the log, anything else by its digest alone, or whole."""
    if dead_letter.is_call:
        return f"{shown(dead_letter.subject)} ({dead_letter.digest})"
    return f"{printable(dead_letter.subject)} ({dead_letter.digest})" if whole else f"({dead_letter.digest})"


def send_again(client: "SQSClient", found: Sequence[Queue], chosen: Chosen) -> Generator[str]:
    """Send the chosen dead letters to their queues; each is deleted only when it has been sent.

    A death in between leaves it here as well: sent once more, it changes nothing. All are taken before the
    first is sent, so that what comes back while the cause is not mended is not sent on for ever. It is sent
    as a new message, without attributes: what has waited for too long may wait anew.
    """
    for queue in found:
        with taken(client, queue) as left:
            yield from others(client, queue, left.values())
            for name, dead_letter in sorted(left.items(), key=lambda item: item[1].sent_at):
                if dead_letter in chosen and not dead_letter.target:
                    yield f"{queue.name}: left, since it was for no queue of this stack\n{line(dead_letter)}"
                elif dead_letter in chosen:
                    client.send_message(QueueUrl=dead_letter.target, MessageBody=dead_letter.body)
                    client.delete_message(QueueUrl=queue.dead_letters_url, ReceiptHandle=dead_letter.receipt)
                    del left[name]
                    yield f"{queue.name}: sent again\n{line(dead_letter)}"


# --- the command -------------------------------------------------------------------------------------


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["show", "send-again"])
    deployment.add_stack(parser)
    parser.add_argument("--reason", default="", metavar="CODE", help="only dead letters with this reason")
    parser.add_argument("--queue", default="", choices=[*QUEUES, UNDELIVERED], help="only dead letters of this queue")
    parser.add_argument("--call", default="", metavar="ID", help="only dead letters of this call: its id or digest")
    parser.add_argument("--bodies", action="store_true", help="show the events, transcripts and all")
    deployment.add_arguments(parser)
    return parser.parse_args(arguments)


@deployment.plain_errors()
def main(arguments: Sequence[str] | None = None) -> None:
    given = _arguments(arguments)
    chosen = Chosen(reason=given.reason, call=given.call)
    stack = deployment.chosen(given)
    found = [queue for queue in queues(stack.found().outputs) if given.queue in ("", queue.name)]
    client: SQSClient = stack.client("sqs")
    if given.command == "show":
        lines = show(client, found, chosen, bodies=given.bodies)
    else:
        lines = send_again(client, found, chosen)
    with closing(lines):  # whatever happens while it prints, what was taken is given back
        for text in lines:
            print(text)


if __name__ == "__main__":
    main()
