"""Links: which hosts are asked, who sees which credentials, and what each answer means."""

import gzip
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import httpx
import pytest

from coval_relay.adapters.web.https_reader import HttpsReader
from coval_relay.adapters.web.recording_urls import MAX_BYTES, HttpsRecordingUrls
from coval_relay.adapters.web.transcript_urls import HttpsTranscriptUrls
from coval_relay.domain.errors import (
    NotReadyError,
    PermanentError,
    RelayError,
    RetryableError,
    UrlRejectedError,
)

URL = "https://media.example.com/a.wav?signature=hush"
HOSTS = frozenset({"media.example.com", "cdn.example.com", "odd.example.com:8443", "192.0.2.7"})
Reply = httpx.Response | Exception
NOT_ALLOWED = "must be https, of a listed host, without user name and password, at the usual port."


@dataclass
class Keys:
    """Credentials of hosts, and what they become when they are read again."""

    known: dict[str, dict[str, str]] = field(default_factory=dict)
    rotated: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def headers(self, host: str) -> Mapping[str, str]:
        self.asked.append(host)
        return self.known.get(host, {})

    def refreshed(self, host: str) -> Mapping[str, str]:
        self.known |= self.rotated
        return self.headers(host)


@dataclass
class Wire:
    """Answers requests with scripted replies, and keeps what was asked."""

    replies: list[Reply]
    keys: Keys = field(default_factory=Keys)
    left: list[float] = field(default_factory=lambda: [100.0])
    requests: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = httpx.Client(transport=httpx.MockTransport(self._reply))
        self.get = HttpsReader(
            hosts=HOSTS,
            credentials=self.keys,
            time_left=self._time_left,
            http=self.http,
            now=lambda: 1_795_262_400.0,
        )

    def _time_left(self) -> float:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def stream(self, url: str = URL) -> bytes:
        return b"".join(HttpsRecordingUrls(self.get).stream(url))

    def hosts(self) -> list[str]:
        return [request.url.host for request in self.requests]


Make = Callable[..., Wire]


@pytest.fixture
def wire() -> Iterator[Make]:
    made: list[Wire] = []

    def make(*replies: Reply, keys: Keys | None = None) -> Wire:
        made.append(Wire(list(replies), keys or Keys()))
        return made[-1]

    yield make
    assert [one.replies for one in made] == [[] for _ in made]
    for one in made:
        one.http.close()


def ok(content: bytes = b"RIFF") -> httpx.Response:
    return httpx.Response(200, content=content)


def to(place: str, status: int = 302) -> httpx.Response:
    return httpx.Response(status, headers={"location": place})


# --- which hosts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "HTTPS://MEDIA.example.COM:443/a.wav",
        "https://odd.example.com:8443/a.wav",
        "https://192.0.2.7/a.wav",
    ],
)
def test_urls_that_are_fetched(wire: Make, url: str) -> None:
    web = wire(ok())
    assert web.stream(url) == b"RIFF"
    request = web.requests[0]
    assert (request.method, str(request.url)) == ("GET", str(httpx.URL(url)))
    assert request.headers["accept-encoding"] == "identity"
    assert "authorization" not in request.headers


FORBIDDEN = [
    "",
    "hush",
    "/a.wav",
    "http://media.example.com/a.wav",
    "ftp://media.example.com/a.wav",
    "s3://media.example.com/a.wav",
    "file:///etc/passwd",
    "https:///a.wav",
    "https://evil.example/a.wav",
    "https://media.example.com.evil.example/a.wav",
    "https://evil-media.example.com/a.wav",
    "https://sub.media.example.com/a.wav",
    "https://media.example.com./a.wav",
    "https://media.example.com:8443/a.wav",
    "https://odd.example.com/a.wav",
    "https://media.example.com@evil.example/a.wav",
    "https://hush:hush@media.example.com/a.wav",
    "https://hush@media.example.com/a.wav",
    "https://evil.example\\@media.example.com/a.wav",
    "https://media.example.com\\.evil.example/a.wav",
    "https://127.0.0.1/a.wav",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/a.wav",
    "https://[::ffff:192.0.2.7]/a.wav",
    "https://3221225991/a.wav",
    "https://media.example.com:hush/a.wav",
    "https://media.example.com:99999/a.wav",
    "https://[hush/a.wav",
    "https://media.example.com\n.evil.example/a.wav",
    "https://\uff4dedia.example.com.evil.example/a.wav",
    "https://\ud800.example.com/a.wav",
    "https://media.example.com/" + "a" * 70_000,
]


@pytest.mark.parametrize("url", FORBIDDEN)
def test_urls_that_are_not_even_looked_up(wire: Make, url: str) -> None:
    web = wire()
    with pytest.raises(UrlRejectedError) as caught:
        web.stream(url)
    assert caught.value == UrlRejectedError("url_not_allowed", f"The URL {NOT_ALLOWED}")
    assert (web.requests, web.keys.asked) == ([], [])
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


