"""Look, before the first deploy, whether the account is ready for it; changes nothing.

    python3 -m scripts.preflight                                  # the parameters of samconfig.toml, and relay.toml
    python3 -m scripts.preflight --config-env prod
    python3 -m scripts.preflight RecordingBuckets=acme-recordings CovalApiKeySecretArn=arn:...

Each line says what is well, what has to be mended and how, or (?) what could not be looked at with these
credentials, or is yours to decide. The exit status is 1 where something has to be mended. It needs boto3 and, for
all of it, lambda:GetAccountSettings, s3:ListBucket, s3:GetBucketNotification, s3:GetBucketVersioning and
s3:GetEncryptionConfiguration on the buckets, events:DescribeEventBus and events:ListRules, kms:DescribeKey and
kms:GetKeyPolicy on the keys, secretsmanager:DescribeSecret and secretsmanager:GetSecretValue on the secrets, and
sns:GetTopicAttributes on the alarms' topic.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scripts import deployment
from scripts.deployment import Deployment

sys.path.append(str(Path(__file__).resolve().parents[1] / "layers" / "shared"))

from coval_relay.domain.webhooks.event_types import EVENT_TYPES
from coval_relay.domain.webhooks.routes import Routes, UnusableSecretError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of the template's, with what it takes there: of a list, each member."""

    pattern: str
    rule: str
    default: str = ""
    is_list: bool = False


_BUS = r"^[A-Za-z0-9/._-]{%s,256}$"
_BUCKETS = Parameter(r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$", "must be bucket names, joined by commas", is_list=True)
_ARN = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+"
_OPTIONAL_SECRET = Parameter(rf"^({_ARN})?$", "must be empty or the full ARN of a Secrets Manager secret")
_KEY = r"^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$"

PARAMETERS = {
    "Platforms": Parameter(
        r"^[a-z][a-z0-9_]{0,39}$", "must be names in lower case, joined by commas", "canonical", is_list=True
    ),
    "EventBusName": Parameter(_BUS % 1, "must be the name of an event bus of this account and region", "default"),
    "EventSources": Parameter(
        r"""^((?!coval\.relay)[^,\s"\\][^,"\\]{0,255})?$""",
        "must be sources of at most 256 characters, joined by commas, and not coval.relay",
        is_list=True,
    ),
    "PartnerEventBusName": Parameter(_BUS % 0, "must be empty or the name of an event bus of this account and region"),
    "RecordingBuckets": _BUCKETS,
    "TranscriptBuckets": _BUCKETS,
    "CovalApiKeySecretArn": Parameter(rf"^{_ARN}$", "must be the full ARN of a Secrets Manager secret"),
    "PlatformCredentialsSecretArn": _OPTIONAL_SECRET,
    "Webhooks": Parameter(
        r"^(none|function_url|http_api|both)$", "must be none, function_url, http_api or both", "none"
    ),
    "WebhookSecretArn": _OPTIONAL_SECRET,
    "MaximumConcurrency": Parameter(
        r"^(0|[2-9]|[1-9][0-9]{1,2}|1000)$",
        "must be four numbers, joined by commas, the first three from 2 to 1000, the last that or 0",
        "10,5,5,0",
        is_list=True,
    ),
    "HttpsProxy": Parameter(
        r"^(https?://[A-Za-z0-9.-]+:[0-9]{1,5}|[A-Za-z0-9.:_-]{1,256})?$",
        "must be empty, or http://HOST:PORT without user name and password, then host names or their ends",
        is_list=True,
    ),
    "QueueSenderArns": Parameter(
        r"^(arn:aws[a-z-]*:(iam::[0-9]{12}:(role|user)|sts::[0-9]{12}:federated-user)/[A-Za-z0-9/_+=.@*?-]+)?$",
        "must be empty or ARNs of roles, users or federated users; of a role's session, the role's",
        is_list=True,
    ),
    "ReadKmsKeyArns": Parameter(_KEY, "must be empty or ARNs of keys, not aliases", is_list=True),
    "KmsKeyArn": Parameter(_KEY, "must be empty or a key's ARN, not an alias"),
    "AlarmTopicArn": Parameter(
        r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256})?$", "must be empty or a topic's ARN"
    ),
}
DEFAULTS = {name: one.default for name, one in PARAMETERS.items()}
"""Of the template's parameters that are looked at."""
UNSHOWN = ("CovalApiKeySecretArn", "PlatformCredentialsSecretArn", "WebhookSecretArn", "HttpsProxy")
"""What was given in their place may be what nobody should read."""
SWEEPS = 1
"""The schedule's own invocation, beside those of the queues."""
LEAST = (2, 2, 2, 0)
"""Of MaximumConcurrency, each place: Lambda takes no less of a queue."""
KEY = re.compile(r"[!-~]+")
OWNER = re.compile(r"[0-9]{12}")
DENIED = {"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation", "AuthorizationError"}
MISSING = {"404", "NoSuchBucket", "ResourceNotFoundException", "NotFoundException", "NotFound"}


