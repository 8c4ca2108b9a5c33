"""One contract for links: the in-memory fake, and https over a real connection, pass the same tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from coval_relay.adapters.credentials import PlatformCredentials
from coval_relay.adapters.documents import HttpsDocuments
from coval_relay.adapters.https_get import HttpsGet
from coval_relay.adapters.links import HttpsLinks
from coval_relay.domain.errors import NotReady, Permanent, Retryable
from coval_relay.domain.ports import LinkRefused, Links, WebDocuments
from tests.support.in_memory import InMemoryLinks
from tests.support.loopback import Loopback
from tests.support.simulator import Files, serving_files

HOST = "https://media.example.com"
AUDIO = bytes(range(256)) * 10_000


@dataclass(frozen=True)
class Web:
    """What lies at HOST, and who fetches it."""

    links: Links
    documents: WebDocuments
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
        fake = InMemoryLinks()
        yield Web(fake, fake, fake)
        return
    with serving_files() as files, httpx.Client(transport=Loopback(files.url)) as http:
        get = HttpsGet(
            hosts=frozenset({"media.example.com"}),
            credentials=PlatformCredentials(),
            budget=lambda: 100.0,
            http=http,
        )
        yield Web(HttpsLinks(get), HttpsDocuments(get), files)


def test_a_recording(web: Web) -> None:
    url = web.put("a+b.wav", AUDIO)
    assert b"".join(web.links.stream(url)) == AUDIO


def test_an_empty_recording(web: Web) -> None:
    assert b"".join(web.links.stream(web.put("empty.wav", b""))) == b""


def test_a_recording_that_is_not_there(web: Web) -> None:
    with pytest.raises(LinkRefused) as caught:
        list(web.links.stream(f"{HOST}/404?signature=hush"))
    assert caught.value == LinkRefused("url_not_found", "The URL's host knows no such file (status 404).")


def test_a_document(web: Web) -> None:
    assert web.documents.read(web.put("t.json", b"0123456789"), 10) == b"0123456789"


def test_a_document_that_is_too_large(web: Web) -> None:
    with pytest.raises(Permanent) as caught:
        web.documents.read(web.put("t.json", b"0123456789"), 9)
    assert caught.value == Permanent("document_too_large", "The document has more than 9 bytes.")


def test_a_document_that_is_still_to_come(web: Web) -> None:
    with pytest.raises(NotReady) as caught:
        web.documents.read(f"{HOST}/404", 9)
    assert caught.value == NotReady("document_missing")


# --- the wire only -----------------------------------------------------------------------------------


@pytest.fixture
def wire() -> Iterator[tuple[Files, HttpsGet]]:
    with serving_files() as files, httpx.Client(transport=Loopback(files.url)) as http:
        hosts = frozenset({"media.example.com"})
        yield (
            files,
            HttpsGet(hosts=hosts, credentials=PlatformCredentials(), budget=lambda: 100.0, http=http),
        )


def test_a_body_that_breaks_off(wire: tuple[Files, HttpsGet]) -> None:
    files, get = wire
    files.add("cut.wav", AUDIO)
    with pytest.raises(Retryable) as caught:
        list(HttpsLinks(get).stream(f"{HOST}/cut.wav"))
    assert caught.value == Retryable("link_unreachable")


def test_a_body_of_no_declared_length(wire: tuple[Files, HttpsGet]) -> None:
    files, get = wire
    files.add("unsized.wav", AUDIO)
    assert b"".join(HttpsLinks(get).stream(f"{HOST}/unsized.wav")) == AUDIO
    with pytest.raises(LinkRefused) as caught:
        list(HttpsLinks(get, most_bytes=len(AUDIO) - 1).stream(f"{HOST}/unsized.wav"))
    assert caught.value.code == "audio_too_large"


def test_a_host_that_is_not_there() -> None:
    with serving_files() as files:
        url = files.url
    with httpx.Client(transport=Loopback(url)) as http:
        hosts = frozenset({"media.example.com"})
        get = HttpsGet(hosts=hosts, credentials=PlatformCredentials(), budget=lambda: 100.0, http=http)
        with pytest.raises(Retryable) as caught:
            list(HttpsLinks(get).stream(f"{HOST}/a.wav"))
    assert caught.value == Retryable("link_unreachable")


def test_a_recording_that_is_left_gives_its_connection_back(wire: tuple[Files, HttpsGet]) -> None:
    files, get = wire
    files.add("a.wav", AUDIO)
    for _ in range(3):
        left = HttpsLinks(get).stream(f"{HOST}/a.wav")
        assert len(next(left)) == 1024 * 1024
        del left
    assert b"".join(HttpsLinks(get).stream(f"{HOST}/a.wav")) == AUDIO
