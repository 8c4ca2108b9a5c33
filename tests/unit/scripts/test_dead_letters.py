"""The script that shows dead letters and sends them again: what it says, what it hides, what it moves."""

import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from coval_relay.adapters.aws import queue_messages, telemetry
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.errors import Reason
from coval_relay.domain.messages import ObjectCreated, PendingExpired, RecordingReady, Resume
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.entrypoints.consumer import dead_letter_attributes
from scripts import dead_letters
from scripts.dead_letters import Chosen, Queue
from tests.support.events import call_ended, object_created, recording_ready

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PHONE = "+15550100002"
ROOM = f"room-{PHONE}"
TABLE = "coval-relay-ConversationTable-1A2B3C"
ROOM_DIGEST = dead_letters.digest_of(ROOM, TABLE)
SENT_AT = "1790951800000"
NOW = 1790951800 + 12 * 86_400 + 3 * 3600 + 59
EVERYTHING = Chosen()
QUEUE = Queue("call_end", "queue", "dead", "/aws/lambda/coval-relay/submit_transcript", TABLE)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "LONG_POLL_SECONDS", 0)


@pytest.fixture
def sqs() -> "Iterator[SQSClient]":
    with mock_aws():
        yield boto3.client("sqs")


@pytest.fixture
def outputs(sqs: "SQSClient") -> dict[str, str]:
    """Those of a stack."""
    kinds = [f"{prefix}{kind}Queue" for prefix in ("CallEnd", "Recording", "Attach") for kind in ("", "DeadLetter")]
    urls = {f"{kind}Url": sqs.create_queue(QueueName=kind)["QueueUrl"] for kind in (*kinds, "UndeliveredQueue")}
    urls |= {f"{kind}Arn": f"arn:aws:sqs:eu-west-2:111122223333:{kind}" for kind in kinds}
    logs = {f"{name}LogGroupName": f"/logs/{name}" for name in dead_letters.LOG_GROUPS.values()}
    return {**urls, **logs, "ConversationTableName": TABLE}


@pytest.fixture
def queues(outputs: dict[str, str]) -> list[Queue]:
    return dead_letters.queues(outputs)


def bury(sqs: "SQSClient", queue: Queue, event: Any, attributes: Mapping[str, str]) -> str:
    """As the functions, and EventBridge, leave a dead letter; its body."""
    body = event if isinstance(event, str) else json.dumps(event)
    typed: Any = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    sqs.send_message(QueueUrl=queue.dead_letters_url, MessageBody=body, MessageAttributes=typed)
    return body


def rejected(code: str = "invalid_input", text: str = "detail.started_at: must be a time") -> dict[str, str]:
    return dead_letter_attributes(Reason(code, text))


def bodies(sqs: "SQSClient", url: str) -> list[str]:
    """What can be received, which is then hidden."""
    found: list[str] = []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in received]
    return sorted(found)


def message(body: str, **attributes: str) -> dict[str, Any]:
    typed = {name: {"StringValue": value} for name, value in attributes.items()}
    system = {"SentTimestamp": SENT_AT}
    return {"Body": body, "ReceiptHandle": "r", "Attributes": system, "MessageAttributes": typed}


def printed(event: Any, **attributes: str) -> str:
    body = event if isinstance(event, str) else json.dumps(event)
    return dead_letters.line(dead_letters.read(QUEUE, message(body, **attributes), NOW))


# --- what is said ------------------------------------------------------------------------------------


def test_a_dead_letter_of_a_function() -> None:
    assert printed(call_ended(ROOM), **rejected()) == (
        f"  2026-10-02T14:36:40+00:00 (12 d 3 h old)  Call Ended  room-*** ({ROOM_DIGEST})\n"
        "    invalid_input: detail.started_at: must be a time"
    )


