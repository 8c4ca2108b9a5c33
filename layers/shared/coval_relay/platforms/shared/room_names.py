"""Rooms whose names are used again: a recording that names only its room is found by the second it began in.

A call's end binds an alias for each minute of the call; at both its ends, where another call may have the rest of
the minute, for ten seconds or for one. The recording's key, or its event, says the room and the second. Where the
platform says the room's own id, that is used instead.

    call 14:31:39 to 14:33:11   14:31:37  14:31:38  14:31:39  14:31:4  14:31:5  14:32  14:33:0  14:33:10
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from coval_relay.domain.call_aliases import IN_TIME, Alias

DAILY_ROOM, LIVEKIT_ROOM = "daily_room", "livekit_room"
ROOMS = frozenset({DAILY_ROOM, LIVEKIT_ROOM})
"""Types of aliases that are rooms' names."""
NAMED_BY = "the end of a call that was in this room in the second in which it began"
"""What a key rule needs that has a room's name only."""
LONGEST = timedelta(hours=4)
"""A recording begins within the first hours of its call."""
CLOCKS_APART = timedelta(seconds=2)
"""So much may two clocks of a platform differ."""
EARLY = timedelta(minutes=1)
"""A recording may begin so long before a call whose start is not the room's own."""
UNKNOWN_LENGTH = timedelta(hours=1)
"""Of a call that lacks its start or its end."""
MINUTE, TEN_SECONDS, SECOND = timedelta(minutes=1), timedelta(seconds=10), timedelta(seconds=1)
WRITTEN = {MINUTE: 16, TEN_SECONDS: 18, SECOND: 19}
"""How much of a moment a span of time is, from the longest on."""


def type_in_time(type_: str) -> str:
    """Type of the aliases that a room's name and a span of time are."""
    return f"{type_}{IN_TIME}"


def value_at(room: str, moment: datetime, span: timedelta = SECOND) -> str:
    return f"{room}@{moment.astimezone(UTC).isoformat()[: WRITTEN[span]]}"


def room_at(type_: str, room: str, moment: datetime, span: timedelta = SECOND) -> Alias:
    """The room in this second, or in the span that begins with it."""
    return Alias(type_in_time(type_), value_at(room, moment, span))


def room_during(room: Alias, first: datetime, last: datetime, early: timedelta = CLOCKS_APART) -> tuple[Alias, ...]:
    """The room in all of a call's time, and so long before, but its last second, which may be another call's first.

    A whole minute is claimed by the call alone that was in the room then; what is before it only by the second.
    """
    try:
        began = first.replace(microsecond=0)
        ended = max(min(last, first + LONGEST), began + SECOND)
        spans = (*_spans(began - early, began, TEN_SECONDS), *_spans(began, ended, MINUTE))
        return tuple(room_at(room.type, room.value, moment, span) for moment, span in spans)
    except OverflowError:
        return ()


def _spans(moment: datetime, last: datetime, longest: timedelta) -> Iterator[tuple[datetime, timedelta]]:
    """Together all of the time but a part of a second, each as long as it can be."""
    end = last.replace(microsecond=0)
    while moment < end:
        span = next(span for span in WRITTEN if span <= longest and _fits(moment, span, end))
        yield moment, span
        moment += span


def _fits(moment: datetime, span: timedelta, end: datetime) -> bool:
    return moment.second % span.seconds == 0 and moment + span <= end