UNREADABLE = [
    "https://media.example.com:hush/a.wav",
    "https://\uff4dedia.example.com.evil.example/a.wav",
    "https://media.example.com/" + "a" * 70_000,
]
RELATIVE = ["", "hush", "/a.wav", "https:///a.wav"]
"""These lead to the same host again."""


@pytest.mark.parametrize(
    "place",
    [url for url in FORBIDDEN if url.isascii() and url.isprintable() and url not in UNREADABLE + RELATIVE],
)
def test_redirects_go_to_listed_hosts_only(wire: Make, place: str) -> None:
    web = wire(to(place))
    with pytest.raises(UrlRejectedError) as caught:
        web.stream()
    assert caught.value == UrlRejectedError("url_not_allowed", f"The URL that it redirects to {NOT_ALLOWED}")
    assert web.hosts() == ["media.example.com"]


@pytest.mark.parametrize("place", UNREADABLE)
def test_a_redirect_that_cannot_be_read_goes_nowhere(wire: Make, place: str) -> None:
    web = wire(httpx.Response(302, headers=[(b"location", place.encode())]))
    with pytest.raises(RetryableError) as caught:
        web.stream()
    assert (caught.value, web.hosts()) == (RetryableError("link_unreachable"), ["media.example.com"])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_three_redirects_are_followed(wire: Make, status: int) -> None:
    web = wire(
        to("/b", status),
        to("https://cdn.example.com/c", status),
        to("//media.example.com/d?signature=e", status),
        ok(),
    )
    assert web.stream() == b"RIFF"
    assert [str(request.url) for request in web.requests] == [
        URL,
        "https://media.example.com/b",
        "https://cdn.example.com/c",
        "https://media.example.com/d?signature=e",
    ]


def test_a_fourth_redirect_is_one_too_many(wire: Make) -> None:
    web = wire(*[to("/b") for _ in range(4)])
    with pytest.raises(UrlRejectedError) as caught:
        web.stream()
    assert caught.value == UrlRejectedError("url_redirects_too_often", "The URL redirects more than 3 times.")


# --- credentials -------------------------------------------------------------------------------------


def test_each_host_sees_its_own_credentials(wire: Make) -> None:
    keys = Keys({"media.example.com": {"authorization": "Basic hush"}, "odd.example.com:8443": {"x-key": "hush"}})
    web = wire(
        to("https://cdn.example.com/c"),
        to("https://odd.example.com:8443/d"),
        to("https://media.example.com/e"),
        ok(),
        keys=keys,
    )
    assert web.stream() == b"RIFF"
    seen = [(r.headers.get("authorization"), r.headers.get("x-key")) for r in web.requests]
    assert seen == [("Basic hush", None), (None, None), (None, "hush"), ("Basic hush", None)]


def test_credentials_that_were_denied_are_read_again(wire: Make) -> None:
    keys = Keys({"media.example.com": {"x-key": "old"}}, {"media.example.com": {"x-key": "new"}})
    web = wire(httpx.Response(401), ok(), keys=keys)
    assert web.stream() == b"RIFF"
    assert [request.headers["x-key"] for request in web.requests] == ["old", "new"]


def test_credentials_that_stay_denied_wait_for_the_operator(wire: Make) -> None:
    keys = Keys({"media.example.com": {"x-key": "hush"}})
    web = wire(httpx.Response(401), httpx.Response(401), keys=keys)
    with pytest.raises(RetryableError) as caught:
        web.stream()
    assert caught.value == RetryableError("link_credentials_refused")


# --- answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 402, 403, 405, 406, 410, 416, 418, 451])
def test_denials(wire: Make, status: int) -> None:
    web = wire(httpx.Response(status, content=b"hush"))
    with pytest.raises(UrlRejectedError) as caught:
        web.stream()
    reason = f"The URL's host answered with status {status}."
    assert caught.value == UrlRejectedError("url_expired_or_refused", reason)


@pytest.mark.parametrize("status", [201, 202, 204, 206, 300, 304, 408, 425, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    ("after", "seconds"),
    [("", None), ("120", 120.0), ("Sat, 21 Nov 2026 12:01:00 GMT", 60.0), ("hush", None)],
)
def test_what_may_pass(wire: Make, status: int, after: str, seconds: float | None) -> None:
    web = wire(httpx.Response(status, headers={"retry-after": after} if after else {}, content=b""))
    with pytest.raises(RetryableError) as caught:
        web.stream()
    assert caught.value == RetryableError("link_unavailable", seconds)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("hush"),
        httpx.ConnectTimeout("hush"),
        httpx.ReadTimeout("hush"),
        httpx.ReadError("hush"),
        httpx.RemoteProtocolError("hush"),
        httpx.ProxyError("hush"),
    ],
)
def test_failures_of_the_connection(wire: Make, error: Exception) -> None:
    with pytest.raises(RetryableError) as caught:
        wire(error).stream()
    assert caught.value == RetryableError("link_unreachable")
    assert caught.value.__suppress_context__


