"""Who may send again."""

import re
from collections.abc import Iterator

from scripts.preflight.account import Account
from scripts.report import Line, Mark

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


def role_of_session(arn: str) -> str:
    """How to name its role, as AWS does before the queues; the session's ARN lacks the role's path."""
    if not (session := SESSION.fullmatch(arn)):
        return ""
    partition, owner, role = session.groups()
    if found := SSO.fullmatch(role):
        return f"the role: arn:{partition}:iam::{owner}:role/aws-reserved/sso.amazonaws.com/*{found[1]}*"
    return f"the role, as this prints it: aws iam get-role --role-name {role} --query Role.Arn --output text"