class Mark(Enum):
    """What a line begins with."""

    WELL = "ok   "
    MEND = "MEND "
    UNSEEN = "?    "


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    mark: Mark
    subject: str
    said: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.mark.value} {self.subject}: {self.said}" + (f"\n        -> {self.mend}" if self.mend else "")


@dataclass(frozen=True, slots=True)
class Account:
    """Where the stack is to be, and what with."""

    client: Callable[[str], Any]
    """Gives a service's."""
    account: str
    region: str
    parameters: Mapping[str, str]
    stack: str = "coval-relay"
    owners: Mapping[str, object] = field(default_factory=dict)
    """Of relay.toml: buckets of other accounts."""
    options: str = ""
    """Those of the command line that say where the stack is."""

    def _given(self, name: str) -> list[str]:
        """Of a list CloudFormation takes the blanks around each member away."""
        text = self.parameters[name]
        return [part.strip() for part in text.split(",")] if PARAMETERS[name].is_list else [text]

    def listed(self, name: str) -> list[str]:
        """What is given and can be read."""
        return [part for part in self._given(name) if part and re.fullmatch(PARAMETERS[name].pattern, part)]

    def one(self, name: str) -> str:
        return next(iter(self.listed(name)), "")

    def misread(self, name: str) -> list[str]:
        """What the template does not take; what is required and empty is not given yet."""
        given = self._given(name) if self.parameters[name] or PARAMETERS[name].default else []
        return [part for part in given if not re.fullmatch(PARAMETERS[name].pattern, part)]

    def owner(self, bucket: str) -> str:
        return str(self.owners.get(bucket, self.account))

    @property
    def buckets(self) -> list[str]:
        return list(dict.fromkeys(self.listed("RecordingBuckets") + self.listed("TranscriptBuckets")))


def looked_at(account: Account) -> Iterator[Line]:
    """All lines, in the order of the deploy."""
    yield from misread(account)
    yield from concurrency_limits(account)
    yield from asked("concurrency", partial(concurrency, account))
    yield from proxy(account)
    yield from senders(account)
    secrets = (
        ("CovalApiKeySecretArn", api_key),
        ("PlatformCredentialsSecretArn", credentials),
        ("WebhookSecretArn", partial(webhooks, account.listed("Platforms"))),
    )
    for name, parse in secrets:
        yield from asked(name, partial(secret, account, name, parse))
    yield from unknown_owners(account)
    for bucket in account.buckets:
        yield from bucket_lines(account, bucket)
    for name in ("EventBusName", "PartnerEventBusName"):
        yield from asked(name, partial(bus, account, name))
    yield from asked("other relays", partial(other_relays, account))
    for name in (name for name in PARAMETERS if "KmsKeyArn" in name):
        for arn in account.listed(name):
            yield from asked(f"{name} {arn}", partial(key, account, name, arn))
    yield from asked("AlarmTopicArn", partial(alarms, account))