class Breaking(httpx.SyncByteStream):
    """A body that breaks off, and knows whether it was closed."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"RIFF"
        raise self._error

    def close(self) -> None:
        self.closed = True


def test_a_body_that_breaks_off(wire: Make) -> None:
    body = Breaking(httpx.ReadError("hush"))
    with pytest.raises(RetryableError) as caught:
        wire(httpx.Response(200, stream=body)).stream()
    assert (caught.value, body.closed) == (RetryableError("link_unreachable"), True)


def test_a_body_in_a_broken_encoding(wire: Make) -> None:
    with pytest.raises(RetryableError) as caught:
        wire(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Breaking(ValueError()))).stream()
    assert caught.value == RetryableError("link_unreachable")


class Endless(httpx.SyncByteStream):
    """A body without an end; counts what was taken of it."""

    taken = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.taken += 1024 * 1024
            yield bytes(1024 * 1024)


def test_a_body_is_read_to_the_limit_and_no_further(wire: Make) -> None:
    body = Endless()
    with pytest.raises(UrlRejectedError) as caught:
        for _ in HttpsRecordingUrls(wire(httpx.Response(200, stream=body)).get).stream(URL):
            pass
    reason = "Audio file too large. Maximum size is 200 MB."
    assert caught.value == UrlRejectedError("audio_too_large", reason)
    assert MAX_BYTES < body.taken <= MAX_BYTES + 2 * 1024 * 1024


def test_a_length_beyond_the_limit_is_not_read_at_all(wire: Make) -> None:
    body = Endless()
    web = wire(httpx.Response(200, headers={"content-length": str(MAX_BYTES + 1)}, stream=body))
    with pytest.raises(UrlRejectedError) as caught:
        web.stream()
    assert (caught.value.code, body.taken) == ("audio_too_large", 0)


def test_no_request_is_begun_without_time(wire: Make) -> None:
    web = wire()
    web.left = [10.0]
    with pytest.raises(RetryableError) as caught:
        web.stream()
    assert caught.value == RetryableError("no_time_left")


def test_a_body_is_cut_off_before_the_invocations_end(wire: Make) -> None:
    web = wire(httpx.Response(200, stream=Endless()))
    web.left = [100.0, 50.0, 9.0]
    read: list[int] = []
    with pytest.raises(RetryableError) as caught:
        read.extend(len(chunk) for chunk in HttpsRecordingUrls(web.get).stream(URL))
    assert (caught.value, read) == (RetryableError("no_time_left"), [1024 * 1024])


@pytest.mark.parametrize(("left", "connect", "read"), [(100.0, 5.0, 30.0), (22.0, 5.0, 12.0), (13.0, 3.0, 3.0)])
def test_timeouts_fit_into_the_time_left(wire: Make, left: float, connect: float, read: float) -> None:
    web = wire(ok())
    web.left = [left]
    web.stream()
    timeout = web.requests[0].extensions["timeout"]
    assert (timeout["connect"], timeout["read"]) == (connect, read)


def test_urls_stay_out_of_the_logs(wire: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        wire(ok()).stream()
    assert caplog.text == ""


# --- documents ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (httpx.Response(404), NotReadyError("document_missing")),
        (
            httpx.Response(403),
            PermanentError("url_expired_or_refused", "The URL's host answered with status 403."),
        ),
        (httpx.Response(503, headers={"retry-after": "7"}), RetryableError("link_unavailable", 7.0)),
        (
            httpx.Response(200, content=b"0123456789"),
            PermanentError("document_too_large", "The document has more than 9 bytes."),
        ),
        (httpx.ReadError("hush"), RetryableError("link_unreachable")),
    ],
)
def test_documents_that_cannot_be_read(wire: Make, reply: Reply, expected: RelayError) -> None:
    with pytest.raises(type(expected)) as caught:
        HttpsTranscriptUrls(wire(reply).get).fetch(URL, 9)
    assert caught.value == expected


def test_a_document_of_a_host_that_is_not_listed(wire: Make) -> None:
    with pytest.raises(PermanentError) as caught:
        HttpsTranscriptUrls(wire().get).fetch("https://evil.example/t.json", 9)
    assert caught.value == PermanentError("url_not_allowed", f"The URL {NOT_ALLOWED}")


def test_a_document_that_is_sent_zipped(wire: Make) -> None:
    reply = httpx.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(b"0123456789"))
    assert HttpsTranscriptUrls(wire(reply).get).fetch(URL, 100) == b"0123456789"