def test_a_dead_letter_that_sqs_moved_points_to_the_log() -> None:
    assert printed(call_ended("call-1")).splitlines()[1] == (
        "    received_1000_times: SQS moved it after 1000 receives, and its function never came to say why; see "
        "DELIVERY_FAILED, and record.status = timeout, in /aws/lambda/coval-relay/submit_transcript from then on"
    )


def test_a_dead_letter_that_has_waited_too_long_says_for_what() -> None:
    reason = rejected("waited_too_long", "It has waited for 12 days: unauthenticated.")
    assert printed("{}", **reason).splitlines()[1] == "    waited_too_long: It has waited for 12 days: unauthenticated."


def test_a_dead_letter_of_eventbridge(queues: list[Queue]) -> None:
    attributes = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "hush", "RETRY_ATTEMPTS": "0"}
    dead_letter = dead_letters.read(queues[-1], message(json.dumps(call_ended("call-1")), **attributes), NOW)
    assert dead_letters.line(dead_letter).splitlines()[1] == (
        "    undelivered: EventBridge could not deliver it after 0 retries: NO_PERMISSIONS"
    )


def test_a_dead_letter_of_eventbridge_that_does_not_say_why(queues: list[Queue]) -> None:
    dead_letter = dead_letters.read(queues[-1], message("{}"), NOW)
    assert (dead_letter.code, dead_letter.reason) == ("undelivered", "EventBridge has not said why")


def test_a_clock_that_is_behind_makes_no_dead_letter_younger_than_new() -> None:
    assert dead_letters.read(QUEUE, message("{}"), 0.0).age == 0


def test_a_reason_is_shown_as_it_was_written() -> None:
    assert printed("{}", **rejected("x", 'must have no "é"')).splitlines()[1] == '    x: must have no "é"'
    assert printed("{}", **rejected("x", "a" * 255 + '"')).splitlines()[1] == f"    x: {'a' * 255}\\"


@pytest.mark.parametrize("body", ["", "{broken", "[]", "7", "null", '{"detail": 7}', "[" * 100_000])
def test_a_body_that_is_no_event(body: str) -> None:
    first = printed(body, **rejected()).splitlines()[0]
    assert first == "  2026-10-02T14:36:40+00:00 (12 d 3 h old)  no event  (no call)"


CREATED = ObjectCreated(
    version=ObjectVersion("recordings", f"rec/{PHONE}.wav", "e"), size=1, sort_key="1", created_at=1
)
MESSAGE_PENDING = PendingMessage("identity", "recording", queue_messages.to_text(CREATED), 1)
SUBJECTS = [
    (call_ended(ROOM), ROOM),
    (recording_ready("https://media.example.com/a.wav?token=hush", ROOM), ROOM),
    (object_created(f"rec/{PHONE}.wav", b""), f"rec/{PHONE}.wav"),
    (queue_messages.to_event(CREATED), f"rec/{PHONE}.wav"),
    (queue_messages.to_event(Resume(ROOM)), ROOM),
    (queue_messages.to_event(PendingExpired(Alias("room", ROOM), MESSAGE_PENDING)), f"rec/{PHONE}.wav"),
    (
        queue_messages.to_event(RecordingReady(target=f"alias#room#{ROOM}", uri="https://h/?t=hush", created_at=1)),
        f"alias#room#{ROOM}",
    ),
    ({"detail-type": "Aliases Known", "detail": {"alias": {"type": "room", "value": ROOM}}}, ROOM),
    ({"detail-type": "Call Ended", "detail": {"external_conversation_id": 7}}, ""),
]


@pytest.mark.parametrize(("event", "subject"), SUBJECTS, ids=lambda value: str(value)[:30])
def test_what_a_dead_letter_is_about(event: dict[str, Any], subject: str) -> None:
    dead_letter = dead_letters.read(QUEUE, message(json.dumps(event)), NOW)
    assert (dead_letter.subject, dead_letter.kind) == (subject, event["detail-type"])
    for private in (PHONE, PHONE[1:], "hush"):
        assert private not in dead_letters.line(dead_letter)


