"""One contract for links: the in-memory fake, and https over a real connection, pass the same tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from coval_relay.adapters.web.https_reader import HttpsReader
from coval_relay.adapters.web.platform_credentials import PlatformCredentials
from coval_relay.adapters.web.recording_urls import HttpsRecordingUrls
from coval_relay.adapters.web.transcript_urls import HttpsTranscriptUrls
from coval_relay.domain.errors import NotReadyError, PermanentError, RetryableError, UrlRejectedError
from coval_relay.domain.ports import RecordingUrls, TranscriptUrls
from tests.support.in_memory import InMemoryUrls
from tests.support.loopback_transport import Loopback
from tests.support.simulator import Files, serving_files

HOST = "https://media.example.com"
AUDIO = bytes(range(256)) * 10_000


@dataclass(frozen=True)
class Web:
    """What lies at HOST, and who fetches it."""

    urls: RecordingUrls
    transcript_objects: TranscriptUrls
    held: Any

    def put(self, name: str, content: bytes) -> str:
        if isinstance(self.held, Files):
            self.held.add(name, content)
        else:
            self.held.contents[f"{HOST}/{name}"] = content
        return f"{HOST}/{name}"


@pytest.fixture(params=["in_memory", "https"])
def web(request: pytest.FixtureRequest) -> Iterator[Web]:
    if request.param == "in_memory":
        fake = InMemoryUrls()
        yield Web(fake, fake, fake)
        return
    with serving_files() as files, httpx.Client(transport=Loopback(files.url)) as http:
        get = HttpsReader(
            hosts=frozenset({"media.example.com"}),
            credentials=PlatformCredentials(),
            time_left=lambda: 100.0,
            http=http,
        )
        yield Web(HttpsRecordingUrls(get), HttpsTranscriptUrls(get), files)


def test_a_recording(web: Web) -> None:
    url = web.put("a+b.wav", AUDIO)
    assert b"".join(web.urls.stream(url)) == AUDIO


def test_an_empty_recording(web: Web) -> None:
    assert b"".join(web.urls.stream(web.put("empty.wav", b""))) == b""


def test_a_recording_that_is_not_there(web: Web) -> None:
    with pytest.raises(UrlRejectedError) as caught:
        list(web.urls.stream(f"{HOST}/404?signature=hush"))
    assert caught.value == UrlRejectedError("url_not_found", "The URL's host knows no such file (status 404).")


def test_a_document(web: Web) -> None:
    assert web.transcript_objects.fetch(web.put("t.json", b"0123456789"), 10) == b"0123456789"


def test_a_document_that_is_too_large(web: Web) -> None:
    with pytest.raises(PermanentError) as caught:
        web.transcript_objects.fetch(web.put("t.json", b"0123456789"), 9)
    assert caught.value == PermanentError("document_too_large", "The document has more than 9 bytes.")


def test_a_document_that_is_still_to_come(web: Web) -> None:
    with pytest.raises(NotReadyError) as caught:
        web.transcript_objects.fetch(f"{HOST}/404", 9)
    assert caught.value == NotReadyError("document_missing")


# --- the wire only -----------------------------------------------------------------------------------


@pytest.fixture
def wire() -> Iterator[tuple[Files, HttpsReader]]:
    with serving_files() as files, httpx.Client(transport=Loopback(files.url)) as http:
        hosts = frozenset({"media.example.com"})
        yield (
            files,
            HttpsReader(hosts=hosts, credentials=PlatformCredentials(), time_left=lambda: 100.0, http=http),
        )


def test_a_body_that_breaks_off(wire: tuple[Files, HttpsReader]) -> None:
    files, get = wire
    files.add("cut.wav", AUDIO)
    with pytest.raises(RetryableError) as caught:
        list(HttpsRecordingUrls(get).stream(f"{HOST}/cut.wav"))
    assert caught.value == RetryableError("link_unreachable")


def test_a_body_of_no_declared_length(wire: tuple[Files, HttpsReader]) -> None:
    files, get = wire
    files.add("unsized.wav", AUDIO)
    assert b"".join(HttpsRecordingUrls(get).stream(f"{HOST}/unsized.wav")) == AUDIO
    with pytest.raises(UrlRejectedError) as caught:
        list(HttpsRecordingUrls(get, most_bytes=len(AUDIO) - 1).stream(f"{HOST}/unsized.wav"))
    assert caught.value.code == "audio_too_large"


def test_a_host_that_is_not_there() -> None:
    with serving_files() as files:
        url = files.url
    with httpx.Client(transport=Loopback(url)) as http:
        hosts = frozenset({"media.example.com"})
        get = HttpsReader(hosts=hosts, credentials=PlatformCredentials(), time_left=lambda: 100.0, http=http)
        with pytest.raises(RetryableError) as caught:
            list(HttpsRecordingUrls(get).stream(f"{HOST}/a.wav"))
    assert caught.value == RetryableError("link_unreachable")


def test_a_recording_that_is_left_gives_its_connection_back(wire: tuple[Files, HttpsReader]) -> None:
    files, get = wire
    files.add("a.wav", AUDIO)
    for _ in range(3):
        left = HttpsRecordingUrls(get).stream(f"{HOST}/a.wav")
        assert len(next(left)) == 1024 * 1024
        del left
    assert b"".join(HttpsRecordingUrls(get).stream(f"{HOST}/a.wav")) == AUDIO
