"""What is given that the template does not take."""

from collections.abc import Iterator

from scripts.preflight.account import Account
from scripts.preflight.parameters import PARAMETERS
from scripts.preflight.senders import role_of_session
from scripts.report import Line, Mark

UNSHOWN = ("CovalApiKeySecretArn", "PlatformCredentialsSecretArn", "WebhookSecretArn", "HttpsProxy")
"""What was given in their place may be what nobody should read."""


def misread(account: Account) -> Iterator[Line]:
    """What the deploy would refuse; the other lines leave it out."""
    for name, parameter in PARAMETERS.items():
        for part in account.misread(name):
            shown = "what is given" if name in UNSHOWN else part or "empty"
            yield Line(Mark.MEND, name, f"cannot be {shown}", role_of_session(part) or parameter.rule)
