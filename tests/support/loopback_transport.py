"""Sends requests to https hosts of the outside to a server on the loopback."""

import httpx


class Loopback(httpx.BaseTransport):
    """A real connection, to `url` instead of where the request goes; `hosts` are those that were asked."""

    def __init__(self, url: str) -> None:
        self._url = httpx.URL(url)
        self._wire = httpx.HTTPTransport()
        self.hosts: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.append(request.url.host)
        place = request.url.copy_with(scheme="http", host=self._url.host, port=self._url.port)
        return self._wire.handle_request(
            httpx.Request(
                request.method,
                place,
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )

    def close(self) -> None:
        self._wire.close()