def asked(subject: str, look: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    """What cannot be looked at is said, and the rest goes on."""
    try:
        yield from look()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in MISSING:
            yield Line(Mark.MEND, subject, "is not there", "create it, or name another one")
        elif code in DENIED:
            yield Line(Mark.UNSEEN, subject, f"these credentials may not {error.operation_name}")
        else:
            yield Line(Mark.UNSEEN, subject, f"{error.operation_name} answers {code}")
    except BotoCoreError as error:
        yield Line(Mark.UNSEEN, subject, str(error))


# --- what is given -----------------------------------------------------------------------------------


def misread(account: Account) -> Iterator[Line]:
    """What the deploy would refuse; the other lines leave it out."""
    for name, parameter in PARAMETERS.items():
        for part in account.misread(name):
            shown = "what is given" if name in UNSHOWN else part or "empty"
            yield Line(Mark.MEND, name, f"cannot be {shown}", _role_of_session(part) or parameter.rule)


# --- quotas ------------------------------------------------------------------------------------------


def concurrency_limits(account: Account) -> Iterator[Line]:
    """What no pattern of the template can say of a list: how many there are, and what each place may hold."""
    limits = account.listed("MaximumConcurrency")
    if account.misread("MaximumConcurrency"):
        return
    if len(limits) != len(LEAST) or any(int(one) < least for one, least in zip(limits, LEAST, strict=True)):
        mend = "four numbers: for call ends, recordings and late recordings 2 or more, for webhooks 0 or more"
        yield Line(Mark.MEND, "MaximumConcurrency", f"cannot be {account.parameters['MaximumConcurrency']}", mend)


LEFT_FREE = 100
"""What no reservation may take (Lambda guide, "Configuring reserved concurrency")."""


def concurrency(account: Account) -> Iterator[Line]:
    """Lambda's limit of the account and region against what all functions together may use."""
    if account.misread("MaximumConcurrency"):
        return
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    free = limits["UnreservedConcurrentExecutions"]
    asked_for = [int(one) for one in account.listed("MaximumConcurrency")]
    reserved = sum(asked_for[3:]) if account.one("Webhooks") != "none" else 0
    wanted = SWEEPS + sum(asked_for)
    said = f"{wanted} executions at once are asked for, {free} are free in {account.region}"
    if reserved and free < reserved + LEFT_FREE:
        said, wanted = f"{said}, and beside the {reserved} reserved Lambda keeps {LEFT_FREE}", reserved + LEFT_FREE
    if free >= wanted:
        yield Line(Mark.WELL, "concurrency", said)
        return
    code = "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384"
    yield Line(
        Mark.MEND, "concurrency", said, f"{code} --desired-value 1000; or lower the parameter MaximumConcurrency"
    )


# --- the proxy ---------------------------------------------------------------------------------------


def proxy(account: Account) -> Iterator[Line]:
    """The URL comes first, and only once: the template's pattern takes URL and host in every place."""
    first, *hosts = account.listed("HttpsProxy") or [""]
    if first and not account.misread("HttpsProxy") and ("://" not in first or any("://" in host for host in hosts)):
        mend = "the proxy as http://HOST:PORT, then the hosts that are reached without it"
        yield Line(Mark.MEND, "HttpsProxy", "cannot be what is given", mend)


# --- who may send again ------------------------------------------------------------------------------

SESSION = re.compile(r"arn:([^:]+):sts::([0-9]{12}):assumed-role/([^/]+)(?:/.*)?")
SSO = re.compile(r"(AWSReservedSSO_.+_)[0-9a-f*?]+")
"""A role of IAM Identity Center; its end is drawn."""


def senders(account: Account) -> Iterator[Line]:
    """The queues' policies deny everybody else, whatever IAM allows."""
    if named := account.listed("QueueSenderArns"):
        yield Line(Mark.WELL, "QueueSenderArns", f"may send again: {', '.join(named)}")
    elif not account.misread("QueueSenderArns"):
        said, mend = "nobody may send dead letters or rejected calls again", "name whoever is to: docs/operations.md"
        yield Line(Mark.UNSEEN, "QueueSenderArns", said, mend)


def _role_of_session(arn: str) -> str:
    """How to name its role, as AWS does before the queues; the session's ARN lacks the role's path."""
    if not (session := SESSION.fullmatch(arn)):
        return ""
    partition, owner, role = session.groups()
    if found := SSO.fullmatch(role):
        return f"the role: arn:{partition}:iam::{owner}:role/aws-reserved/sso.amazonaws.com/*{found[1]}*"
    return f"the role, as this prints it: aws iam get-role --role-name {role} --query Role.Arn --output text"


# --- secrets -----------------------------------------------------------------------------------------


PLACEHOLDER = re.compile(r"<[^<>]*>|.*….*|\.\.\.")
"""What the pages and files show in place of a value; none is one."""
UNFILLED = "it still holds a placeholder"
LOGINS = (
    {"username": re.compile(r"[^:\x00-\x1f\x7f]+"), "password": re.compile(r"[^\x00-\x1f\x7f]*")},
    {"header": re.compile(r"[A-Za-z0-9-]+"), "value": re.compile(r"[!-~]([ -~]*[!-~])?")},
)
"""As the functions take them (coval_relay/adapters/web/platform_credentials.py)."""


def api_key(text: str) -> str:
    """What is wrong with the text of Coval's secret; empty where nothing is."""
    found: object = text.strip()
    if text.lstrip().startswith("{"):
        found = _json(text).get("api_key")
    if _is_unfilled(found):
        return UNFILLED
    if isinstance(found, str) and KEY.fullmatch(found.strip()):
        return ""
    return 'it must be the key as plain text, or {"api_key": "…"}'


def credentials(text: str) -> str:
    """Likewise, of the platforms' credentials."""
    entries = _json(text)
    if _is_unfilled(entries):
        return UNFILLED
    if entries and all(any(_fits(entry, login) for login in LOGINS) for entry in entries.values()):
        return ""
    return 'it must be {"HOST": {"username": …, "password": …}} or {"HOST": {"header": …, "value": …}}'


def _fits(entry: object, login: Mapping[str, re.Pattern[str]]) -> bool:
    if not isinstance(entry, dict) or entry.keys() != login.keys():
        return False
    return all(isinstance(entry[name], str) and pattern.fullmatch(entry[name]) for name, pattern in login.items())


def _is_unfilled(written: object) -> bool:
    """Names are looked at too: an account is one."""
    if isinstance(written, dict):
        return any(_is_unfilled(part) for item in written.items() for part in item)
    if isinstance(written, list):
        return any(_is_unfilled(part) for part in written)
    return isinstance(written, str) and PLACEHOLDER.fullmatch(written.strip()) is not None


def webhooks(platforms: Sequence[str], text: str) -> str:
    """Likewise, of the webhooks' secret, entry by entry."""
    entries = _json(text)
    if not entries:
        return "it must be a JSON object of entries by platform"
    faults = {name: _entry_fault(text, name, entry, platforms) for name, entry in entries.items()}
    return "; ".join(f"{name}: {fault}" for name, fault in faults.items() if fault)


def _entry_fault(text: str, name: str, entry: object, platforms: Sequence[str]) -> str:
    """The rest is judged by what the function itself reads it with."""
    if name.partition("/")[0] not in {*EVENT_TYPES, *platforms}:
        return f"it is no platform that has webhooks: {', '.join(EVENT_TYPES)}"
    if _is_unfilled({name: entry}):
        return UNFILLED
    try:
        Routes(text).get(name)
    except UnusableSecretError:
        return 'it breaks a rule of docs/webhooks.md, "The secret"'
    return ""


def doors(account: Account, entries: Mapping[str, object]) -> Iterator[Line]:
    """Platforms that tell by webhooks, without a way in; and ways in of none that is heard."""
    platforms, known = account.listed("Platforms"), {name.partition("/")[0] for name in entries}
    if entries and account.one("Webhooks") == "none":
        yield Line(
            Mark.UNSEEN, "Webhooks", "none: no entry of the secret is a way in", "set it to function_url or http_api"
        )
    for name in sorted(known & EVENT_TYPES.keys() - set(platforms)):
        yield Line(
            Mark.UNSEEN, f"webhooks of {name}", "have a secret, and Platforms lacks it", "name it, or leave it out"
        )
    for name in platforms:
        if name in EVENT_TYPES.keys() - known - {"canonical"}:
            mend = "well where its events come by the bus; else an entry in WebhookSecretArn: docs/webhooks.md"
            yield Line(Mark.UNSEEN, f"webhooks of {name}", "have no secret: there is no way in for them", mend)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def secret(account: Account, name: str, wrong: Callable[[str], str]) -> Iterator[Line]:
    """There, of this region, readable, of the right form, and its key known to the template."""
    arn = account.one(name)
    if not arn:
        if name == "CovalApiKeySecretArn" and not account.misread(name):
            yield Line(Mark.MEND, name, "is not given", "create the secret and name its ARN")
        if name == "WebhookSecretArn":
            yield from doors(account, {})
        return
    if arn.split(":")[3:4] != [account.region]:
        yield Line(Mark.MEND, name, f"is not of {account.region}", "create it there, or replicate it")
        return
    client = account.client("secretsmanager")
    own_key = client.describe_secret(SecretId=arn).get("KmsKeyId", "")
    yield from asked(f"{name}, its key", partial(secret_key, account, name, own_key))
    text = client.get_secret_value(SecretId=arn).get("SecretString", "")
    if fault := wrong(text):
        yield Line(Mark.MEND, name, "cannot be used", f"aws secretsmanager put-secret-value: {fault}")
    else:
        yield Line(Mark.WELL, name, "can be read and has the right form")
    if name == "WebhookSecretArn":
        yield from doors(account, _json(text))


def secret_key(account: Account, name: str, key_id: str) -> Iterator[Line]:
    if unnamed := unnamed_key(account, key_id, "aws/secretsmanager"):
        mend = f"name it in ReadKmsKeyArns: {unnamed}"
        yield Line(Mark.MEND, f"{name}, its key", "the functions may not use it", mend)


def unnamed_key(account: Account, key_id: str, aws_own: str) -> str:
    """The key, where the functions may not use it; AWS's own of a service may be used by all that may use that.

    A key may be given by its ARN, by its id alone, or by an alias, which has to be looked up.
    """
    alias = key_id.partition("alias/")[2]
    if not key_id or alias == aws_own:
        return ""
    if alias:
        key_id = account.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    known = [arn.split("/")[-1] for arn in account.listed("ReadKmsKeyArns")]
    return "" if key_id.rsplit("/", maxsplit=1)[-1] in known else key_id


# --- buckets -----------------------------------------------------------------------------------------


def unknown_owners(account: Account) -> Iterator[Line]:
    for bucket, owner in account.owners.items():
        if not (isinstance(owner, str) and OWNER.fullmatch(owner)):
            yield Line(Mark.MEND, f"bucket_owners {bucket}", f"cannot be {owner}", "the account's 12 digits, as text")
    for bucket in account.owners.keys() - set(account.buckets):
        yield Line(Mark.MEND, f"bucket_owners {bucket}", "is no bucket of the stack", "correct its name in relay.toml")


def bucket_lines(account: Account, bucket: str) -> Iterator[Line]:
    """Whose it is and where; then, where it can be reached, how it is set up."""
    owner, s3 = account.owner(bucket), account.client("s3")
    subject = f"bucket {bucket}"
    found = list(asked(subject, partial(place, s3, bucket, owner, account.region)))
    yield from found
    if all(line.mark is Mark.WELL for line in found):
        yield from asked(f"{subject}, its events", partial(switch, account, bucket, owner))
        yield from asked(f"{subject}, its versions", partial(versioning, s3, bucket, owner))
        yield from asked(f"{subject}, its key", partial(encryption, account, bucket, owner))
    if owner != account.account:
        yield from asked(f"{subject}, its account", partial(let_in, account, owner))
        yield from cut_names(account, owner)


def place(s3: "S3Client", bucket: str, owner: str, region: str) -> Iterator[Line]:
    subject = f"bucket {bucket}"
    try:
        answer = s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        mend = "name its account in bucket_owners of relay.toml; or look with credentials that may s3:ListBucket"
        yield Line(Mark.MEND, subject, f"S3 denies it as a bucket of {owner}", mend)
        return
    there = answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", region)
    if there == region:
        yield Line(Mark.WELL, subject, f"is of {owner}, in {region}")
        return
    mend = f"deploy to {there}, or replicate the objects into a bucket of {region}"
    yield Line(Mark.MEND, subject, f"is in {there}, the stack in {region}", mend)


class Way(Enum):
    """By which a bucket tells of its new objects."""

    EVENTBRIDGE = "EventBridge is on"
    QUEUE = "the recording queue is notified"
    NONE = "EventBridge is off: its new objects reach nobody"


def ways(account: Account, bucket: str, owner: str) -> set[Way]:
    found = account.client("s3").get_bucket_notification_configuration(Bucket=bucket, ExpectedBucketOwner=owner)
    queues = [one["QueueArn"].rpartition(":")[2] for one in found.get("QueueConfigurations", [])]
    known = {Way.EVENTBRIDGE} if "EventBridgeConfiguration" in found else set()
    if any(_stack_of(queue, "RecordingQueue", account.stack, LONGEST_QUEUE) == account.stack for queue in queues):
        known.add(Way.QUEUE)
    return known or {Way.NONE}


def switch(account: Account, bucket: str, owner: str) -> Iterator[Line]:
    for way in sorted(ways(account, bucket, owner), key=list(Way).index):
        mend = f"python3 -m scripts.notify_relay {bucket} --apply{account.options}" if way is Way.NONE else ""
        yield Line(Mark.MEND if mend else Mark.WELL, f"bucket {bucket}, its events", way.value, mend)


def versioning(s3: "S3Client", bucket: str, owner: str) -> Iterator[Line]:
    status = s3.get_bucket_versioning(Bucket=bucket, ExpectedBucketOwner=owner).get("Status", "off")
    effect = "" if status == "Enabled" else ": what Coval is to fetch is copied first, lest it be replaced"
    yield Line(Mark.WELL, f"bucket {bucket}, its versions", f"versioning is {status.lower()}{effect}")


def encryption(account: Account, bucket: str, owner: str) -> Iterator[Line]:
    """The bucket's default key; objects may have others."""
    subject, s3 = f"bucket {bucket}, its key", account.client("s3")
    found = s3.get_bucket_encryption(Bucket=bucket, ExpectedBucketOwner=owner)["ServerSideEncryptionConfiguration"]
    for rule in found["Rules"]:
        named = rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID", "")
        if named.startswith("alias/") and named != "alias/aws/s3" and owner != account.account:
            yield Line(Mark.UNSEEN, subject, f"{named} is of {owner}", "its key's ARN has to be in ReadKmsKeyArns")
            return
        if unnamed := unnamed_key(account, named, "aws/s3"):
            yield Line(Mark.MEND, subject, "the functions may not use it", f"name it in ReadKmsKeyArns: {unnamed}")
            return
    yield Line(Mark.WELL, subject, "needs no other than is named")


def cut_names(account: Account, owner: str) -> Iterator[Line]:
    """The other account names the stack's roles by their beginning."""
    if len(account.stack) > LONGEST_STACK:
        said = f"the roles' names have {account.stack} cut: has its policy what they begin with?"
        mend = f'docs/accounts.md, "Recordings in another account"; or a stack\'s name of {LONGEST_STACK} characters'
        yield Line(Mark.UNSEEN, f"account {owner}, its policies", said, mend)


def let_in(account: Account, owner: str) -> Iterator[Line]:
    """Whether the default bus takes what the bucket's account forwards."""
    policy = account.client("events").describe_event_bus(Name="default").get("Policy", "{}")
    if owner in policy:
        yield Line(Mark.WELL, f"account {owner}", "may send to the default bus")
        return
    mend = 'docs/accounts.md, "Recordings in another account"; a policy for your organization does, too'
    yield Line(Mark.MEND, f"account {owner}", "is not named by the default bus's policy", mend)


# --- names that CloudFormation makes -----------------------------------------------------------------

LONGEST_ROLE, LONGEST_RULE, LONGEST_QUEUE = 64, 64, 80
"""Characters of a name; CloudFormation cuts what is longer, the stack's part too."""
DRAWN = 13
"""Characters of its end, at most."""
LONGEST_STACK = LONGEST_ROLE - DRAWN - len("--SubmitTranscriptRole")
"""Of a stack whose roles bear its whole name."""


def _stack_of(name: str, logical_id: str, own: str, longest: int) -> str:
    """Of a resource's name; the own one where it may have been cut. Empty where it is no such resource."""
    stack, found, _ = name.partition(f"-{logical_id}-")
    may_be_cut = len(name) >= longest - 1
    return "" if not found else own if may_be_cut and own.startswith(stack) else stack


# --- buses and keys ----------------------------------------------------------------------------------


def bus(account: Account, name: str) -> Iterator[Line]:
    if given := account.one(name):
        account.client("events").describe_event_bus(Name=given)
        yield Line(Mark.WELL, name, f"{given} is there")


def other_relays(account: Account) -> Iterator[Line]:
    """Stacks that take the same sources' events from the bus: which platforms they share is for the reader."""
    client, own = account.client("events"), set(account.listed("EventSources"))
    if not (bus_name := account.one("EventBusName")):
        return
    pages = client.get_paginator("list_rules").paginate(EventBusName=bus_name)
    for rule in (rule for page in pages for rule in page["Rules"]):
        stack = _stack_of(rule["Name"], "CallEventRule", account.stack, LONGEST_RULE)
        if stack in ("", account.stack):
            continue
        pattern = _json(rule.get("EventPattern", ""))
        sources = {source for source in pattern.get("source", []) if isinstance(source, str)}
        if not (own and sources) or own & sources:
            heard = ", ".join(kind for kind in pattern.get("detail-type", []) if kind and isinstance(kind, str))
            mend = "see that the two share no platform; or set EventSources, or a bus, for each"
            yield Line(Mark.UNSEEN, f"stack {stack}", f"hears on the same bus: {heard}", mend)


EVENTS, LOGS, S3 = "events.amazonaws.com", "logs.{region}.", "s3.amazonaws.com"
"""Services that use the stack's own key by themselves, which its policy must let in; S3, where it notifies a queue."""
POLICY = 'its policy, as in docs/deploy.md, "Customer-managed keys"'


def key(account: Account, name: str, arn: str) -> Iterator[Line]:
    """There, enabled, of this region, and open to the services that use it by themselves."""
    kms, subject = account.client("kms"), f"{name} {arn}"
    if arn.split(":")[3] != account.region:
        yield Line(Mark.MEND, subject, f"is not of {account.region}", "name a key of the stack's region")
        return
    state = kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
    if state != "Enabled":
        yield Line(Mark.MEND, subject, f"is {state}", f"aws kms enable-key --key-id {arn}")
        return
    policy = kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"] if name == "KmsKeyArn" else None
    services = [] if policy is None else [EVENTS, LOGS.format(region=account.region)]
    if left_out := [service for service in services if service not in (policy or "")]:
        yield Line(Mark.MEND, subject, f"lets {' and '.join(left_out)} not in", POLICY)
    else:
        yield Line(Mark.WELL, subject, "can be used")
    if policy is not None and S3 not in policy:
        for bucket in account.listed("RecordingBuckets"):
            yield from asked(f"{subject}, bucket {bucket}", partial(notifies, account, subject, bucket))


def notifies(account: Account, subject: str, bucket: str) -> Iterator[Line]:
    """S3 encrypts what it sends; it has no dead letters, and tells nobody. Only the account's own buckets may send."""
    if account.owner(bucket) != account.account:
        return
    found = ways(account, bucket, account.account)
    if Way.QUEUE in found:
        yield Line(Mark.MEND, subject, f"lets {S3} not in: what {bucket} sends to the recording queue is lost", POLICY)
    elif Way.NONE in found:
        said = f"lets {S3} not in: it has to where {bucket} is to notify the recording queue itself"
        yield Line(Mark.UNSEEN, subject, said, POLICY)


# --- alarms ------------------------------------------------------------------------------------------

ALARMS = "cloudwatch.amazonaws.com"


def alarms(account: Account) -> Iterator[Line]:
    """Whether somebody hears them: the topic is there, tells somebody, and CloudWatch may use its key."""
    name, arn = "AlarmTopicArn", account.one("AlarmTopicArn")
    if not arn:
        if not account.misread(name):
            yield Line(Mark.UNSEEN, name, "alarms go to nobody", "name a topic that somebody listens to")
        return
    if arn.split(":")[3] != account.region:
        yield Line(Mark.MEND, name, f"is not of {account.region}", "name a topic of the stack's region")
        return
    topic = account.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    if int(topic.get("SubscriptionsConfirmed", 0)):
        yield Line(Mark.WELL, name, f"tells {topic['SubscriptionsConfirmed']}")
    else:
        said = f"nobody listens; {topic.get('SubscriptionsPending', 0)} have not confirmed yet"
        yield Line(Mark.MEND, name, said, f"aws sns subscribe --topic-arn {arn} …, and confirm it")
    if key_id := topic.get("KmsMasterKeyId"):
        yield from asked(f"{name}, its key", partial(alarms_key, account, key_id))


def alarms_key(account: Account, key_id: str) -> Iterator[Line]:
    """AWS's own key of SNS lets CloudWatch not in, and its policy cannot be changed."""
    subject, kms = "AlarmTopicArn, its key", account.client("kms")
    if key_id.partition("alias/")[2] == "aws/sns":
        mend = f"encrypt the topic with a key of yours whose policy lets {ALARMS} in, or with none"
        yield Line(Mark.MEND, subject, "CloudWatch may not use alias/aws/sns: no alarm arrives", mend)
        return
    found = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    if ALARMS in kms.get_key_policy(KeyId=found, PolicyName="default")["Policy"]:
        yield Line(Mark.WELL, subject, f"lets {ALARMS} in")
    else:
        mend = f"allow it kms:Decrypt and kms:GenerateDataKey* in the policy of {found}"
        yield Line(Mark.MEND, subject, f"lets {ALARMS} not in: no alarm arrives", mend)


# --- the command -------------------------------------------------------------------------------------


RELAY = "relay.toml"
PATIENCE = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2})
"""Clients give up soon: what cannot be looked at is said."""


