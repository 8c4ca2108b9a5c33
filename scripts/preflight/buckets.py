"""The buckets: whose and where they are, and how they are set up."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from scripts.preflight.account import Account
from scripts.preflight.bucket_events import switch
from scripts.preflight.keys import unnamed_key
from scripts.preflight.other_accounts import cut_names, let_in
from scripts.report import DENIED, Line, Mark, asked

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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
