"""Accounts that buckets are of, beside the stack's own."""

import re
from collections.abc import Iterator

from scripts.preflight.account import Account
from scripts.preflight.stack_names import LONGEST_STACK
from scripts.report import Line, Mark

OWNER = re.compile(r"[0-9]{12}")


def unknown_owners(account: Account) -> Iterator[Line]:
    for bucket, owner in account.owners.items():
        if not (isinstance(owner, str) and OWNER.fullmatch(owner)):
            yield Line(Mark.MEND, f"bucket_owners {bucket}", f"cannot be {owner}", "the account's 12 digits, as text")
    for bucket in account.owners.keys() - set(account.buckets):
        yield Line(Mark.MEND, f"bucket_owners {bucket}", "is no bucket of the stack", "correct its name in relay.toml")


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
