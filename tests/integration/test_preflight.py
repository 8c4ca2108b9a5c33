"""The look before the first deploy, at accounts of the emulator: what is well, what has to be mended and how."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from scripts.notify_relay import enable
from scripts.preflight.__main__ import main
from scripts.preflight.account import Account
from scripts.preflight.looks import looked_at
from scripts.preflight.parameters import DEFAULTS
from scripts.report import Line, Mark

REGION, OTHER = "eu-west-2", "444455556666"
OPERATORS = "arn:aws:iam::111122223333:role/operators"


class Limits:
    """The emulator's account has its own idea of a quota."""

    def __init__(self, free: int) -> None:
        self.free = free

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": self.free}}


class World:
    """An account of its own, empty at first: the emulator takes a key of 12 digits for an account."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.number = str(10**11 + secrets.randbelow(10**11))

    def client(self, service: str, region: str = REGION) -> Any:
        made: Any = boto3.client
        keys = {"aws_access_key_id": self.number, "aws_secret_access_key": "any"}
        return made(service, endpoint_url=self.url, region_name=region, **keys)

    def bucket(self, region: str = REGION) -> str:
        name = f"recordings-{secrets.token_hex(8)}"
        place = {"LocationConstraint": region}
        self.client("s3", region).create_bucket(Bucket=name, CreateBucketConfiguration=place)
        return name

    def secret(self, text: str = "a-key", **more: Any) -> str:
        arn: str = self.client("secretsmanager").create_secret(
            Name=f"coval-{secrets.token_hex(4)}", SecretString=text, **more
        )["ARN"]
        return arn

    def key(self, region: str = REGION) -> str:
        arn: str = self.client("kms", region).create_key()["KeyMetadata"]["Arn"]
        return arn

    def queue(self, name: str) -> str:
        queues = self.client("sqs")
        url = queues.create_queue(QueueName=name)["QueueUrl"]
        arn: str = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return arn

    def account(self, free: int = 1000, /, *, owners: Mapping[str, str] | None = None, **parameters: str) -> Account:
        def client(service: str) -> Any:
            return Limits(free) if service == "lambda" else self.client(service)

        given = {**DEFAULTS, **parameters}
        return Account(client, self.number, REGION, given, owners=owners or {})


@pytest.fixture
def world(aws_url: str) -> World:
    return World(aws_url)


def findings(account: Account) -> dict[str, tuple[Mark, str]]:
    """By subject: the mark, and what is said, with its mend."""
    return {line.subject: (line.mark, f"{line.said} {line.mend}".strip()) for line in looked_at(account)}


def mends(account: Account) -> dict[str, str]:
    return {subject: said for subject, (mark, said) in findings(account).items() if mark is Mark.MEND}


def test_an_account_that_is_ready(world: World) -> None:
    name = world.bucket()
    enable(world.client("s3"), name, apply=True)
    secret = world.secret("a-key")
    ready = world.account(RecordingBuckets=name, CovalApiKeySecretArn=secret, QueueSenderArns=OPERATORS)
    assert findings(ready) == {
        "concurrency": (Mark.WELL, "21 executions at once are asked for, 1000 are free in eu-west-2"),
        "QueueSenderArns": (Mark.WELL, f"may send again: {OPERATORS}"),
        "CovalApiKeySecretArn": (Mark.WELL, "can be read and has the right form"),
        f"bucket {name}": (Mark.WELL, f"is of {world.number}, in eu-west-2"),
        f"bucket {name}, its events": (Mark.WELL, "EventBridge is on"),
        f"bucket {name}, its versions": (
            Mark.WELL,
            "versioning is off: what Coval is to fetch is copied first, lest it be replaced",
        ),
        f"bucket {name}, its key": (Mark.WELL, "needs no other than is named"),
        "EventBusName": (Mark.WELL, "default is there"),
        "AlarmTopicArn": (Mark.UNSEEN, "alarms go to nobody name a topic that somebody listens to"),
    }


# --- quotas


@pytest.mark.parametrize(("free", "well"), [(10, False), (20, False), (21, True)])
def test_a_new_account_s_concurrency_is_too_small(world: World, free: int, well: bool) -> None:
    mark, said = findings(world.account(free))["concurrency"]
    assert mark is (Mark.WELL if well else Mark.MEND)
    assert ("aws service-quotas request-service-quota-increase" in said) is not well


@pytest.mark.parametrize(("free", "webhooks", "well"), [(119, "url", False), (120, "url", True), (41, "none", True)])
def test_what_is_reserved_for_webhooks_leaves_a_hundred(world: World, free: int, webhooks: str, well: bool) -> None:
    account = world.account(free, Webhooks=webhooks, MaximumConcurrency="10,5,5,20")
    mark, said = findings(account)["concurrency"]
    assert mark is (Mark.WELL if well else Mark.MEND)
    assert ("beside the 20 reserved Lambda keeps 100" in said) is not well


# --- secrets


def test_a_secret_that_cannot_be_used_is_not_shown(world: World) -> None:
    arn = world.secret("s3cret with spaces")
    said = mends(world.account(CovalApiKeySecretArn=arn))["CovalApiKeySecretArn"]
    assert said.startswith("cannot be used aws secretsmanager put-secret-value")
    assert "s3cret" not in said


def test_a_secret_that_is_missing_or_elsewhere(world: World) -> None:
    arn = f"arn:aws:secretsmanager:{REGION}:{world.number}:secret:none-AbCdEf"
    assert (
        mends(world.account(CovalApiKeySecretArn=arn))["CovalApiKeySecretArn"]
        == "is not there create it, or name another one"
    )
    elsewhere = mends(world.account(CovalApiKeySecretArn=arn.replace(REGION, "us-east-1")))["CovalApiKeySecretArn"]
    assert elsewhere == "is not of eu-west-2 create it there, or replicate it"
    assert mends(world.account())["CovalApiKeySecretArn"] == "is not given create the secret and name its ARN"


def test_a_secret_s_own_key_has_to_be_named(world: World) -> None:
    arn = world.key()
    secret = world.secret("a-key", KmsKeyId=arn)
    said = f"the functions may not use it name it in ReadKmsKeyArns: {arn}"
    assert mends(world.account(CovalApiKeySecretArn=secret)) == {"CovalApiKeySecretArn, its key": said}
    assert mends(world.account(CovalApiKeySecretArn=secret, ReadKmsKeyArns=arn)) == {}


def test_the_webhooks_secret_and_the_platforms(world: World) -> None:
    arn = world.secret('{"vappi": "a-token", "twilio": {"AC1": "t"}}')
    given = {"Platforms": "vapi,twilio", "Webhooks": "function_url", "WebhookSecretArn": arn}
    parameters = {**DEFAULTS, **given}
    found = findings(replace(world.account(), parameters=parameters))
    mark, said = found["WebhookSecretArn"]
    assert mark is Mark.MEND
    assert said.startswith("cannot be used aws secretsmanager put-secret-value: vappi: it is no platform")
    assert "a-token" not in str(found)
    assert found["webhooks of vapi"][0] is Mark.UNSEEN
    well = replace(
        world.account(),
        parameters={**parameters, "Platforms": "twilio", "WebhookSecretArn": world.secret('{"twilio": {"AC1": "t"}}')},
    )
    assert findings(well)["WebhookSecretArn"] == (Mark.WELL, "can be read and has the right form")


# --- buckets


def test_a_bucket_whose_events_reach_nobody(world: World) -> None:
    name = world.bucket()
    said = f"EventBridge is off: its new objects reach nobody python3 -m scripts.notify_relay {name} --apply"
    found = mends(world.account(RecordingBuckets=name, CovalApiKeySecretArn=world.secret()))
    assert found == {f"bucket {name}, its events": said}


@pytest.mark.parametrize(("stack", "well"), [("coval-relay", True), ("coval-relay-staging", False)])
def test_a_bucket_that_notifies_the_queue_is_heard(world: World, stack: str, well: bool) -> None:
    name = world.bucket()
    enable(world.client("s3"), name, world.queue(f"{stack}-RecordingQueue-1A2B"), apply=True)
    mark, said = findings(world.account(RecordingBuckets=name))[f"bucket {name}, its events"]
    if well:
        assert (mark, said) == (Mark.WELL, "the recording queue is notified")
    else:
        assert mark is Mark.MEND


def test_a_bucket_of_another_region_or_of_none(world: World) -> None:
    name = world.bucket("eu-central-1")
    found = mends(world.account(RecordingBuckets=f"{name},acme-none"))
    assert found[f"bucket {name}"].startswith("is in eu-central-1, the stack in eu-west-2")
    assert found["bucket acme-none"] == "is not there create it, or name another one"


def test_owners_are_of_buckets_that_are_named(world: World) -> None:
    found = mends(world.account(owners={"misspelt": OTHER}))
    assert found["bucket_owners misspelt"] == "is no bucket of the stack correct its name in relay.toml"


def test_the_bus_has_to_let_the_other_account_in(world: World) -> None:
    name = world.bucket()
    theirs = world.account(RecordingBuckets=name, owners={name: OTHER})
    assert mends(theirs)[f"account {OTHER}"].startswith("is not named by the default bus's policy docs/accounts.md")
    world.client("events").put_permission(StatementId="recordings", Action="events:PutEvents", Principal=OTHER)
    assert findings(theirs)[f"account {OTHER}"] == (Mark.WELL, "may send to the default bus")


def encrypt(world: World, name: str, key: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    world.client("s3").put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_a_bucket_s_own_key_has_to_be_named(world: World) -> None:
    name = world.bucket()
    arn = world.key()
    encrypt(world, name, arn)
    subject = f"bucket {name}, its key"
    assert arn in mends(world.account(RecordingBuckets=name))[subject]
    assert findings(world.account(RecordingBuckets=name, ReadKmsKeyArns=arn))[subject][0] is Mark.WELL


@pytest.mark.parametrize("form", ["alias/acme", "arn:aws:kms:eu-west-2:{number}:alias/acme"])
def test_an_alias_of_a_bucket_s_key_is_looked_up(world: World, form: str) -> None:
    name, arn = world.bucket(), world.key()
    named = form.format(number=world.number)
    world.client("kms").create_alias(AliasName="alias/acme", TargetKeyId=arn)
    encrypt(world, name, named)
    subject = f"bucket {name}, its key"
    assert mends(world.account(RecordingBuckets=name))[subject] == (
        f"the functions may not use it name it in ReadKmsKeyArns: {arn}"
    )
    well = (Mark.WELL, "needs no other than is named")
    assert findings(world.account(RecordingBuckets=name, ReadKmsKeyArns=arn))[subject] == well


def test_an_alias_that_cannot_be_looked_up(world: World) -> None:
    name = world.bucket()
    subject = f"bucket {name}, its key"
    encrypt(world, name, "alias/none")
    assert mends(world.account(RecordingBuckets=name))[subject] == "is not there create it, or name another one"
    encrypt(world, name, "alias/acme")
    theirs = replace(world.account(RecordingBuckets=name, owners={name: world.number}), account=OTHER)
    said = f"alias/acme is of {world.number} its key's ARN has to be in ReadKmsKeyArns"
    assert findings(theirs)[subject] == (Mark.UNSEEN, said)


@pytest.mark.parametrize("own", ["alias/aws/s3", "arn:aws:kms:eu-west-2:111122223333:alias/aws/s3"])
def test_s3_s_own_key_has_not_to_be_named(world: World, own: str) -> None:
    name = world.bucket()
    encrypt(world, name, own)
    found = findings(world.account(RecordingBuckets=name))[f"bucket {name}, its key"]
    assert found == (Mark.WELL, "needs no other than is named")


def test_an_alias_of_a_secret_s_key_is_looked_up(world: World) -> None:
    arn = world.key()
    world.client("kms").create_alias(AliasName="alias/acme", TargetKeyId=arn)
    secret = world.secret("a-key", KmsKeyId="alias/acme")
    said = f"the functions may not use it name it in ReadKmsKeyArns: {arn}"
    assert mends(world.account(CovalApiKeySecretArn=secret)) == {"CovalApiKeySecretArn, its key": said}
    assert mends(world.account(CovalApiKeySecretArn=secret, ReadKmsKeyArns=arn)) == {}


# --- buses and keys


def test_a_bus_that_is_not_there(world: World) -> None:
    assert mends(world.account(EventBusName="calls"))["EventBusName"] == "is not there create it, or name another one"


@pytest.mark.parametrize(
    ("own", "theirs", "reported"),
    [("", [], True), ("acme.sales", [], True), ("acme.sales", ["acme.support"], False), ("a,b", ["b", "c"], True)],
)
def test_another_relay_on_the_bus_may_take_the_same_calls(
    world: World, own: str, theirs: list[str], reported: bool
) -> None:
    pattern: Any = {"source": theirs or [{"anything-but": {"prefix": ["aws."]}}], "detail-type": ["", "Call Ended"]}
    for name in ("another", "coval-relay"):
        world.client("events").put_rule(Name=f"{name}-CallEventRule-1A2B", EventPattern=json.dumps(pattern))
    found = findings(world.account(EventSources=own))
    assert ("stack another" in found) is reported
    assert "stack coval-relay" not in found
    if reported:
        assert found["stack another"][1].startswith("hears on the same bus: Call Ended see that the two")


def test_keys_have_to_be_there_enabled_and_of_the_region(world: World) -> None:
    kms: Any = world.client("kms")
    disabled, elsewhere, gone = world.key(), world.key("us-east-1"), world.key()
    kms.disable_key(KeyId=disabled)
    arns = ",".join((disabled, gone.rpartition("/")[0] + "/00000000-0000-4000-8000-000000000000"))
    found = mends(world.account(ReadKmsKeyArns=f"{arns},{world.key()}"))
    assert found[f"ReadKmsKeyArns {disabled}"] == f"is Disabled aws kms enable-key --key-id {disabled}"
    assert "is not there create it, or name another one" in found.values()
    assert len([subject for subject in found if subject.startswith("ReadKmsKeyArns")]) == 2
    theirs = mends(world.account(KmsKeyArn=elsewhere))[f"KmsKeyArn {elsewhere}"]
    assert theirs == "is not of eu-west-2 name a key of the stack's region"


def test_the_policy_of_the_stack_s_own_key_lets_the_services_in(world: World) -> None:
    kms: Any = world.client("kms")
    arn = world.key()
    subject, services = f"KmsKeyArn {arn}", ("events.amazonaws.com", f"logs.{REGION}.amazonaws.com")
    mend = 'its policy, as in docs/deploy.md, "Customer-managed keys"'
    assert mends(world.account(KmsKeyArn=arn))[subject] == f"lets {services[0]} and logs.{REGION}. not in {mend}"
    policy: dict[str, Any] = {"Statement": []}
    for service, said in zip(services, (f"lets logs.{REGION}. not in {mend}", "can be used"), strict=True):
        principal = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "kms:Decrypt", "Resource": "*"}
        policy["Statement"].append(principal)
        kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(policy))
        assert findings(world.account(KmsKeyArn=arn))[subject][1] == said


def lets_in(world: World, *services: str) -> str:
    """A key of the account's whose policy lets these services in."""
    arn, action = world.key(), {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": "*"}
    policy = {"Statement": [{**action, "Principal": {"Service": service}} for service in services]}
    world.client("kms").put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(policy))
    return arn


