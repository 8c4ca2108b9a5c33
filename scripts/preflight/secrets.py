"""The secrets: there, readable, and of the right form."""

from collections.abc import Callable, Iterator
from functools import partial

from scripts.preflight.account import Account
from scripts.preflight.json_object import json_object
from scripts.preflight.keys import unnamed_key
from scripts.preflight.webhooks import doors
from scripts.report import Line, Mark, asked


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
        yield from doors(account, json_object(text))


def secret_key(account: Account, name: str, key_id: str) -> Iterator[Line]:
    if unnamed := unnamed_key(account, key_id, "aws/secretsmanager"):
        mend = f"name it in ReadKmsKeyArns: {unnamed}"
        yield Line(Mark.MEND, f"{name}, its key", "the functions may not use it", mend)
