"""The client's own decisions: what it repeats, what it waits for, what it does not begin."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from coval_relay.adapters.coval import Gate, HttpCovalClient
from coval_relay.domain.coval import Conversation, Upload
from coval_relay.domain.errors import (
    InvalidInputError,
    PermanentError,
    RelayError,
    RetryableError,
    UnknownOutcomeError,
)

CONVERSATION = {"conversation": {"conversation_id": "c1", "has_audio": True}}
ONE_PAGE = {"conversations": [{"conversation_id": "c1", "external_conversation_id": "call-1"}]}
FOUND = [Conversation("c1", "call-1")]
URL = "https://uploads.example/x?signature=secret"
UPLOAD = Upload("upl_1", URL, datetime(2026, 11, 21, tzinfo=UTC), 104857600, "audio/wav")
Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Key:
    """A key that is a new one each time it is read again, or the same where `rotates` is not set."""

    rotates: bool = True
    refreshed: int = 0

    def get(self) -> str:
        return f"key-{self.refreshed}"

    def refresh(self) -> str:
        self.refreshed += self.rotates
        return self.get()


@dataclass
class Wire:
    """Answers requests with scripted replies, and keeps what was asked and slept."""

    replies: list[Reply]
    left: float = 100.0
    timeout_seconds: float = 30.0
    key: Key = field(default_factory=Key)
    requests: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.gate = Gate(lambda code, _: self.opened.append(code), lambda: self.now, lambda: 0.0)
        self.http = httpx.Client(transport=httpx.MockTransport(self._reply))
        self.client = HttpCovalClient(
            base_url="https://coval.example/",
            path_family="conversations",
            api_key=self.key,
            timeout_seconds=self.timeout_seconds,
            time_left=lambda: self.left,
            gate=self.gate,
            sleep=self._sleep,
            jitter=lambda: 0.0,
            now=lambda: 1_795_262_400.0,
            http=self.http,
        )

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply(request) if callable(reply) else reply

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.left -= seconds
        self.now += seconds


@pytest.fixture
def wire() -> Iterator[Callable[..., Wire]]:
    made: list[Wire] = []

    def make(*replies: Reply, **settings: float | Key) -> Wire:
        made.append(Wire(list(replies), **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    assert [one.replies for one in made] == [[] for _ in made]
    for one in made:
        one.http.close()


Make = Callable[..., Wire]
CALLS: dict[str, Callable[[HttpCovalClient], object]] = {
    "submit": lambda client: client.submit(b"{}"),
    "attach": lambda client: client.attach_audio("c1", "https://b.example/k?X-Amz-Signature=secret"),
    "delete": lambda client: client.delete("c1"),
    "create_agent": lambda client: client.create_agent({"display_name": "x"}),
    "create_upload": lambda client: client.create_upload("audio/wav", 1),
    "get": lambda client: client.get("c1"),
    "find": lambda client: client.find("call-1"),
    "agents": lambda client: list(client.agents()),
}
EFFECTS = ("submit", "attach", "delete", "create_agent")


def raised(call: str, wire: Wire) -> RelayError:
    with pytest.raises(RelayError) as caught:
        CALLS[call](wire.client)
    return caught.value


NOT_SENT = [
    httpx.ConnectError("no such host"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("busy"),
    httpx.ProxyError("denied"),
]
AMBIGUOUS = [
    (httpx.ReadTimeout("slow"), "timeout"),
    (httpx.WriteTimeout("slow"), "timeout"),
    (httpx.ReadError("reset"), "broken_connection"),
    (httpx.WriteError("reset"), "broken_connection"),
    (httpx.RemoteProtocolError("cut"), "broken_connection"),
    (httpx.DecodingError("gzip"), "broken_connection"),
]


@pytest.mark.parametrize("call", EFFECTS)
@pytest.mark.parametrize("error", NOT_SENT, ids=repr)
def test_an_effect_that_was_not_sent_can_be_retried(wire: Make, call: str, error: Exception) -> None:
    assert raised(call, wire(error)) == RetryableError("unreachable")


@pytest.mark.parametrize("call", EFFECTS)
@pytest.mark.parametrize(("error", "code"), AMBIGUOUS, ids=repr)
def test_an_effect_without_an_answer_is_unknown_and_not_repeated(
    wire: Make, call: str, error: Exception, code: str
) -> None:
    assert raised(call, wire(error)) == UnknownOutcomeError(code)


@pytest.mark.parametrize("call", ["get", "find", "agents"])
@pytest.mark.parametrize(("error", "code"), AMBIGUOUS, ids=repr)
def test_a_read_is_asked_three_times(wire: Make, call: str, error: Exception, code: str) -> None:
    network = wire(error, error, error)
    assert raised(call, network) == RetryableError(code)
    assert network.slept == [0.1, 0.2]


def test_a_read_gets_through_at_last(wire: Make) -> None:
    network = wire(
        httpx.ConnectError("down"),
        httpx.Response(503, headers={"Retry-After": "4"}),
        httpx.Response(200, json=CONVERSATION),
    )
    assert network.client.get("c1") == Conversation("c1", has_audio=True)
    assert network.slept == [0.1, 4.0]


BUSY = httpx.Response(429, headers={"Retry-After": "2"})
ANSWERED = httpx.Response(200, json=CONVERSATION)


@pytest.mark.parametrize("call", sorted(CALLS))
def test_a_long_retry_after_is_left_to_the_queue(wire: Make, call: str) -> None:
    network = wire(httpx.Response(429, headers={"Retry-After": "66"}))
    assert raised(call, network) == RetryableError("rate_limited", 66.0)
    assert network.slept == []


def test_a_short_one_is_waited_for_in_place_again_and_again(wire: Make) -> None:
    """The few workers then saturate the limit, and all other messages stay untouched in the queue."""
    network = wire(BUSY, BUSY, BUSY, ANSWERED)
    assert network.client.submit(b"{}") == Conversation("c1", has_audio=True)
    assert network.slept == [2.0, 4.0, 6.0]
    assert network.opened == []


@pytest.mark.parametrize(("left", "slept"), [(37.0, [2.0]), (36.9, [])])
def test_it_is_waited_for_where_the_request_has_its_whole_time_after_it(
    wire: Make, left: float, slept: list[float]
) -> None:
    network = wire(BUSY, *([ANSWERED] if slept else []), left=left)
    if slept:
        network.client.submit(b"{}")
    else:
        assert raised("submit", network) == RetryableError("rate_limited", 2.0)
    assert network.slept == slept


def test_a_minute_of_nothing_but_429_is_enough(wire: Make) -> None:
    network = wire(*[BUSY] * 12, left=1000.0)
    assert raised("submit", network) == RetryableError("rate_limited", 2.0)
    assert (network.slept, network.opened) == ([2.0, 4.0, *[6.0] * 9], ["rate_limited"])


# --- the gate


@pytest.mark.parametrize("call", sorted(CALLS))
def test_a_coval_that_is_left_alone_is_not_asked(wire: Make, call: str) -> None:
    network = wire(*[httpx.Response(403)] * 3)
    for _ in range(3):
        assert raised("submit", network) == RetryableError("permission_denied")
    assert raised(call, network) == RetryableError("circuit_open", 12.0)
    assert (len(network.requests), network.opened) == (3, ["permission_denied"])


def test_the_attempts_of_one_read_count_at_the_gate(wire: Make) -> None:
    network = wire(*[httpx.Response(500)] * 3)
    assert raised("get", network) == RetryableError("unavailable")
    assert network.opened == ["unavailable"]


def test_a_read_that_is_let_through_to_see_is_asked_once(wire: Make) -> None:
    network = wire(*[httpx.Response(500)] * 4)
    raised("get", network)
    network.now += 12
    assert raised("get", network) == RetryableError("unavailable")
    assert (len(network.requests), network.opened) == (4, ["unavailable", "unavailable"])


def test_a_busy_coval_that_is_asked_to_see_is_not_waited_for(wire: Make) -> None:
    network = wire(*[httpx.Response(500)] * 3, BUSY)
    raised("get", network)
    slept = len(network.slept)
    network.now += 12
    assert raised("submit", network) == RetryableError("rate_limited", 2.0)
    assert len(network.slept) == slept


def test_an_answer_closes_the_gate(wire: Make) -> None:
    network = wire(*[httpx.Response(500)] * 3, ANSWERED, *[httpx.Response(500)] * 2, ANSWERED)
    raised("get", network)
    network.now += 12
    network.client.submit(b"{}")
    network.client.get("c1")
    assert network.opened == ["unavailable"]


def test_the_upload_host_does_not_count(wire: Make) -> None:
    network = wire(*[httpx.Response(503)] * 4)
    for _ in range(4):
        with pytest.raises(RetryableError):
            network.client.put_audio(UPLOAD, [b"abc"], 3)
    assert network.opened == []


def test_no_time_left_says_nothing_of_coval(wire: Make) -> None:
    network = wire(left=4.9)
    for _ in range(4):
        raised("submit", network)
    assert network.opened == []


def test_a_turn_is_there_at_once(wire: Make) -> None:
    network = wire()
    assert (network.client.wait_turn(), network.slept) == (0, [])


def test_a_turn_is_waited_for_where_the_time_allows_it(wire: Make) -> None:
    """Before a claim is made and paid work is done."""
    network = wire(httpx.Response(429, headers={"Retry-After": "66"}))
    raised("submit", network)
    network.left, network.now = 90.0, 31.5
    assert (network.client.wait_turn(), network.slept) == (0, [34.5])
    assert network.client.wait_turn() == 0


def test_a_turn_that_comes_too_late_is_reported_in_whole_seconds(wire: Make) -> None:
    network = wire(httpx.Response(429, headers={"Retry-After": "66"}))
    raised("submit", network)
    network.left, network.now = 69.4, 31.5
    assert (network.client.wait_turn(), network.slept) == (35, [])


def test_a_coval_that_is_left_alone_has_no_turn(wire: Make) -> None:
    network = wire(*[httpx.Response(403)] * 3)
    for _ in range(3):
        raised("submit", network)
    network.now += 0.5
    assert (network.client.wait_turn(), network.slept) == (12, [])


def test_a_date_in_retry_after_counts_from_the_clock(wire: Make) -> None:
    network = wire(httpx.Response(429, headers={"Retry-After": "Sat, 21 Nov 2026 12:01:30 GMT"}))
    assert raised("submit", network) == RetryableError("rate_limited", 90.0)


def test_an_upload_place_is_not_asked_for_twice(wire: Make) -> None:
    assert raised("create_upload", wire(httpx.Response(500))) == RetryableError("unavailable")


def test_a_denied_key_is_read_again_once(wire: Make) -> None:
    network = wire(httpx.Response(401), ANSWERED)
    network.client.submit(b'{"exact":  "bytes"}')
    assert [request.headers["x-api-key"] for request in network.requests] == ["key-0", "key-1"]
    assert [request.content for request in network.requests] == [b'{"exact":  "bytes"}'] * 2


def test_a_key_that_stays_denied_is_the_operators_to_mend(wire: Make) -> None:
    assert raised("submit", wire(httpx.Response(401), httpx.Response(401))) == RetryableError("unauthenticated")
    assert raised("submit", wire(httpx.Response(403))) == RetryableError("permission_denied")


def test_a_key_that_is_the_same_when_read_again_is_not_tried_again(wire: Make) -> None:
    network = wire(httpx.Response(401), key=Key(rotates=False))
    assert raised("submit", network) == RetryableError("unauthenticated")
    assert len(network.requests) == 1


def test_the_header_goes_out_in_lower_case(wire: Make) -> None:
    network = wire(httpx.Response(200, json=CONVERSATION))
    network.client.submit(b"{}")
    names = [name for name, _ in network.requests[0].headers.raw]
    assert (b"x-api-key" in names, b"X-Api-Key" in names, b"X-API-Key" in names) == (True, False, False)


@pytest.mark.parametrize("call", sorted(CALLS))
def test_nothing_is_begun_without_time_for_it(wire: Make, call: str) -> None:
    network = wire(left=4.9)
    assert raised(call, network) == RetryableError("no_time_left")
    assert network.requests == []


def test_an_effect_gets_its_whole_timeout_and_a_read_what_is_left(wire: Make) -> None:
    answered = httpx.Response(200, json=CONVERSATION)
    assert raised("submit", wire(left=32.9)) == RetryableError("no_time_left")
    write, read = wire(answered, left=33.0), wire(answered, left=13.0)
    write.client.submit(b"{}")
    read.client.get("c1")
    assert write.requests[0].extensions["timeout"] == {
        "connect": 5.0,
        "read": 30.0,
        "write": 30.0,
        "pool": 5.0,
    }
    assert read.requests[0].extensions["timeout"] == {
        "connect": 5.0,
        "read": 10.0,
        "write": 10.0,
        "pool": 5.0,
    }


def test_an_answer_that_drips_past_the_budget_is_cut_off(wire: Make) -> None:
    def drip(_: httpx.Request) -> httpx.Response:
        def chunks() -> Iterator[bytes]:
            for _ in range(100):
                network.left -= 1
                yield b" "

        return httpx.Response(200, content=chunks())

    network = wire(drip)
    assert raised("submit", network) == UnknownOutcomeError("timeout")
    assert network.left == 2.0


@pytest.mark.parametrize("call", EFFECTS[:2])
def test_a_success_that_cannot_be_read_is_unknown(wire: Make, call: str) -> None:
    assert raised(call, wire(httpx.Response(200, text="<html>"))) == UnknownOutcomeError("unreadable_answer")


def test_find_asks_for_a_strong_read(wire: Make) -> None:
    named = {"conversation_id": "c1", "external_conversation_id": "call/1 é+&"}
    network = wire(httpx.Response(200, json={"conversations": [named]}))
    assert network.client.find("call/1 é+&") == [Conversation("c1", "call/1 é+&")]
    assert dict(network.requests[0].url.params) == {
        "consistency": "strong",
        "filter": 'external_conversation_id="call/1 é+&"',
        "page_size": "2",
    }


@pytest.mark.parametrize(
    "error",
    [
        {"code": "INVALID_ARGUMENT", "message": "Invalid parameter", "details": [{"field": "consistency"}]},
        {"code": "INVALID_ARGUMENT", "message": "Unknown query parameter: Consistency"},
    ],
)
def test_where_strong_reads_are_rejected_the_list_is_given_time_first(wire: Make, error: object) -> None:
    network = wire(httpx.Response(400, json={"error": error}), httpx.Response(200, json=ONE_PAGE))
    assert network.client.find("call-1") == FOUND
    assert network.slept == [10.0]
    assert dict(network.requests[1].url.params) == {
        "filter": 'external_conversation_id="call-1"',
        "page_size": "2",
    }


def test_settling_needs_time_too(wire: Make) -> None:
    network = wire(httpx.Response(400, json={"error": {"code": "C", "message": "consistency"}}), left=12.0)
    assert raised("find", network) == RetryableError("no_time_left")
    assert network.slept == []


def test_another_error_of_a_find_stays_one(wire: Make) -> None:
    invalid = {"error": {"code": "INVALID_ARGUMENT", "message": "Invalid filter expression"}}
    error = raised("find", wire(httpx.Response(400, json=invalid)))
    assert error == PermanentError("INVALID_ARGUMENT", "Invalid filter expression", None, 400)


def listing(*names: str | None) -> httpx.Response:
    listed = [{"conversation_id": f"c{n}", "external_conversation_id": name} for n, name in enumerate(names, 1)]
    return httpx.Response(200, json={"conversations": listed})


def test_what_is_found_is_the_calls_own_whatever_the_filter_lets_through(wire: Make) -> None:
    answers = [("CALL-1", "call-1"), ("call-1", None), ("call-1", "call-1"), ("CALL-1",), ()]
    network = wire(*(listing(*names) for names in answers))
    found = [[one.conversation_id for one in network.client.find("call-1")] for _ in answers]
    assert found == [["c2"], ["c1"], ["c1", "c2"], [], []]


@pytest.mark.parametrize("names", [("call-2", "call-3"), (None,), (None, "call-2")])
def test_a_list_of_others_does_not_show_that_there_is_none(wire: Make, names: tuple[str | None, ...]) -> None:
    """Where strong reads are rejected, too."""
    rejected = httpx.Response(400, json={"error": {"code": "C", "message": "consistency"}})
    for network in (wire(listing(*names)), wire(rejected, listing(*names))):
        assert raised("find", network) == RetryableError("unreadable_answer")


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a\x00"])
def test_an_id_that_no_filter_can_hold(wire: Make, value: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^external_conversation_id: must be printable"):
        wire().client.find(value)


def test_pages_are_fetched_as_they_are_needed(wire: Make) -> None:
    network = wire(
        httpx.Response(200, json={"conversations": [{"conversation_id": "c1"}], "next_page_token": "t1"}),
        httpx.Response(200, json={"conversations": [{"conversation_id": "c2"}], "next_page_token": None}),
    )
    pages = network.client.conversations(matching='status="FAILED"', order_by="create_time", page_size=1)
    assert next(pages) == Conversation("c1")
    assert len(network.requests) == 1
    assert list(pages) == [Conversation("c2")]
    asked = {"filter": 'status="FAILED"', "order_by": "create_time", "page_size": "1"}
    assert [dict(request.url.params) for request in network.requests] == [
        asked,
        {**asked, "page_token": "t1"},
    ]


def test_what_is_gone(wire: Make) -> None:
    network = wire(*(httpx.Response(404, json={"error": {"code": "NOT_FOUND"}}) for _ in range(3)))
    network.client.delete("c1")
    assert network.client.get("a/../b?c") is None
    assert network.client.get_agent("a1") is None
    assert network.requests[1].url.raw_path == b"/v1/conversations/a%2F..%2Fb%3Fc"


@pytest.mark.parametrize("call", CALLS)
def test_a_404_is_about_what_the_path_names_or_about_the_path(wire: Make, call: str) -> None:
    network = wire(httpx.Response(404, json={"error": {"code": "NOT_FOUND", "message": "Not found"}}))
    if call in ("get", "delete"):
        assert CALLS[call](network.client) is None
    else:
        rejected = PermanentError("NOT_FOUND", "Not found", None, 404)
        assert raised(call, network) == (rejected if call == "attach" else RetryableError("no_such_path"))


@pytest.mark.parametrize("call", ["get", "delete"])
def test_what_is_rejected_for_another_reason_is_not_gone(wire: Make, call: str) -> None:
    invalid = {"error": {"code": "INVALID_ARGUMENT", "message": "Invalid conversation_id"}}
    error = raised(call, wire(httpx.Response(400, json=invalid)))
    assert error == PermanentError("INVALID_ARGUMENT", "Invalid conversation_id", None, 400)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(307, headers={"Location": "https://elsewhere.example/"}),
        httpx.Response(400),
        httpx.Response(403, text=f"<Error>{URL}</Error>"),
        httpx.Response(503),
        httpx.ConnectError(URL),
        httpx.ReadTimeout(URL),
        httpx.RemoteProtocolError(URL),
    ],
    ids=repr,
)
def test_a_put_that_fails_takes_a_new_place(wire: Make, reply: Reply) -> None:
    with pytest.raises(RetryableError) as caught:
        wire(reply).client.put_audio(UPLOAD, [b"abc"], 3)
    assert caught.value == RetryableError("upload_put_failed")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_put_to_no_url(wire: Make) -> None:
    broken = Upload("upl_1", "http://a\x00b/", UPLOAD.expires_at, 1, "audio/wav")
    with pytest.raises(RetryableError) as caught:
        wire().client.put_audio(broken, [b"abc"], 3)
    assert caught.value == RetryableError("upload_put_failed")


def test_a_put_ends_with_the_budget(wire: Make) -> None:
    def read_all(request: httpx.Request) -> httpx.Response:
        request.read()
        return httpx.Response(200)

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            network.left -= 10
            yield b"x"

    network = wire(left=60.0)
    network.replies.append(read_all)
    with pytest.raises(RetryableError) as caught:
        network.client.put_audio(UPLOAD, chunks(), 100)
    assert caught.value == RetryableError("no_time_left")
    network.replies.clear()
    assert network.left == 0.0
