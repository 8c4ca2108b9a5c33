"""What the webhooks' ways in answer to a webhook that nobody has signed: it is verified, and nothing is stored.

Nothing but Daily's ping is let in unsigned: each of the others is counted as rejected, and WebhookRejectedAlarm fires.
"""

from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from scripts.report import Line, Mark

TIMEOUT_SECONDS = 20
BASES = ("WebhookFunctionUrl", "WebhookApiUrl")
"""Outputs that are there where the stack has that way in."""
EMPTY, PING = b"{}", b'{"test": "test"}'
OK, REJECTED, MISSING = 200, 401, 404
SIGNED_ALONE = "takes what is signed alone"
OPTIONAL = "canonical"
"""It is among the platforms for its key rules and events, too, and then needs no entry."""
NO_ENTRY = (
    "add it, as docs/webhooks.md says, or look for a misspelt one; of accounts' own name them: --webhook {}/LABEL"
)
LOG = "the log of receive_webhook says why; docs/webhooks.md"
FAULTS: Mapping[int, tuple[str, str]] = {
    OK: ("lets in what nobody has signed", "tell us"),
    403: ("is forbidden: your organization may allow no public function URLs", "deploy with Webhooks=http_api"),
    MISSING: ("has no entry in the webhooks' secret", NO_ENTRY),
    429: ("is throttled", "raise the last number of MaximumConcurrency, or the account's limit"),
    503: ("the webhooks' secret cannot be read, or its entry breaks a rule", LOG),
}


def looked_at(outputs: Mapping[str, str], platforms: Sequence[str], named: Sequence[str]) -> Iterator[Line]:
    """A line a way in; at last, whether they were counted as rejected."""
    rejected = 0
    for name, url in ways(outputs, platforms, named):
        line = _look(name, url)
        rejected += line.said == SIGNED_ALONE
        yield line
    if rejected:
        said = f"fires for some minutes, as this test has sent {rejected} unsigned webhooks"
        yield Line(Mark.WELL, "WebhookRejectedAlarm", said)


def ways(outputs: Mapping[str, str], platforms: Sequence[str], named: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name and URL of each: those named, such as vapi/eu, and the platforms without these that send webhooks."""
    offered = {output.removesuffix("WebhookUrl").lower() for output in outputs if output.endswith("WebhookUrl")}
    apart = {name.partition("/")[0] for name in named}
    names = [*named, *(platform for platform in platforms if platform in offered - apart)]
    yield from ((name, outputs[base] + name) for base in BASES if base in outputs for name in names)


def _look(name: str, url: str) -> Line:
    try:
        return judged(name, url, answer(url, body_of(name)))
    except (OSError, HTTPException) as error:
        return Line(Mark.UNSEEN, url, f"cannot be reached from here: {error}")


def body_of(name: str) -> bytes:
    """Daily's ping is let in unsigned where there is an entry, and makes no alarm fire."""
    return PING if name.partition("/")[0] == "daily" else EMPTY


def answer(url: str, body: bytes) -> int:
    """The answer's status."""
    sent = Request(url, body, {"content-type": "application/json"})  # noqa: S310 - of the stack's outputs
    try:
        with urlopen(sent, timeout=TIMEOUT_SECONDS) as got:  # noqa: S310
            return int(got.status)
    except HTTPError as error:
        return error.code


def judged(name: str, url: str, status: int) -> Line:
    platform = name.partition("/")[0]
    if status == REJECTED:
        return Line(Mark.WELL, url, SIGNED_ALONE)
    if status == OK and body_of(name) == PING:
        return Line(Mark.WELL, url, "answers Daily's ping")
    said, mend = FAULTS.get(status, (f"answers {status}", LOG))
    mark = Mark.UNSEEN if (platform, status) == (OPTIONAL, MISSING) else Mark.MEND
    return Line(mark, url, said, mend.format(platform))
