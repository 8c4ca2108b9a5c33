"""GET of what a platform names by URL: only from hosts that the operator listed, and only by https."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import httpx

from coval_relay.adapters.coval.error_mapping import retry_after
from coval_relay.adapters.web.platform_credentials import Headers
from coval_relay.domain.errors import RetryableError, UrlRejectedError

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
"""Between two pieces of the body."""
RESERVE_SECONDS = 10.0
"""Left of the invocation for what follows: the end of a staged copy, and the write of the outcome."""
CHUNK_BYTES = 1024 * 1024
MAX_REDIRECTS = 3
HTTPS_PORT = 443

NOT_ALLOWED, NOT_FOUND = "url_not_allowed", "url_not_found"
EXPIRED_OR_REFUSED, TOO_MANY_REDIRECTS = "url_expired_or_refused", "url_redirects_too_often"
NO_TIME_LEFT, UNREACHABLE, UNAVAILABLE = "no_time_left", "link_unreachable", "link_unavailable"
CREDENTIALS_REFUSED = "link_credentials_refused"
"""Operators mend the secret, calls wait."""
ALLOWED_RULE = "must be https, of a listed host, without user name and password, at the usual port"
PASSING = frozenset({408, 425, 429})


class TooLargeError(Exception):
    """There is more than was asked for."""


class Credentials(Protocol):
    """What each host wants to see; both raise RetryableError."""

    def headers(self, host: str) -> Headers: ...

    def refreshed(self, host: str) -> Headers:
        """Read again, because the host rejected what `headers` gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsReader:
    """Gets a URL's body in chunks, in constant memory.

    `hosts` are exact names, in lower case, with a port where it is not 443. They are compared before anything
    is resolved, on each redirect too. Addresses are not looked at: the name is the operator's choice, and an
    inner host that the name might come to lead to has no certificate for it. `budget` gives the seconds that
    the invocation has left.
    """

    hosts: frozenset[str]
    credentials: Credentials
    time_left: Callable[[], float]
    http: httpx.Client
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        """httpx logs each URL at INFO; a presigned one is a secret."""
        for library in ("httpx", "httpcore"):
            logging.getLogger(library).setLevel(logging.WARNING)

    def __call__(self, url: str, most_bytes: int) -> Iterator[bytes]:
        """Raises UrlRejectedError, RetryableError, and TooLarge; a body that breaks off is RetryableError."""
        place = self._allowed(url)
        for _ in range(MAX_REDIRECTS + 1):
            with closing(self._answer(place)) as response:
                if not response.has_redirect_location:
                    self._check(place, response)
                    yield from self._body(response, most_bytes)
                    return
                place = self._allowed(response.headers["location"], place)
        raise UrlRejectedError(TOO_MANY_REDIRECTS, f"The URL redirects more than {MAX_REDIRECTS} times.")

    def _allowed(self, url: str, base: httpx.URL | None = None) -> httpx.URL:
        try:
            place = base.join(url) if base else httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            place = httpx.URL()
        if place.scheme != "https" or place.userinfo or _host(place) not in self.hosts:
            where = "The URL that it redirects to" if base else "The URL"
            raise UrlRejectedError(NOT_ALLOWED, f"{where} {ALLOWED_RULE}.")
        return place

    def _answer(self, place: httpx.URL) -> httpx.Response:
        """A 401 may mean that the credentials were changed since they were read: once more with new ones."""
        known = self.credentials.headers(_host(place))
        response = self._send(place, known)
        if known and response.status_code == httpx.codes.UNAUTHORIZED:
            response.close()
            response = self._send(place, self.credentials.refreshed(_host(place)))
        return response

    def _send(self, place: httpx.URL, headers: Headers) -> httpx.Response:
        left = self.time_left() - RESERVE_SECONDS
        if left <= 0:
            raise RetryableError(NO_TIME_LEFT)
        timeout = httpx.Timeout(min(READ_SECONDS, left), connect=min(CONNECT_SECONDS, left))
        request = self.http.build_request(
            "GET", place, headers={"accept-encoding": "identity", **headers}, timeout=timeout
        )
        try:
            return self.http.send(request, stream=True, follow_redirects=False)
        except httpx.RequestError:
            raise RetryableError(UNREACHABLE) from None

    def _check(self, place: httpx.URL, response: httpx.Response) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        if status == httpx.codes.UNAUTHORIZED and self.credentials.headers(_host(place)):
            raise RetryableError(CREDENTIALS_REFUSED)
        if status == httpx.codes.NOT_FOUND:
            raise UrlRejectedError(NOT_FOUND, "The URL's host knows no such file (status 404).")
        if 400 <= status < 500 and status not in PASSING:  # noqa: PLR2004 - RFC 9110, 15.5: client errors
            raise UrlRejectedError(EXPIRED_OR_REFUSED, f"The URL's host answered with status {status}.")
        headers = {name.lower(): value for name, value in response.headers.items()}
        raise RetryableError(UNAVAILABLE, retry_after(headers, datetime.fromtimestamp(self.now(), UTC)))

    def _body(self, response: httpx.Response, most_bytes: int) -> Iterator[bytes]:
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > most_bytes:
            raise TooLargeError
        read = 0
        try:
            for chunk in response.iter_bytes(CHUNK_BYTES):
                read += len(chunk)
                if read > most_bytes:
                    raise TooLargeError
                if self.time_left() < RESERVE_SECONDS:
                    raise RetryableError(NO_TIME_LEFT)
                yield chunk
        except httpx.RequestError:
            raise RetryableError(UNREACHABLE) from None


def _host(place: httpx.URL) -> str:
    """As the operator lists it: the port stands there only where it is not https's own."""
    name = place.raw_host.decode("ascii").lower()
    return name if place.port in (None, HTTPS_PORT) else f"{name}:{place.port}"
