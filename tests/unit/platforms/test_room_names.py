"""A room in all of a call's time, by spans of it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from coval_relay.domain.call_aliases import Alias, spans_of
from coval_relay.platforms.shared.room_names import room_at, room_during

ROOM = Alias("daily_room", "room-7")
NO_TIME, MINUTE = timedelta(), timedelta(minutes=1)


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 10, 2, 14, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "spans"),
    [
        (at(31, 37), at(33, 11), "31:37 31:38 31:39 31:4 31:5 32 33:0 33:10"),
        (at(31), at(33), "31 32"),
        (at(31, 10), at(31, 30), "31:1 31:2"),
        (at(31, 58), at(32, 2), "31:58 31:59 32:00 32:01"),
        (at(31), at(31), "31:00"),
        (at(31), at(30), "31:00"),
    ],
    ids=["long", "whole minutes", "within a minute", "over a minute's end", "none", "backwards"],
)
def test_all_but_the_last_second(first: datetime, last: datetime, spans: str) -> None:
    aliases = [Alias("daily_room_at", f"room-7@2026-10-02T14:{span}") for span in spans.split()]
    assert list(room_during(ROOM, first, last, NO_TIME)) == aliases


def test_so_long_before_by_the_second_only() -> None:
    early = room_during(ROOM, at(32, 1), at(32, 10), timedelta(seconds=12))
    spans = ["31:49", "31:5", "32:00", *(f"32:0{second}" for second in range(1, 10))]
    assert [alias.value.partition("T14:")[2] for alias in early] == spans
    whole = room_during(ROOM, at(32), at(33), MINUTE)
    assert [alias.value.partition("T14:")[2] for alias in whole] == [*(f"31:{ten}" for ten in range(6)), "32"]


@pytest.mark.parametrize("second", [0, 7, 38, 59])
def test_two_calls_one_right_after_the_other_share_nothing(second: int) -> None:
    first = room_during(ROOM, at(31, 5), at(34, second), NO_TIME)
    second_call = room_during(ROOM, at(34, second), at(36), NO_TIME)
    assert set(first) & set(second_call) == set()
    seconds = [at(31, 5) + timedelta(seconds=passed) for passed in range(int((at(36) - at(31, 5)).total_seconds()))]
    owners = [[spans & set(call) != set() for call in (first, second_call)] for spans in map(_spans, seconds)]
    assert owners == [[moment < at(34, second), moment >= at(34, second)] for moment in seconds]


def _spans(moment: datetime) -> set[Alias]:
    return set(spans_of(room_at("daily_room", "room-7", moment)))


def test_at_most_four_hours() -> None:
    assert len(room_during(ROOM, at(0), at(0) + timedelta(days=300), NO_TIME)) == 240


def test_at_the_ends_of_all_time() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert [room_during(ROOM, moment, moment, MINUTE) for moment in (first, last)] == [(), ()]


def test_any_zone_is_the_same_second() -> None:
    in_india = at(31, 7).astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert room_at("daily_room", "room-7", in_india) == Alias("daily_room_at", "room-7@2026-10-02T14:31:07")


@pytest.mark.parametrize(
    "alias",
    [
        Alias("daily_room", "room-7@2026-10-02T14:31:07"),
        Alias("daily_room_at", "room-7@2026-10-02T14:31:0"),
        Alias("daily_room_at", "room-7"),
    ],
)
def test_what_is_no_second_is_known_as_itself(alias: Alias) -> None:
    assert spans_of(alias) == (alias,)