KEY = "recordings/Jane Doe, oncology\x07.wav"
PRIVATE = [
    (object_created(KEY, b""), KEY),
    (queue_messages.to_event(PendingExpired(Alias("room", "Jane Doe"), MESSAGE_PENDING)), f"rec/{PHONE}.wav"),
    ({"detail-type": "Aliases Known", "detail": {"alias": {"type": "room", "value": "Jane Doe"}}}, "Jane Doe"),
    ({"detail-type": "Recording Ready", "detail": {"target": "alias#room#Jane Doe"}}, "alias#room#Jane Doe"),
]


@pytest.mark.parametrize(("event", "subject"), PRIVATE, ids=["object", "pending", "alias", "target"])
def test_objects_and_aliases_may_name_people_and_are_named_by_their_digest(event: dict[str, Any], subject: str) -> None:
    digest = dead_letters.digest_of(subject, TABLE)
    begins = f"  2026-10-02T14:36:40+00:00 (12 d 3 h old)  {event['detail-type']}"
    assert printed(event, **rejected()) == f"{begins}  ({digest})\n    invalid_input: detail.started_at: must be a time"
    dead_letter = dead_letters.read(QUEUE, message(json.dumps(event)), NOW)
    assert dead_letter in Chosen(call=digest)
    whole = dead_letters.line(dead_letter, whole=True).splitlines()[0]
    assert whole == f"{begins}  {subject.replace(chr(7), '?')} ({digest})"


def test_with_its_body_an_object_is_named_whole(sqs: "SQSClient", queues: list[Queue]) -> None:
    bury(sqs, queues[1], object_created(KEY, b""), rejected())
    hidden, whole = (list(dead_letters.show(sqs, queues[1:2], EVERYTHING, bodies=bodies)) for bodies in (False, True))
    assert ("Jane" in "".join(hidden), "recordings/Jane Doe, oncology?.wav (" in whole[1]) == (False, True)
    (again,) = dead_letters.send_again(sqs, queues[1:2], EVERYTHING)
    assert "Jane" not in again


