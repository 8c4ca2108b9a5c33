"""Rooms whose names are used again: a recording that names only its room is found by the minute it began in.

A call's end binds an alias for each minute of the call; the recording's key, or its event, says the room and
one minute. Where the platform says the room's own id, that is used instead.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from coval_relay.domain.call_aliases import Alias

DAILY_ROOM, LIVEKIT_ROOM = "daily_room", "livekit_room"
ROOMS = frozenset({DAILY_ROOM, LIVEKIT_ROOM})
"""Types of aliases that are rooms' names."""
LONGEST = timedelta(hours=4)
"""A recording begins within the first hours of its call."""
EARLY = timedelta(minutes=1)
"""A recording may begin so long before a call whose start is not the room's own."""
UNKNOWN_LENGTH = timedelta(hours=1)
"""Of a call that lacks its start or its end."""
MINUTE = timedelta(minutes=1)


def type_in_time(type_: str) -> str:
    """Type of the aliases that a room's name and a minute are."""
    return f"{type_}_at"


def value_at(room: str, moment: datetime) -> str:
    return f"{room}@{moment.astimezone(UTC):%Y-%m-%dT%H:%M}"


def room_at(type_: str, room: str, moment: datetime) -> Alias:
    """The room in this minute."""
    return Alias(type_in_time(type_), value_at(room, moment))


def room_during(room: Alias, first: datetime, last: datetime, early: timedelta = timedelta()) -> tuple[Alias, ...]:
    """The room in each minute of a call, and so long before, but its last, which may be another call's first."""
    try:
        return tuple(room_at(room.type, room.value, moment) for moment in _minutes(first - early, last))
    except OverflowError:
        return ()


def _minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _minutes(first: datetime, last: datetime) -> Iterator[datetime]:
    moment = _minute_of(first)
    end = max(_minute_of(min(last, first + LONGEST)), moment + MINUTE)
    while moment < end:
        yield moment
        moment += MINUTE
