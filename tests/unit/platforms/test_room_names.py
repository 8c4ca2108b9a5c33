"""A room in each minute of a call."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from coval_relay.domain.call_aliases import Alias
from coval_relay.platforms.shared.room_names import room_at, room_during

ROOM = Alias("daily_room", "room-7")


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 10, 2, 14, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "minutes"),
    [
        (at(31, 7), at(34, 30), [31, 32, 33]),
        (at(31), at(34), [31, 32, 33]),
        (at(31, 10), at(31, 50), [31]),
        (at(31, 50), at(32, 10), [31]),
        (at(31), at(31), [31]),
        (at(31), at(30), [31]),
    ],
    ids=["some", "whole ones", "one", "over a minute's end", "none", "backwards"],
)
def test_all_but_the_last(first: datetime, last: datetime, minutes: list[int]) -> None:
    aliases = [Alias("daily_room_at", f"room-7@2026-10-02T14:{minute}") for minute in minutes]
    assert list(room_during(ROOM, first, last)) == aliases


def test_at_most_four_hours() -> None:
    assert len(room_during(ROOM, at(0), at(0) + timedelta(days=300))) == 240


def test_at_the_ends_of_all_time() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert [room_during(ROOM, moment, moment, timedelta(minutes=1)) for moment in (first, last)] == [(), ()]


def test_any_zone_is_the_same_minute() -> None:
    in_india = at(31, 7).astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert room_at("daily_room", "room-7", in_india) == Alias("daily_room_at", "room-7@2026-10-02T14:31")
