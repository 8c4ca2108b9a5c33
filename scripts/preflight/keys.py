"""The keys: whether the functions, and the services by themselves, may use them."""

from collections.abc import Iterator
from functools import partial

from scripts.preflight.account import Account
from scripts.preflight.bucket_events import Way, ways
from scripts.report import Line, Mark, asked

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