@pytest.mark.parametrize(
    "name",
    [
        ROOM,
        "+1 (555) 010-0002",
        "acme-8842",
        "a4f6c0de-0000-4000-8000-000000000001",
        "CA00000000000000000000000000000002",
        "room_1_555_010_0002",
        "trunk/555/010/0002",
    ],
)
def test_calls_are_named_as_in_the_log(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", TABLE)
    logged = telemetry.call_fields(name)
    shown = f"{logged['external_conversation_id']} ({logged['call_digest']})"
    assert printed(call_ended(name)).splitlines()[0].endswith(f"  {shown}")


def test_nothing_steers_the_terminal() -> None:
    forged = {"detail-type": "\x1b[2Jx\ny", "detail": {"external_conversation_id": "\x1b]0;x\x07\u202e"}}
    assert [line.isprintable() for line in printed(forged).splitlines()] == [True, True]


# --- what is moved -----------------------------------------------------------------------------------


def test_to_show_dead_letters_leaves_all_where_they_are(sqs: "SQSClient", queues: list[Queue]) -> None:
    buried = [bury(sqs, queues[0], call_ended(f"call-{n}"), rejected()) for n in range(23)]
    for _ in range(2):
        lines = list(dead_letters.show(sqs, queues, EVERYTHING, bodies=False))
        assert [lines[0], *lines[-3:]] == [
            "call_end: 23 of 23 dead letters",
            "recording: 0 of 0 dead letters",
            "attach: 0 of 0 dead letters",
            "undelivered: 0 of 0 dead letters",
        ]
        assert len(lines) == 27
    assert bodies(sqs, queues[0].dead_letters_url) == sorted(buried)


def test_bodies_are_shown_when_they_are_asked_for(sqs: "SQSClient", queues: list[Queue]) -> None:
    body = bury(sqs, queues[2], call_ended(ROOM), rejected())
    assert not any("Acme" in line for line in dead_letters.show(sqs, queues, EVERYTHING, bodies=False))
    assert list(dead_letters.show(sqs, queues, EVERYTHING, bodies=True))[-2] == f"    {body}"


def test_dead_letters_go_back_to_their_own_queue(sqs: "SQSClient", queues: list[Queue]) -> None:
    own = queues[:3]
    buried = [bury(sqs, queue, call_ended(queue.name), rejected()) for queue in own]
    lines = list(dead_letters.send_again(sqs, queues, EVERYTHING))
    assert [line.splitlines()[0] for line in lines] == [f"{queue.name}: sent again" for queue in own]
    assert [bodies(sqs, queue.url) for queue in own] == [[body] for body in buried]
    assert [bodies(sqs, queue.dead_letters_url) for queue in queues] == [[], [], [], []]


def test_what_eventbridge_could_not_deliver_goes_where_it_was_meant_to(
    sqs: "SQSClient", queues: list[Queue], outputs: dict[str, str]
) -> None:
    *own, undelivered = queues
    buried = [
        bury(sqs, undelivered, call_ended(prefix), {"ERROR_CODE": "SDK_CLIENT_ERROR", "TARGET_ARN": outputs[arn]})
        for prefix, arn in (("1", "CallEndQueueArn"), ("2", "RecordingQueueArn"), ("3", "AttachQueueArn"))
    ]
    lines = list(dead_letters.send_again(sqs, queues, EVERYTHING))
    assert [line.splitlines()[0] for line in lines] == ["undelivered: sent again"] * 3
    assert [bodies(sqs, queue.url) for queue in own] == [[body] for body in buried]
    assert bodies(sqs, undelivered.dead_letters_url) == []


def test_what_was_for_no_queue_of_the_stack_is_left(sqs: "SQSClient", queues: list[Queue]) -> None:
    foreign = {"ERROR_CODE": "NO_RESOURCE", "TARGET_ARN": "arn:aws:sqs:eu-west-2:111122223333:elsewhere"}
    body = bury(sqs, queues[-1], call_ended(), foreign)
    (line,) = dead_letters.send_again(sqs, queues, EVERYTHING)
    assert line.startswith("undelivered: left, since it was for no queue of this stack\n")
    assert bodies(sqs, queues[-1].dead_letters_url) == [body]


def test_a_second_time_there_is_nothing_left_to_send(sqs: "SQSClient", queues: list[Queue]) -> None:
    bury(sqs, queues[0], call_ended(), rejected())
    assert len(list(dead_letters.send_again(sqs, queues, EVERYTHING))) == 1
    assert list(dead_letters.send_again(sqs, queues, EVERYTHING)) == []
    assert len(bodies(sqs, queues[0].url)) == 1


def test_what_has_waited_too_long_may_wait_anew(sqs: "SQSClient", queues: list[Queue]) -> None:
    bury(sqs, queues[0], call_ended(), rejected("waited_too_long"))
    list(dead_letters.send_again(sqs, queues, EVERYTHING))
    (sent,) = sqs.receive_message(QueueUrl=queues[0].url, MessageAttributeNames=["All"])["Messages"]
    assert "MessageAttributes" not in sent


@pytest.mark.parametrize(
    "chosen",
    [
        Chosen(reason="access_denied"),
        Chosen(call=ROOM),
        Chosen(call=ROOM_DIGEST),
        Chosen(reason="access_denied", call=ROOM),
    ],
)
def test_only_the_chosen_dead_letters_are_sent(sqs: "SQSClient", queues: list[Queue], chosen: Chosen) -> None:
    left = bury(sqs, queues[1], call_ended("call-1"), rejected())
    sent = bury(sqs, queues[1], call_ended(ROOM), rejected("access_denied", "S3 denied it"))
    assert len(list(dead_letters.send_again(sqs, queues, chosen))) == 1
    assert (bodies(sqs, queues[1].url), bodies(sqs, queues[1].dead_letters_url)) == ([sent], [left])


@dataclass
class Broken:
    """A client one of whose requests fails."""

    client: "SQSClient"
    request: str

    def __getattr__(self, name: str) -> Any:
        if name == self.request:
            raise ConnectionError(name)
        return getattr(self.client, name)


def test_a_dead_letter_that_could_not_be_sent_is_not_deleted(sqs: "SQSClient", queues: list[Queue]) -> None:
    body = bury(sqs, queues[0], call_ended(), rejected())
    client: Any = Broken(sqs, "send_message")
    with pytest.raises(ConnectionError):
        list(dead_letters.send_again(client, queues, EVERYTHING))
    assert (bodies(sqs, queues[0].url), bodies(sqs, queues[0].dead_letters_url)) == ([], [body])


def test_a_death_between_sending_and_deleting_sends_twice_and_loses_nothing(
    sqs: "SQSClient", queues: list[Queue]
) -> None:
    body = bury(sqs, queues[0], call_ended(), rejected())
    client: Any = Broken(sqs, "delete_message")
    with pytest.raises(ConnectionError):
        list(dead_letters.send_again(client, queues, EVERYTHING))
    list(dead_letters.send_again(sqs, queues, EVERYTHING))
    assert (bodies(sqs, queues[0].url), bodies(sqs, queues[0].dead_letters_url)) == ([body, body], [])


def test_what_comes_back_at_once_is_not_sent_on_for_ever(sqs: "SQSClient", queues: list[Queue]) -> None:
    bury(sqs, queues[0], call_ended(), rejected())
    for _ in dead_letters.send_again(sqs, queues, EVERYTHING):
        bury(sqs, queues[0], call_ended(), rejected())
    assert len(bodies(sqs, queues[0].url)) == 1
    assert len(bodies(sqs, queues[0].dead_letters_url)) == 1


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def commanded(sqs: "SQSClient", outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> "SQSClient":
    """The clients that the command makes: the stack's outputs, and the queues."""

    class Stacks:
        def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
            named = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
            return {"Stacks": [{"Outputs": named if StackName == "mine" else []}]}

    clients = {"cloudformation": Stacks(), "sqs": sqs}
    monkeypatch.setattr(boto3.Session, "client", lambda _, service, **__: clients[service])
    return sqs


@pytest.mark.usefixtures("commanded")
def test_the_command(sqs: "SQSClient", queues: list[Queue], capsys: pytest.CaptureFixture[str]) -> None:
    for queue in queues:
        bury(sqs, queue, call_ended("call-1"), rejected())
    dead_letters.main(["show", "--stack", "mine", "--queue", "undelivered"])
    assert capsys.readouterr().out.splitlines()[0] == "undelivered: 1 of 1 dead letters"
    dead_letters.main(["show", "--stack", "mine", "--queue", "attach"])
    assert capsys.readouterr().out.splitlines()[0] == "attach: 1 of 1 dead letters"
    dead_letters.main(["send-again", "--stack", "mine", "--queue", "attach", "--reason", "invalid_input"])
    assert capsys.readouterr().out.splitlines()[0] == "attach: sent again"
    assert [len(bodies(sqs, queue.dead_letters_url)) for queue in queues] == [1, 1, 0, 1]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (
            {"webhook": {"platform": "vapi", "type": "end-of-call-report", "text": "{}"}},
            "webhook of vapi: end-of-call-report",
        ),
        ({"webhook": {"platform": "daily", "type": "", "text": "words"}}, "webhook of daily: no kind"),
        ({"webhook": 7, "detail-type": "Call Ended"}, "Call Ended"),
        ({}, "no event"),
    ],
)
def test_a_webhook_is_named_by_its_platform_and_kind(event: dict[str, Any], kind: str) -> None:
    assert dead_letters.kind_of(event) == kind


