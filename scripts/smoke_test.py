"""Look, after a deploy, whether the stack works; no call is sent.

    python3 -m scripts.smoke_test                        # the stack of samconfig.toml
    python3 -m scripts.smoke_test --stack coval-relay
    python3 -m scripts.smoke_test --call                 # sends a made-up call, which Coval evaluates
    python3 -m scripts.smoke_test --webhook vapi/eu      # where accounts have entries of their own in the secret

Each platform's webhook URL is sent a webhook that nobody has signed: WebhookRejectedAlarm fires, and ends again.

Each line says what is well, what has to be mended and how, or (?) what has to be looked at again or these credentials
may not see. The exit status is 1 where something has to be mended. It needs boto3; cloudformation:DescribeStacks,
cloudformation:ListStackResources, lambda:GetFunctionConfiguration, lambda:ListEventSourceMappings and
lambda:InvokeFunction on the functions, sqs:GetQueueAttributes on the queues, cloudwatch:DescribeAlarms, and with --call
dynamodb:GetItem on the table.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from botocore.config import Config

from scripts import deployment, ways_in
from scripts.dead_letters import in_queue
from scripts.deployment import Deployment
from scripts.report import Line, Mark, asked, printed
from scripts.send_again import item_of

SWEEP = {"source": "coval.relay", "detail-type": "Sweep"}
SKIPPED = {"source": "aws.s3", "detail-type": "Object Tags Added", "detail": {}}
"""An event that the functions know, and leave alone."""
FUNCTIONS: Mapping[str, Mapping[str, Any]] = {
    "SubmitTranscript": SKIPPED,
    "UploadRecording": SKIPPED,
    "AttachRecording": SWEEP,
}
DEAD_LETTERS = ("CallEndDeadLetter", "RecordingDeadLetter", "AttachDeadLetter", "Undelivered")
ONCE = Config(read_timeout=180, retries={"total_max_attempts": 1})
"""A sweep may take longer than boto3 waits for by itself, and is not begun again."""
FRESH = timedelta(minutes=20)
"""How long after its making an alarm on what is missing may stand: the sweep's looks at 15 minutes."""
OWN_WEBHOOKS = timedelta(minutes=5)
"""How long WebhookRejectedAlarm may stand for unsigned webhooks of an earlier smoke test."""
MOST_NAMES = 100
"""Of DescribeAlarms."""
ERRORS = "docs/errors.md says what the code means"


@dataclass(frozen=True, slots=True)
class Deployed:
    """The stack, as CloudFormation has it."""

    deployment: Deployment
    outputs: Mapping[str, str]
    platforms: Sequence[str] = ()
    """Those of its parameters."""
    webhooks: Sequence[str] = ()
    """Ways in that were named, beside the platforms' own."""

    def client(self, service: str, config: Config | None = None) -> Any:
        return self.deployment.client(service, config)


def looked_at(stack: Deployed) -> Iterator[Line]:
    """All lines, in the order of a call's way."""
    for function, event in FUNCTIONS.items():
        yield from asked(function, partial(mapping, stack, function))
        yield from asked(function, partial(invocation, stack, function, event))
    yield from ways_in.looked_at(stack.outputs, stack.platforms, stack.webhooks)
    for queue in DEAD_LETTERS:
        yield from asked(f"{queue}Queue", partial(emptiness, stack, queue))
    yield from asked("alarms", partial(alarms, stack))


def mapping(stack: Deployed, function: str) -> Iterator[Line]:
    """Whether Lambda reads the function's queue."""
    name = stack.outputs[f"{function}FunctionName"]
    found = stack.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    states = sorted({one["State"] for one in found})
    if states == ["Enabled"]:
        yield Line(Mark.WELL, function, "reads its queue")
    else:
        yield Line(Mark.MEND, function, f"its queue's mapping is {states or 'missing'}", "enable it, or deploy again")