RULES_AND_LOGS = ("events.amazonaws.com", f"logs.{REGION}.amazonaws.com")
OWN_KEY = 'its policy, as in docs/deploy.md, "Customer-managed keys"'


def said_of_the_key(account: Account) -> list[Line]:
    return [line for line in looked_at(account) if line.subject.startswith("KmsKeyArn")]


def test_s3_has_to_be_let_in_where_a_bucket_notifies_the_queue(world: World) -> None:
    notified, switched, silent = world.bucket(), world.bucket(), world.bucket()
    enable(world.client("s3"), notified, world.queue("coval-relay-RecordingQueue-1A2B"), apply=True)
    enable(world.client("s3"), switched, apply=True)
    given, theirs = f"{notified},{switched},{silent},acme-theirs", {"acme-theirs": OTHER}
    arn, well = lets_in(world, *RULES_AND_LOGS), lets_in(world, *RULES_AND_LOGS, "s3.amazonaws.com")
    lost = f"lets s3.amazonaws.com not in: what {notified} sends to the recording queue is lost"
    perhaps = f"lets s3.amazonaws.com not in: it has to where {silent} is to notify the recording queue itself"
    assert said_of_the_key(world.account(RecordingBuckets=given, KmsKeyArn=arn, owners=theirs)) == [
        Line(Mark.WELL, f"KmsKeyArn {arn}", "can be used"),
        Line(Mark.MEND, f"KmsKeyArn {arn}", lost, OWN_KEY),
        Line(Mark.UNSEEN, f"KmsKeyArn {arn}", perhaps, OWN_KEY),
    ]
    assert said_of_the_key(world.account(RecordingBuckets=given, KmsKeyArn=well, owners=theirs)) == [
        Line(Mark.WELL, f"KmsKeyArn {well}", "can be used")
    ]


