"""The limit of requests per second, and what a client gets that comes too fast."""

import httpx

from local.simulator import running
from local.simulator.rate_limit import TokenBucket


def test_lets_a_seconds_requests_through_at_once_and_then_so_many_each_second() -> None:
    bucket = TokenBucket()
    at_once = [bucket.wait(1000.0, 4) for _ in range(5)]
    later = [bucket.wait(1000.5, 4) for _ in range(3)]
    assert (at_once, later) == ([0, 0, 0, 0, 1], [0, 0, 1])


def test_a_slow_rate_names_whole_seconds() -> None:
    bucket = TokenBucket()
    assert [bucket.wait(now, 0.25) for now in (1000.0, 1000.0, 1001.0, 1004.0)] == [0, 4, 3, 0]


def test_throttles_as_the_gateway_does_and_counts_no_upload() -> None:
    with running(requests_per_second=0.5) as simulator, httpx.Client(base_url=simulator.url) as http:
        answers = [http.get("/v1/agents") for _ in range(2)]
        upload = http.put("/uploads/upl_none")
    given = [(answer.status_code, answer.headers.get("Retry-After")) for answer in answers]
    assert given[0] == (401, None)
    assert given[1][0] == 429
    assert given[1][1] in {"1", "2"}
    assert answers[1].json() == {"message": "Too Many Requests"}
    assert upload.status_code != 429