def _assignment(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"no NAME=VALUE: {text}")
    return text


@deployment.plain_errors()
def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    lacking = "parameters that samconfig.toml lacks"
    parser.add_argument("parameters", nargs="*", type=_assignment, metavar="NAME=VALUE", help=lacking)
    parser.add_argument("--relay-file", default=RELAY, metavar="FILE", help="another relay.toml")
    deployment.add_arguments(parser)
    chosen = parser.parse_args(arguments)
    owners = deployment.read(Path(chosen.relay_file), RELAY).get("bucket_owners", {})
    given = dict(one.split("=", 1) for one in chosen.parameters)
    account = _account(deployment.chosen(chosen), given, owners)
    print(f"account {account.account}, region {account.region}")
    return printed(looked_at(account))


def _account(found: Deployment, given: Mapping[str, str], owners: Mapping[str, str]) -> Account:
    return Account(
        client=lambda service: found.client(service, PATIENCE),
        account=found.client("sts", PATIENCE).get_caller_identity()["Account"],
        region=found.session.region_name,
        parameters={**DEFAULTS, **found.parameters, **given},
        stack=found.stack,
        owners=owners,
        options=found.options,
    )


def printed(lines: Iterable[Line]) -> int:
    """Each line as soon as it is known; the command's exit status."""
    marks = []
    for line in lines:
        marks.append(line.mark)
        print(line, flush=True)
    return 1 if Mark.MEND in marks else 0


if __name__ == "__main__":
    sys.exit(main())
