"""What is looked at, and in which order."""

from collections.abc import Iterator
from functools import partial

from scripts.preflight.account import Account
from scripts.preflight.alarms import alarms
from scripts.preflight.buckets import bucket_lines
from scripts.preflight.buses import bus, other_relays
from scripts.preflight.concurrency import concurrency, concurrency_limits
from scripts.preflight.keys import key
from scripts.preflight.misread import misread
from scripts.preflight.other_accounts import unknown_owners
from scripts.preflight.parameters import PARAMETERS
from scripts.preflight.proxy import proxy
from scripts.preflight.secret_texts import api_key, credentials
from scripts.preflight.secrets import secret
from scripts.preflight.senders import senders
from scripts.preflight.webhooks import webhooks
from scripts.report import Line, asked


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
