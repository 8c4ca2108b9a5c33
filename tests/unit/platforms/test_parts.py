"""Parts of canonical events: times and names that contradict themselves inform of nothing, and cost nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from coval_relay.domain.call_aliases import Alias
from coval_relay.platforms.shared import event_parts
from coval_relay.platforms.shared.contract import PlatformOptions

SENT = datetime(2026, 10, 2, 14, 37, tzinfo=UTC)
EVENT = {"time": "2026-10-02T14:37:00Z"}


def at(minutes: float | None) -> datetime | None:
    return None if minutes is None else SENT - timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("started", "ended", "answered", "expected"),
    [
        (6, 1, [5], (6, 5, 1)),
        (6, 1, [0.5], (6, None, 1)),
        (6, 1, [0.5, 5], (6, 5, 1)),
        (6, 1, [7], (6, None, 1)),
        (6, 7, [], (6, None, None)),
        (6, 7, [5], (6, None, None)),
        (None, 1, [5], (None, 5, 1)),
        (None, 1, [0.5], (1, None, None)),
        (None, 1, [], (1, None, None)),
        (6, None, [5], (6, 5, None)),
        (6, 6, [6], (6, 6, 6)),
    ],
)
def test_times_that_contradict_each_other_are_left_out(
    started: float | None, ended: float | None, answered: list[float], expected: tuple[float | None, ...]
) -> None:
    found = event_parts.call_times(EVENT, at(started), at(ended), *map(at, answered))
    assert (found["started_at"], found["answered_at"], found["ended_at"]) == tuple(map(at, expected))


def test_without_any_time_it_is_that_of_its_event() -> None:
    assert event_parts.call_times(EVENT, None, None, None) == {
        "started_at": SENT,
        "answered_at": None,
        "ended_at": None,
    }


def test_what_can_be_no_alias_is_left_out() -> None:
    assert event_parts.aliases(leg="a", room="x" * 2000, sip="a\nb", none=None, empty="") == (Alias("leg", "a"),)


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("https://media.example.com/a.wav", "https://media.example.com/a.wav"),
        ("https://other.example.com/a.wav", None),
        ("https://acme-rec.s3.amazonaws.com/a%20b.wav", "s3://acme-rec/a b.wav"),
        ("s3://Acme_Rec/a.wav", None),
        ("https://media.example.com/" + "x" * 4096, None),
        ("https://media.example.com?x=1", None),
        (None, None),
    ],
)
def test_a_recording_that_the_relay_can_get(url: str | None, uri: str | None) -> None:
    assert event_parts.recording_uri(url, PlatformOptions(recording_hosts=("media.example.com",))) == uri


@pytest.mark.parametrize(
    ("minutes", "seconds", "start"),
    [(5.0, 600.0, 600.0), (5.0, 661.0, None), (0.0, 60.0, 60.0), (None, 1e9, 1e9)],
    ids=["within twice its length", "far beyond it", "a call without length", "length unknown"],
)
def test_a_vendors_times_far_beyond_the_call_are_left_out(
    minutes: float | None, seconds: float, start: float | None
) -> None:
    ended = at(None if minutes is None else 6 - minutes)
    times = event_parts.CallTimes(started_at=at(6), answered_at=None, ended_at=ended)
    messages = [event_parts.message("user", "Hi.", 1.0), event_parts.message("assistant", "Hello.", seconds)]
    transcript = event_parts.transcript(messages, times=times)
    assert [message.start_time for message in transcript.messages] == ([1.0, start] if start else [None, None])
