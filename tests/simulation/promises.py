"""What must hold: after every step, and when all has come to rest."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from coval_relay.domain.call import TERMINAL, Call, ConversationState, RecordingState
from coval_relay.domain.lifecycle import NOTHING_TO_EVALUATE, is_wordless
from tests.simulation.services import Held
from tests.simulation.stories import Happening, Story, heard
from tests.simulation.world import SECRETS, Outside, id_of, key_of
from tests.support.aws_queues import VISIBILITY_SECONDS

AUDIT_WINDOW_SECONDS = 2 * 3600
"""A second conversation that lands late is gone again by then, whatever fails on the way."""
BOUND_WINDOW_SECONDS = 4 * VISIBILITY_SECONDS
"""Nothing waits longer than this under an alias that is bound: so long does the binding's message come again."""
TEXTS = ("inline", "reference", "utterances")
WITHDRAWN = ("transcript_missing", "invalid_transcript")
"""Notes by which a call shows that its text did not come in time."""
REJECTED, SUBMITTED = ConversationState.REJECTED, ConversationState.SUBMITTED
DONE = (RecordingState.ATTACHED, RecordingState.REJECTED)


@dataclass
class Promises:
    """Watches a history; what it sees broken it reports to the stage."""

    outside: Outside
    story: Story
    looked_at: int = 0
    since: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outside.table.written = self.written
        self.outside.coval.took_audio = self.took_audio
        self.breaks = self.outside.stage.breaks

    # --- after every step ----------------------------------------------------------------------------

    def written(self, before: Call, after: Call) -> None:
        name = after.external_conversation_id
        found_late = before.state is REJECTED and after.state is SUBMITTED
        goes_on = found_late or is_wordless(before)
        if before.state in TERMINAL and after.state is not before.state and not goes_on:
            self.breaks(f"P2: {name} went from {before.state} back to {after.state}")
        if before.conversation_id not in (None, after.conversation_id):
            self.breaks(f"P1: the item of {name} went from one conversation to another")
        attached = after.recording_state is RecordingState.ATTACHED
        if attached and before.recording_state is not RecordingState.ATTACHED:
            self._attached(after)

    def _attached(self, call: Call) -> None:
        held = self.outside.coval.held.get(call.conversation_id or "")
        assert call.recording is not None
        if held is None or held.deleted or self._forgotten_once(call.external_conversation_id):
            return
        if held.audio is None:
            self.breaks(f"P4: {call.external_conversation_id} is ATTACHED, Coval has no audio")
            return
        number = self.outside.numbers[call.recording.identity]
        if heard(held.audio)[0] != number:
            self.breaks(f"P4: Coval has the audio of recording {heard(held.audio)[0]}, the item says {number}")

    def _forgotten_once(self, call_id: str) -> bool:
        """Which of its recordings Coval has is not known any more."""
        return any(one.kind == "item forgotten" for one in self._of(call_id))

    def took_audio(self, held: Held) -> None:
        """P9: whose side was known when it was submitted is heard on channel 0."""
        assert held.audio is not None
        _, agent_on = heard(held.audio)
        if "facts" not in held.request["metadata"]["coval_relay_parts"] or not agent_on:
            return
        if self._forgotten_once(held.call_id) and self.outside.table.item(held.call_id).facts is None:
            return  # the item that knew the side has gone, and the call's end does not come again
        ends = [one for one in self._of(held.call_id) if one.kind == "call ends" and one.side is not None]
        if ends:
            self.breaks(f"P9: the agent of {held.call_id} is on channel 1, and the call's end had said so")

    def look(self) -> None:
        """Called between two steps."""
        now = self.outside.stage.clock.now
        telemetry = self.outside.world.telemetry
        for event, _, fields in telemetry[self.looked_at :]:
            self._private(f"the log line {event.name}", fields.values())
        self.looked_at = len(telemetry)
        lasting = [f"P1: two conversations of {name}" for name in self._doubled()]
        lasting += [f"P3: a message waits under {alias.key}, which is bound" for alias in self._forgotten()]
        self.since = {name: self.since.get(name, now) for name in lasting}
        for name, since in self.since.items():
            window = AUDIT_WINDOW_SECONDS if name.startswith("P1") else BOUND_WINDOW_SECONDS
            if now - since > window:
                self.breaks(f"{name}, for longer than it may")

    def _doubled(self) -> list[str]:
        live = Counter(held.call_id for held in self.outside.coval.held.values() if not held.deleted)
        return [name for name, count in live.items() if count > 1 and not self._somebody_deletes(name)]

    def _somebody_deletes(self, name: str) -> bool:
        """Where ours was deleted in Coval, what landed there late is not for the audit to delete."""
        return any(one.kind == "deleted in Coval" for one in self._of(name))

    def _forgotten(self) -> list[Any]:
        items = self.outside.names.items
        return [alias for alias, item in items.items() if item.target is not None and item.pending]

    def _private(self, where: str, values: Any) -> None:
        if any(secret in str(value) for value in values for secret in SECRETS):
            self.breaks(f"P8: {where} quotes what is private")

    # --- at the end ----------------------------------------------------------------------------------

    def at_rest(self) -> None:
        for number in sorted({one.call for one in self.story.happenings}):
            self._call(id_of(number), self._of(id_of(number)))
        for alias, item in self.outside.names.items.items():
            if item.pending:
                self.breaks(f"P3: {len(item.pending)} messages wait under {alias.key} for ever")
        for _, body, reason in self.outside.world.dead:
            self._dead(body, reason)
        for call in self.outside.table.items.values():
            self._private(f"the item of {call.external_conversation_id}", (call.reason, call.notes))

    def _of(self, call_id: str) -> list[Happening]:
        return [one for one in self.story.happenings if id_of(one.call) == call_id]

    def _dead(self, body: str, reason: Any) -> None:
        if reason is None or not any(key_of(one) in body for one in self._orphans()):
            self.breaks(f"P2: a dead letter that an operator cannot mend: {reason} {body[:300]}")
        else:
            self._private("a dead letter's reason", (reason,))

    def _orphans(self) -> list[Happening]:
        """Recordings whose call never became known by the name that they came under."""
        ended = {one.call for one in self.story.happenings if one.kind == "call ends"}
        named = {one.sound for one in self.story.happenings if one.kind == "names known" and one.call in ended}
        return [
            one
            for one in self.story.happenings
            if one.sound
            and ((one.by == "place" and one.call not in ended) or (one.by == "leg" and not self._led(one, named)))
        ]

    def _led(self, one: Happening, named: Any) -> bool:
        return any(sound and key_of(one) == f"odd/{sound.number}.wav" for sound in named)

    def _call(self, call_id: str, happened: list[Happening]) -> None:
        item, live = self.outside.table.item(call_id), self.outside.coval.live(call_id)
        if item.due_at is not None:
            self.breaks(f"P7: {call_id} is still due")
        if len(live) > 1 and not self._somebody_deletes(call_id):
            self.breaks(f"P1: {call_id} has {len(live)} conversations at the end")
        if self._forgotten_once(call_id):
            return
        names = [held.name for held in live]
        expected = [item.conversation_id] if item.conversation_id else []
        if not self._somebody_deletes(call_id) and names != expected:
            self.breaks(f"P1: {call_id} is {item.state} as {item.conversation_id}, Coval has {names}")
        self._end_of_call(item, happened, live)
        self._recordings(item, happened)

    def _end_of_call(self, item: Call, happened: list[Happening], live: list[Held]) -> None:
        ends = [one for one in happened if one.kind == "call ends"]
        name = item.external_conversation_id
        if not ends:
            return
        withdrawn = any(note.code in WITHDRAWN for note in item.notes)
        texts = not withdrawn and (
            ends[0].transcript in TEXTS or any(one.kind == "transcript object" for one in happened)
        )
        if item.state not in TERMINAL and (texts or not self._waits_rightly(item)):
            self.breaks(f"P2: the end of {name} has come to nothing: {item.state}, {item.call_end}")
        sent = any(held.request.get("transcript") for held in live)
        if texts and live and not (sent or "transcript" in item.late):
            self.breaks(f"P2: the text of {name} was lost silently")

    def _waits_rightly(self, item: Call) -> bool:
        """Without text and a recording that can be used there is nothing to submit, and the item says so."""
        explained = NOTHING_TO_EVALUATE in item.notes or item.recording_missed_at > 0
        explained = explained or any(note.code in WITHDRAWN for note in item.notes)
        return explained or item.recording_state is RecordingState.REJECTED

    def _recordings(self, item: Call, happened: list[Happening]) -> None:
        if item.recording is not None and item.recording_state not in DONE:
            self.breaks(f"P3: the recording of {item.external_conversation_id} stays {item.recording_state}")
        orphans = self._orphans()
        numbers = {
            one.sound.number
            for one in happened
            if one.sound and one.kind in ("recording", "replaced") and one not in orphans
        }
        known = set(item.other_recordings) | ({item.recording.identity} if item.recording else set())
        for identity, number in self.outside.numbers.items():
            if number in numbers and identity not in known and not self._was_gone(identity):
                self.breaks(f"P3: nothing is known of the recording {identity}")

    def _was_gone(self, identity: str) -> bool:
        """What is gone, or replaced, before anybody has asked whose it is: the log says so."""
        skipped = [
            fields.get("code") for event, _, fields in self.outside.world.telemetry if event.name == "RECORDING_SKIPPED"
        ]
        touched = {key_of(one) for one in self.story.happenings if one.kind in ("replaced", "object deleted")}
        return "gone_before_its_call_was_known" in skipped and identity.partition("#")[0].split("/", 3)[3] in touched

    # --- the same, whatever the order ----------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """What must be the same in every gentle history of these happenings."""
        return {id_of(call): self._facts(id_of(call)) for call in {one.call for one in self.story.happenings}}

    def _facts(self, call_id: str) -> Any:
        item, live = self.outside.table.item(call_id), self.outside.coval.live(call_id)
        texts = [bool(held.request.get("transcript")) for held in live]
        audio = [heard(held.audio) if held.audio else None for held in live]
        recording = item.recording and (item.recording.identity.partition("#")[0], item.recording.state)
        return item.state, texts, audio, recording, item.late
