"""Fetches `audio_url` for real, as Coval does while the client waits."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout
from yarl import URL

from local.simulator.audio import too_large
from local.simulator.audio_storage import Storage, StoredFile, TooManyBytes
from local.simulator.behaviour_switches import MEBIBYTE, Switches
from local.simulator.errors import ApiError, invalid

NOT_FOUND = "Audio URL not found (404)"
FAILED = "Failed to retrieve audio from URL"


async def fetch(url: str, session: ClientSession, storage: Storage, switches: Switches) -> StoredFile:
    """Store what the URL serves, without redirects (Coval API, uploaded:submit); raises ApiError 400."""
    target = await _checked_target(url, switches)
    timeout = ClientTimeout(total=switches.fetch_timeout_seconds)
    try:
        async with session.get(target, allow_redirects=False, timeout=timeout) as response:
            _check_status(response.status)
            return await _store(response, storage, switches)
    except (ClientError, TimeoutError, OSError, ValueError) as error:
        raise invalid(FAILED) from error


async def _checked_target(url: str, switches: Switches) -> URL:
    # A presigned URL must go out exactly as it was signed, so nothing of it is quoted anew.
    try:
        target = URL(url, encoded=True)
        port = target.port
    except ValueError as error:
        raise invalid(FAILED) from error
    if target.scheme not in ("http", "https") or not target.host or port is None:
        raise invalid(FAILED)
    if not switches.private_addresses_allowed and not await _is_public(target.host, port):
        raise invalid(FAILED)
    return target


async def _is_public(host: str, port: int) -> bool:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(_address(entry)).is_global for entry in found)


def _address(entry: Any) -> str:
    return str(entry[4][0])


def _check_status(status: int) -> None:
    if status == HTTPStatus.NOT_FOUND:
        raise invalid(NOT_FOUND)
    if status != HTTPStatus.OK:
        raise invalid(FAILED)


async def _store(response: ClientResponse, storage: Storage, switches: Switches) -> StoredFile:
    counted = _Counted(response)
    declared = response.content_length
    if declared is not None and declared > switches.max_audio_bytes:
        raise _size_error(declared, switches)
    try:
        return await storage.write(counted.chunks(), switches.max_audio_bytes)
    except TooManyBytes as error:
        raise _size_error(counted.size, switches) from error


def _size_error(size: int, switches: Switches) -> ApiError:
    return too_large(size, "audio_url", switches)


class _Counted:
    """The body's chunks, and how much of it came."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self.size = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.content.iter_chunked(MEBIBYTE):
            self.size += len(chunk)
            yield chunk
