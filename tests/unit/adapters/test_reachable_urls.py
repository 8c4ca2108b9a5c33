"""A URL in an event leads to listed hosts only, however it is spelled and whoever reads it."""

import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.adapters.web.https_reader import HttpsReader
from coval_relay.adapters.web.transcript_urls import HttpsTranscriptUrls
from coval_relay.domain.call import Call, TranscriptPointer
from coval_relay.domain.errors import InvalidInputError, PermanentError, UrlRejectedError
from coval_relay.platforms import registry
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.services.transcript_loader import TranscriptLoader
from tests.support.events import call_ended, event, recording_ready
from tests.support.fakes import FakeClock, FakeTranscriptObjects
from tests.support.in_memory import InMemoryUtterances
from tests.support.world import DEADLINES

HOST = "media.example.com"
OPTIONS = PlatformOptions(recording_hosts=(HOST,), transcript_hosts=(HOST,))


@dataclass
class Wire:
    """What is asked of the web; every host has credentials."""

    replies: list[httpx.Response] = field(default_factory=list)
    asked: list[httpx.URL] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = httpx.Client(transport=httpx.MockTransport(self._reply))
        self.get = HttpsReader(hosts=frozenset({HOST}), credentials=self, time_left=lambda: 100.0, http=self.http)

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        return self.replies.pop(0) if self.replies else httpx.Response(200, content=b"[]")

    def headers(self, host: str) -> dict[str, str]:
        self.shown.append(host)
        return {"x-key": "hush"}

    refreshed = headers


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.http.close()


EVIL = [
    f"http://{HOST}/a.wav",
    f"HTTP://{HOST}/a.wav",
    f"https://user:word@{HOST}/a.wav",
    f"https://{HOST}@evil.example/a.wav",
    f"https://{HOST}:8443/a.wav",
    f"https://{HOST}:443@evil.example/a.wav",
    f"https://{HOST}./a.wav",
    f"https://{HOST}.evil.example/a.wav",
    f"https://evil.example#{HOST}/a.wav",
    f"https://evil.example?{HOST}/a.wav",
    f"https://evil.example\\@{HOST}/a.wav",
    f"https://{HOST}%2eevil.example/a.wav",
    f"https://{HOST}\t.evil.example/a.wav",
    f"https://{HOST}\n/a.wav",
    f" https://{HOST}/a.wav",
    "https://m\u0435dia.example.com/a.wav",
    "https://\uff4dedia.example.com/a.wav",
    "https://xn--mdia-8cd.example.com/a.wav",
    "https://127.0.0.1/a.wav",
    "https://2130706433/a.wav",
    "https://0x7f.1/a.wav",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/a.wav",
    "https://[::ffff:169.254.169.254]/a.wav",
    "https:///a.wav",
    "https://localhost/a.wav",
    "file:///etc/passwd",
    "ftp://media.example.com/a.wav",
    "data:audio/wav;base64,UklGRg==",
    f"//{HOST}/a.wav",
]


def events(uri: str) -> list[dict[str, Any]]:
    """All events that name a URL."""
    reference = {"uri": uri, "format": "canonical_v1"}
    ready = {"schema_version": "1", "external_conversation_id": "call-1", "reference": reference}
    return [
        recording_ready(uri),
        call_ended(recording={"items": [{"uri": uri}]}),
        call_ended(transcript={"status": "reference", "reference": reference}),
        event("Transcript Ready", ready),
    ]


def rejected(event_: dict[str, Any]) -> bool:
    try:
        registry.translate(event_, OPTIONS, 0)
    except InvalidInputError:
        return True
    return False


OTHER_DOTS = "https://media\u3002example\u3002com/a.wav"
"""Dots to a browser, too (UTS 46, 4): the client finds the listed host there, the events reject it."""


@pytest.mark.parametrize("uri", [*EVIL, OTHER_DOTS])
def test_no_event_takes_such_a_url(uri: str) -> None:
    assert [rejected(one) for one in events(uri)] == [True, True, True, True]


@pytest.mark.parametrize("uri", [f"https://{HOST}/a.wav?token=x", f"https://{HOST.upper()}/a.wav"])
def test_every_event_takes_a_url_of_a_listed_host(uri: str) -> None:
    assert [rejected(one) for one in events(uri)] == [False, False, False, False]


@pytest.mark.parametrize("uri", EVIL)
def test_no_such_url_is_fetched_if_it_comes_past_the_events(uri: str, wire: Wire) -> None:
    with pytest.raises(UrlRejectedError):
        list(wire.get(uri, 1))
    assert (wire.asked, wire.shown) == ([], [])


PIECES = st.sampled_from(
    ["https://", "HTTPS://", HOST, "evil.example", "@", ":", "443", "/", "\\", "?", "#", ".", "%2e", "[::1]"]
)
URLS = st.lists(PIECES | st.text(string.printable + "\u3002\uff0f\u2100", max_size=2), max_size=8).map("".join)


@given(URLS.map(lambda rest: f"https://{HOST}{rest}") | URLS)
def test_what_an_event_may_name_is_fetched_from_a_listed_host_or_not_at_all(uri: str) -> None:
    """Two parsers read it: the event's and the client's; where they differ, nothing is asked."""
    found = Wire()
    try:
        list(found.get(uri, 10))
    except UrlRejectedError:
        assert found.asked == []
    else:
        assert [(one.scheme, one.host, one.port) for one in found.asked] == [("https", HOST, None)]
    assert set(found.shown) <= {HOST}
    found.http.close()


# --- pages of a transcript, which a document names ----------------------------------------------------


def pages(wire: Wire) -> TranscriptLoader:
    return TranscriptLoader(
        objects=FakeTranscriptObjects(),
        urls=HttpsTranscriptUrls(wire.get),
        utterances=InMemoryUtterances(),
        parse=lambda *_: pytest.fail("read to its end"),
        next_page=registry.next_page,
        clock=FakeClock(),
        deadlines=DEADLINES,
    )


@pytest.mark.parametrize("uri", [uri for uri in EVIL if uri.startswith(("https://", "http://"))])
def test_a_document_does_not_lead_to_a_page_elsewhere(uri: str, wire: Wire) -> None:
    first = {"sentences": [], "meta": {"next_page_url": uri}}
    wire.replies.append(httpx.Response(200, json=first))
    pointer = TranscriptPointer(url=f"https://{HOST}/a", format="twilio_sentences", stored_at=1)
    with pytest.raises((PermanentError, InvalidInputError)):
        pages(wire).load(Call(external_conversation_id="call-1", transcript=pointer))
    assert [one.host for one in wire.asked] == [HOST]
