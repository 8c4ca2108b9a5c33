"""The proxy, and the hosts without it."""

from collections.abc import Iterator

from scripts.preflight.account import Account
from scripts.report import Line, Mark


def proxy(account: Account) -> Iterator[Line]:
    """The URL comes first, and only once: the template's pattern takes URL and host in every place."""
    first, *hosts = account.listed("HttpsProxy") or [""]
    if first and not account.misread("HttpsProxy") and ("://" not in first or any("://" in host for host in hosts)):
        mend = "the proxy as http://HOST:PORT, then the hosts that are reached without it"
        yield Line(Mark.MEND, "HttpsProxy", "cannot be what is given", mend)
