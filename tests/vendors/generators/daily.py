"""Daily: a table of its documents' fields (docs.daily.co, webhook events); it publishes no types of them."""

from typing import Any, Final

from tests.vendors.draws import Draws, Payload, event, name_in
from tests.vendors.table_values import Table, made

MEETING: Final[Table] = {
    "start_ts": Draws.moment,
    "end_ts": Draws.moment,
    "meeting_id": Draws.uuid,
    "room": lambda draws: draws.name("room-"),
}
"""meeting.ended: the payload."""
RECORDING: Final[Table] = {
    "type": lambda draws: draws.one_of(("cloud", "cloud-audio-only", "raw-tracks", "something-new")),
    "recording_id": Draws.uuid,
    "room_name": lambda draws: draws.name("room-"),
    "start_ts": lambda draws: int(draws.moment()),
    "status": lambda _: "finished",
    "max_participants": Draws.whole,
    "duration": Draws.whole,
    "share_token": Draws.text,
    "s3_key": lambda draws: f"acme/{draws.name('room-')}/{int(draws.moment() * 1000)}",
    "tracks": lambda draws: draws.one_of((None, [], [{"type": "audio", "s3_key": "a/b/1"}])),
}
"""recording.ready-to-download: the payload; its own example has no `type`."""


def payload(draws: Draws) -> Payload:
    """A meeting's end, or one of its recordings, which names the room alone."""
    if draws.chance(0.25):
        return Payload(event=_event(draws, "recording.ready-to-download", made(draws, RECORDING)), call=None)
    meeting = made(draws, MEETING)
    call = name_in(meeting.get("meeting_id"), meeting.get("room"))
    return Payload(event=_event(draws, "meeting.ended", meeting), call=call, nameless=call is None)


def _event(draws: Draws, type_: str, about: dict[str, Any]) -> dict[str, Any]:
    """The five fields that all have in common."""
    detail = {"version": "1.0.0", "type": type_, "id": draws.uuid(), "payload": about, "event_ts": draws.moment()}
    return event(type_, detail, "daily")