def invocation(stack: Deployed, function: str, event: Mapping[str, Any]) -> Iterator[Line]:
    """Whether it starts, finds its configuration, and ends."""
    answer = invoked(stack, function, event)
    if answer.error:
        yield Line(Mark.MEND, function, f"ends with {answer.error}", ERRORS)
    else:
        yield Line(Mark.WELL, function, f"runs, in {answer.seconds:.1f} s")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an invocation gave, and how long it took."""

    error: str
    seconds: float


def invoked(stack: Deployed, function: str, event: Mapping[str, Any]) -> Answer:
    began = time.monotonic()
    name = stack.outputs[f"{function}FunctionName"]
    answer = stack.client("lambda", ONCE).invoke(FunctionName=name, Payload=json.dumps(event))
    said = json.loads(answer["Payload"].read() or "null")
    error = str(said.get("errorMessage", "an error")) if answer.get("FunctionError") else ""
    return Answer(error, time.monotonic() - began)


def emptiness(stack: Deployed, queue: str) -> Iterator[Line]:
    """Whether dead letters lie there, those that somebody looks at among them."""
    count, hidden = in_queue(stack.client("sqs"), stack.outputs[f"{queue}QueueUrl"])
    if count:
        said = f"has {count} messages" + (f", {hidden} of them hidden: somebody looks at them" if hidden else "")
        yield Line(Mark.MEND, f"{queue}Queue", said, f"python3 -m scripts.dead_letters show{stack.deployment.options}")
    else:
        yield Line(Mark.WELL, f"{queue}Queue", "is empty")


def alarms(stack: Deployed) -> Iterator[Line]:
    """Those of the stack that have fired; other stacks' names may begin with its own."""
    names = list(_alarm_names(stack))
    paginator, now = stack.client("cloudwatch").get_paginator("describe_alarms"), datetime.now(UTC)
    looks = (
        paginator.paginate(AlarmNames=names[start : start + MOST_NAMES], StateValue="ALARM")
        for start in range(0, len(names), MOST_NAMES)
    )
    fired = [alarm for pages in looks for page in pages for alarm in page["MetricAlarms"]]
    yield from (alarm_line(alarm, now) for alarm in fired)
    if not fired:
        yield Line(Mark.WELL, "alarms", f"none of {len(names)} has fired")


def _alarm_names(stack: Deployed) -> Iterator[str]:
    paginator = stack.client("cloudformation").get_paginator("list_stack_resources")
    for page in paginator.paginate(StackName=stack.deployment.stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::CloudWatch::Alarm" and "PhysicalResourceId" in resource:
                yield resource["PhysicalResourceId"]


def alarm_line(alarm: Mapping[str, Any], now: datetime) -> Line:
    """Some end by themselves: what is missing comes after a deploy, and our own unsigned webhooks are over."""
    name, said = alarm["AlarmName"], alarm.get("AlarmDescription", "")
    age = now - alarm["AlarmConfigurationUpdatedTimestamp"]
    if alarm.get("MetricName") == "WebhookRejected" and now - alarm["StateUpdatedTimestamp"] < OWN_WEBHOOKS:
        return Line(
            Mark.UNSEEN, name, said, "where a smoke test has just run it is that one's: look again in 5 minutes"
        )
    if alarm.get("TreatMissingData") == "breaching" and age < FRESH:
        minutes = -((age - FRESH) // timedelta(minutes=1))
        mend = f"it is new, and ends once that comes: look again in {minutes} minutes"
        return Line(Mark.UNSEEN, name, said, mend)
    return Line(Mark.MEND, name, said, "docs/operations.md")


# --- a made-up call ----------------------------------------------------------------------------------


def sent_call(stack: Deployed) -> Iterator[Line]:
    """A call's end with two turns, handed to the function itself: no platform has to be heard for it."""
    call_id = f"smoke-test-{int(time.time())}"
    answer = invoked(stack, "SubmitTranscript", made_up(call_id))
    if answer.error:
        yield Line(Mark.MEND, call_id, f"was not submitted: {answer.error}", ERRORS)
        return
    item = item_of(stack.client("dynamodb"), stack.outputs["ConversationTableName"], call_id)
    state = item["state"]["S"]
    if state == "SUBMITTED":
        yield Line(Mark.WELL, call_id, f"is in Coval as {item['conversation_id']['S']}")
    else:
        reason = item.get("reason", {}).get("M", {}).get("text", {}).get("S", "its item says no reason")
        yield Line(Mark.MEND, call_id, f"is {state}", reason)


def made_up(call_id: str) -> dict[str, Any]:
    turns = [
        {"role": "assistant", "content": "Hello, this is a smoke test.", "start_time": 0.0, "end_time": 2.0},
        {"role": "user", "content": "Thank you.", "start_time": 2.5, "end_time": 3.0},
    ]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    detail = {
        "schema_version": "1",
        "external_conversation_id": call_id,
        "started_at": now,
        "transcript": {"status": "inline", "messages": turns},
        "recording": {"expected": False},
    }
    return {"source": "smoke.test", "detail-type": "Call Ended", "time": now, "detail": detail}


@deployment.plain_errors()
def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    deployment.add_stack(parser)
    parser.add_argument("--call", action="store_true", help="send a made-up call, which Coval evaluates")
    labels = "way in of an account with an entry of its own, such as vapi/eu"
    parser.add_argument("--webhook", action="append", default=[], metavar="PLATFORM/LABEL", help=labels)
    deployment.add_arguments(parser)
    chosen = parser.parse_args(arguments)
    place = deployment.chosen(chosen)
    found = place.found()
    stack = Deployed(place, found.outputs, found.parameters.get("Platforms", "canonical").split(","), chosen.webhook)
    call = asked("a made-up call", partial(sent_call, stack)) if chosen.call else ()
    return printed(chain(looked_at(stack), call))


if __name__ == "__main__":
    sys.exit(main())