# --- what is taken is given back ---------------------------------------------------------------------


@dataclass
class Interrupted:
    """A client that nobody hears any more after some receives; what it is asked afterwards is answered."""

    client: "SQSClient"
    error: BaseException
    receives: int = 2

    def receive_message(self, **asked: Any) -> Any:
        self.receives -= 1
        if self.receives < 0:
            raise self.error
        return self.client.receive_message(**asked)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def aws_error(code: str, text: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": text}}, "Ask")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), aws_error("ExpiredToken"), aws_error("RequestThrottled")])
@pytest.mark.parametrize("again", [False, True])
def test_who_is_interrupted_while_it_lists_gives_all_back(
    sqs: "SQSClient", queues: list[Queue], error: BaseException, again: bool
) -> None:
    buried = [bury(sqs, queues[0], call_ended(f"call-{n}"), rejected()) for n in range(23)]
    client: Any = Interrupted(sqs, error)
    lines = (
        dead_letters.send_again(client, queues, EVERYTHING)
        if again
        else dead_letters.show(client, queues, EVERYTHING, bodies=False)
    )
    with pytest.raises(type(error)):
        list(lines)
    assert bodies(sqs, queues[0].dead_letters_url) == sorted(buried)
    assert bodies(sqs, queues[0].url) == []


@pytest.mark.usefixtures("commanded")
def test_so_does_who_is_interrupted_while_it_prints(
    sqs: "SQSClient", queues: list[Queue], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    body = bury(sqs, queues[0], call_ended(), rejected())
    monkeypatch.setattr("builtins.print", interrupted)
    with pytest.raises(SystemExit) as ended:
        dead_letters.main(["show", "--stack", "mine"])
    assert bodies(sqs, queues[0].dead_letters_url) == [body]
    assert ended.value.code == "interrupted"


GONE = "Value handle for parameter ReceiptHandle is invalid. Reason: Message does not exist or is "
GONE += "not available for visibility timeout change."


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (aws_error("AWS.SimpleQueueService.MessageNotInflight"), nullcontext()),
        (aws_error("MessageNotInflight"), nullcontext()),
        (aws_error("InvalidParameterValue", GONE), nullcontext()),
        (aws_error("InvalidParameterValue", "VisibilityTimeout must be"), pytest.raises(ClientError, match="must be")),
        (aws_error("AccessDenied"), pytest.raises(ClientError, match="AccessDenied")),
        (EndpointConnectionError(endpoint_url="https://x.test"), pytest.raises(EndpointConnectionError)),
    ],
)
def test_each_is_given_back_whatever_became_of_the_one_before(
    sqs: "SQSClient", queues: list[Queue], error: Exception, raised: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is gone, or back by itself, is no error."""
    buried = [bury(sqs, queues[0], call_ended(f"call-{n}"), rejected()) for n in range(3)]
    change, errors = sqs.change_message_visibility, [error]

    def failing_once(**asked: Any) -> Any:
        if errors:
            raise errors.pop()
        return change(**asked)

    monkeypatch.setattr(sqs, "change_message_visibility", failing_once)
    with raised:
        list(dead_letters.show(sqs, queues[:1], EVERYTHING, bodies=False))
    left = bodies(sqs, queues[0].dead_letters_url)
    assert (len(left), {*left} <= {*buried}) == (2, True)


def test_what_somebody_else_has_taken_is_counted(sqs: "SQSClient", queues: list[Queue]) -> None:
    for n in range(3):
        bury(sqs, queues[0], call_ended(f"call-{n}"), rejected())
    sqs.receive_message(QueueUrl=queues[0].dead_letters_url, MaxNumberOfMessages=2)
    said = "call_end: 2 more are hidden now: somebody looks at them, or was interrupted; all are back within 10 minutes"
    shown = list(dead_letters.show(sqs, queues[:1], EVERYTHING, bodies=False))
    assert (shown[:2], len(shown)) == (["call_end: 1 of 1 dead letters", said], 3)
    first, second = dead_letters.send_again(sqs, queues[:1], EVERYTHING)
    assert (first, second.splitlines()[0]) == (said, "call_end: sent again")