# --- alarms


def topic(world: World, *, subscribed: bool = True, **attributes: str) -> str:
    sns: Any = world.client("sns")
    arn: str = sns.create_topic(Name=f"operators-{secrets.token_hex(4)}", Attributes=attributes)["TopicArn"]
    if subscribed:
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=world.queue("operators"))
    return arn


def said_of_the_alarms(account: Account) -> list[str]:
    return [str(line) for line in looked_at(account) if line.subject.startswith("AlarmTopicArn")]


def test_alarms_reach_somebody(world: World) -> None:
    assert said_of_the_alarms(world.account(AlarmTopicArn=topic(world))) == ["ok    AlarmTopicArn: tells 1"]


def test_alarms_that_nobody_hears(world: World) -> None:
    arn = topic(world, subscribed=False)
    assert said_of_the_alarms(world.account()) == [
        "?     AlarmTopicArn: alarms go to nobody\n        -> name a topic that somebody listens to"
    ]
    assert said_of_the_alarms(world.account(AlarmTopicArn=arn)) == [
        (
            "MEND  AlarmTopicArn: nobody listens; 0 have not confirmed yet\n"
            f"        -> aws sns subscribe --topic-arn {arn} …, and confirm it"
        )
    ]
    assert said_of_the_alarms(world.account(AlarmTopicArn=f"{arn}-none")) == [
        "MEND  AlarmTopicArn: is not there\n        -> create it, or name another one"
    ]
    assert said_of_the_alarms(world.account(AlarmTopicArn=arn.replace(REGION, "us-east-1"))) == [
        "MEND  AlarmTopicArn: is not of eu-west-2\n        -> name a topic of the stack's region"
    ]
    assert said_of_the_alarms(world.account(AlarmTopicArn="<topic-arn>")) == [
        "MEND  AlarmTopicArn: cannot be <topic-arn>\n        -> must be empty or a topic's ARN"
    ]


