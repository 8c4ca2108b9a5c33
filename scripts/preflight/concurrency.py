"""How much may run at once: what is given, and Lambda's quota."""

from collections.abc import Iterator

from scripts.preflight.account import Account
from scripts.report import Line, Mark

SWEEPS = 1
"""The schedule's own invocation, beside those of the queues."""
LEAST = (2, 2, 2, 0)
"""Of MaximumConcurrency, each place: Lambda takes no less of a queue."""
LEFT_FREE = 100
"""What no reservation may take (Lambda guide, "Configuring reserved concurrency")."""


def concurrency_limits(account: Account) -> Iterator[Line]:
    """What no pattern of the template can say of a list: how many there are, and what each place may hold."""
    limits = account.listed("MaximumConcurrency")
    if account.misread("MaximumConcurrency"):
        return
    if len(limits) != len(LEAST) or any(int(one) < least for one, least in zip(limits, LEAST, strict=True)):
        mend = "four numbers: for call ends, recordings and late recordings 2 or more, for webhooks 0 or more"
        yield Line(Mark.MEND, "MaximumConcurrency", f"cannot be {account.parameters['MaximumConcurrency']}", mend)


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
