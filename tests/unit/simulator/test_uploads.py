"""Direct uploads: `audio:upload`, and the object store behind its URL."""

import hashlib
import re
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.audio_files import wav
from tests.support.simulator import Answer, Api, invalid_body

XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>'
MISMATCH = XML.format(
    "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
)
TOO_LARGE = XML.format("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")


def create(api: Api, headers: Mapping[str, str] = MappingProxyType({}), **body: Any) -> Any:
    status, answer = api.call("POST", "/v1/audio:upload", json=body, headers=headers)
    assert status == 200, answer
    return answer


def test_behind_a_tunnel_the_url_is_the_tunnel_s(api: Api) -> None:
    forwarded = {"Host": "coval.tunnel.example", "X-Forwarded-Proto": "https"}
    assert create(api, headers=forwarded)["upload_url"].startswith("https://coval.tunnel.example/")


def put(url: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, str]:
    """PUT with exactly these headers, which no client library would leave alone."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.putrequest("PUT", f"{parts.path}?{parts.query}", skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_issues_a_place_for_a_wav_without_a_body(api: Api) -> None:
    status, answer = api.call("POST", "/v1/audio:upload")
    upload_id, url, expires = answer.pop("upload_id"), answer.pop("upload_url"), answer.pop("expires_at")
    assert (status, answer) == (200, {"max_size_bytes": 104_857_600, "content_type": "audio/wav"})
    assert re.fullmatch(r"upl_[0-9A-HJKMNP-TV-Z]{26}", upload_id)
    assert re.fullmatch(rf"{api.simulator.url}/uploads/{upload_id}\?expires=\d+&signature=[0-9a-f]{{64}}", url)
    life = datetime.fromisoformat(expires) - datetime.fromisoformat(expires).now().astimezone()
    assert timedelta(minutes=59) < life <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"content_type": "audio/mpeg"},
            invalid_body("content_type", "Input should be 'audio/wav' or 'audio/mp3'"),
        ),
        (
            {"expected_size_bytes": 0},
            invalid_body("expected_size_bytes", "Input should be greater than or equal to 1"),
        ),
        (
            {"expected_size_bytes": 104_857_601},
            invalid_body("expected_size_bytes", "Input should be less than or equal to 104857600"),
        ),
        (
            {"expected_size_bytes": "7"},
            invalid_body("expected_size_bytes", "Input should be a valid integer"),
        ),
    ],
)
def test_rejects_to_issue(api: Api, body: Any, expected: Answer) -> None:
    assert api.call("POST", "/v1/audio:upload", json=body) == expected
    assert api.simulator.admin.uploads() == []


def test_keeps_the_bytes(api: Api) -> None:
    content = wav()
    upload = create(api, content_type="audio/mp3", expected_size_bytes=7)
    headers = {"Content-Type": "audio/mp3", "Content-Length": str(len(content))}
    assert put(upload["upload_url"], headers, content) == (200, "")
    (state,) = api.simulator.admin.uploads()
    file = state["file"]
    assert Path(file.pop("path")).read_bytes() == content
    assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert (state["upload_id"], state["consumed_by"]) == (upload["upload_id"], None)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Type": "audio/x-wav", "Content-Length": "4"}, (403, MISMATCH)),
        ({"Content-Length": "4"}, (403, MISMATCH)),
        (
            {"Content-Type": "audio/wav", "Content-Length": "4", "x-api-key": "coval_sk_simulator"},
            (400, XML.format("InvalidRequest", "Only one auth mechanism allowed")),
        ),
        (
            {"Content-Type": "audio/wav", "Transfer-Encoding": "chunked"},
            (
                501,
                XML.format("NotImplemented", "A header you provided implies functionality that is not implemented"),
            ),
        ),
        (
            {"Content-Type": "audio/wav"},
            (411, XML.format("MissingContentLength", "You must provide the Content-Length HTTP header.")),
        ),
        ({"Content-Type": "audio/wav", "Content-Length": "104857601"}, (400, TOO_LARGE)),
    ],
)
def test_rejects_what_an_object_store_rejects(api: Api, headers: dict[str, str], expected: tuple[int, str]) -> None:
    upload = create(api)
    body = b"0\r\n\r\n" if "Transfer-Encoding" in headers else b"RIFF" * (headers.get("Content-Length") == "4")
    assert put(upload["upload_url"], headers, body) == expected
    assert [state["file"] for state in api.simulator.admin.uploads()] == [None]


def test_rejects_a_url_that_is_not_its_own(api: Api) -> None:
    first, second = create(api)["upload_url"], create(api, content_type="audio/mp3")["upload_url"]
    stranger = re.sub(r"upl_\w+", "upl_01HRAB8N9G7Q4Y3K2J5W6X1ZTC", first)
    headers = {"Content-Type": "audio/wav", "Content-Length": "4"}
    swapped = first.split("?")[0] + "?" + second.split("?")[1]
    extended = re.sub(r"expires=\d+", "expires=99999999999", first)
    bare = first.split("?")[0]
    answers = [put(url, headers, b"RIFF") for url in (stranger, swapped, extended, bare)]
    assert answers == [(403, MISMATCH)] * 4


def test_rejects_after_the_url_expired(api: Api) -> None:
    upload = create(api)
    api.simulator.admin.configure(clock_offset_seconds=3601)
    headers = {"Content-Type": "audio/wav", "Content-Length": "4"}
    assert put(upload["upload_url"], headers, b"RIFF") == (
        403,
        XML.format("AccessDenied", "Request has expired"),
    )


def test_keeps_nothing_of_a_body_that_did_not_come_whole(api: Api) -> None:
    upload = create(api)
    parts = urlsplit(upload["upload_url"])
    target = f"{parts.path}?{parts.query}"
    lines = (
        f"PUT {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: audio/wav",
        "Content-Length: 100",
    )
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode() + b"RIFF")
    (request,) = api.simulator.admin.requests(path="/uploads/", wait=10)
    assert (request["outcome"], request["bytes_received"], request["response_status"]) == ("aborted", 4, None)
    assert [state["file"] for state in api.simulator.admin.uploads()] == [None]


def test_the_last_whole_body_counts(api: Api) -> None:
    upload = create(api)
    for content in (b"RIFF", b"RIFFRIFF"):
        headers = {"Content-Type": "audio/wav", "Content-Length": str(len(content))}
        assert put(upload["upload_url"], headers, content) == (200, "")
    assert [state["file"]["bytes"] for state in api.simulator.admin.uploads()] == [8]