def test_cloudwatch_has_to_be_let_use_the_topic_s_key(world: World) -> None:
    well, ill = lets_in(world, "cloudwatch.amazonaws.com"), lets_in(world, "events.amazonaws.com")
    world.client("kms").create_alias(AliasName="alias/acme", TargetKeyId=well)
    said = {
        key: said_of_the_alarms(world.account(AlarmTopicArn=topic(world, KmsMasterKeyId=key)))[1:]
        for key in ("alias/aws/sns", "alias/acme", well, ill)
    }
    assert said == {
        "alias/aws/sns": [
            (
                "MEND  AlarmTopicArn, its key: CloudWatch may not use alias/aws/sns: no alarm arrives\n        -> "
                "encrypt the topic with a key of yours whose policy lets cloudwatch.amazonaws.com in, or with none"
            )
        ],
        "alias/acme": ["ok    AlarmTopicArn, its key: lets cloudwatch.amazonaws.com in"],
        well: ["ok    AlarmTopicArn, its key: lets cloudwatch.amazonaws.com in"],
        ill: [
            (
                "MEND  AlarmTopicArn, its key: lets cloudwatch.amazonaws.com not in: no alarm arrives\n"
                f"        -> allow it kms:Decrypt and kms:GenerateDataKey* in the policy of {ill}"
            )
        ],
    }


# --- the command


def test_the_command_says_it_all_and_fails_where_something_is_to_mend(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = world.bucket()
    given = {"AWS_ENDPOINT_URL": world.url, "AWS_ACCESS_KEY_ID": world.number, "AWS_DEFAULT_REGION": REGION}
    for variable, value in {**given, "AWS_REGION": REGION}.items():
        monkeypatch.setenv(variable, value)
    file = tmp_path / "samconfig.toml"
    file.write_text(f'[default.deploy.parameters]\nparameter_overrides = ["RecordingBuckets={name}"]\n')
    arguments = [f"CovalApiKeySecretArn={world.secret('k')}", "--config-file", str(file)]
    assert main(arguments) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"account {world.number}, region {REGION}"
    assert f"MEND  bucket {name}, its events: EventBridge is off: its new objects reach nobody" in lines
    assert f"        -> python3 -m scripts.notify_relay {name} --apply --config-file {file}" in lines
    enable(world.client("s3"), name, apply=True)
    assert main(arguments) == 0
