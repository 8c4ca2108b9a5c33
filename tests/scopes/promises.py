"""The promises, as they are checked in every state, and in the last one of each history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from coval_relay.domain.call import UNFINISHED, Call, RecordingState
from tests.scopes.canonical import Pool
from tests.scopes.machine import State
from tests.scopes.program import WAITS, Program
from tests.support.fakes import FakeClock
from tests.support.world import DEADLINES

CALL = "call-1"
SIDE_KNOWN = "winter"
"""The campaign in the facts of a call end that names the agent's channel."""
WAV_HEAD, FRAME = 44, 2
LONGEST_SECONDS = 4 * 86_400
"""Every deadline of a call has passed long before."""
TOO_LATE = "detail.pending.event: no call became known"
MOST_HOPS = 6
"""More hand-overs than any work needs: recording → attach → recording → attach is the longest way."""


@dataclass
class Promises:
    """What holds for one call, whichever events came of it."""

    pool: Pool
    program: Program
    text_comes: bool = False
    """Whether a transcript comes at all."""
    may_go_without: bool = False
    """Whether an event says that no text will come: what comes after all may be late at any time."""
    recordings: dict[str, bytes] = field(default_factory=dict)
    """Identity → content of every recording that comes."""
    gone: dict[str, bytes] = field(default_factory=dict)
    """Key → content of those of them that were deleted: they may be rejected, should they come again too."""
    nameless: set[str] = field(default_factory=set)
    """Identities of those that wait until the call's end names them."""
    time_may_jump: bool = False
    """Whether that may take longer than they wait."""
    sided: str = ""
    """Identity of the recording whose agent a call end puts on channel 1."""

    def always(self, state: State) -> list[str]:
        """P1 at every step, no handler that fails, and no work that goes round and round."""
        failed = [self.program.places[worker.place].problem for worker in state.workers]
        wrong = [f"a handler failed: {kind}" for kind in failed if kind not in ("", WAITS)]
        wrong += ["P7: work is handed round for ever" for one in state.queued if one.hops > MOST_HOPS][:1]
        wrong += ["P7: it goes on for ever"] if state.now - FakeClock().now > LONGEST_SECONDS else []
        return wrong + list(self.pool.values[state.coval]["broken"])

    def finally_(self, state: State) -> list[str]:
        """Everything at the end, when all is quiet and no deadline is left."""
        call, coval = self._call(state), self.pool.values[state.coval]
        held = list(coval["conversations"].values())
        buried = self._waited_too_long(state, call)
        if not held and not self.text_comes and not self.recordings and call.recording_missed_at:
            return self._quiet(state, call, buried)
        if len(held) != 1 or call.state != "SUBMITTED" or call.conversation_id not in coval["conversations"]:
            return [f"P2: {call.state}, {len(held)} conversations in Coval"]
        return [
            *self._quiet(state, call, buried),
            *self._text(call, held[0]),
            *self._audio(state, call, held[0]),
            *self._accounted(call, buried),
        ]

    def end(self, state: State) -> str:
        """The last state in words: what an operator and Coval see of the call."""
        call, coval = self._call(state), self.pool.values[state.coval]
        held: Mapping[str, Any] = next(iter(coval["conversations"].values()), {})
        text = "text" if held.get("transcript") else "no text"
        facts = "facts" if "campaign" in held.get("metadata", {}) else "no facts"
        late = f", late {'+'.join(call.late)}" if call.late else ""
        audio = ", ".join(_key(name) for name in self._attached(call)) or "no audio"
        return f"{text}, {facts}, {audio}{late}"

    def _call(self, state: State) -> Call:
        calls: Mapping[str, Call] = self.pool.values[state.store]
        return calls.get(CALL, Call(external_conversation_id=CALL))

    # --- one by one ------------------------------------------------------------------------------------

    def _quiet(self, state: State, call: Call, buried: set[str]) -> list[str]:
        pending = self.pool.values[state.aliases]
        too_late = [message for message in state.dead if TOO_LATE in message]
        queued = [message for message in state.dead if TOO_LATE not in message]
        queued += too_late[len(buried) :]
        wrong = [f"P7: dead letter {message}" for message in queued]
        wrong += [f"P7: still due at {call.due_at}"] if call.due_at is not None else []
        wrong += [f"P3: pending for ever under {a.type}" for a, item in pending.items() if item.pending]
        return wrong + ([f"P7: a lease is left in {call.state}"] if call.lease else [])

    def _text(self, call: Call, held: Mapping[str, Any]) -> list[str]:
        sent, late = bool(held.get("transcript")), "transcript" in call.late
        wrong = []
        if call.sent is None or call.sent.transcript != sent:
            wrong.append(f"P2: the item says text {call.sent and call.sent.transcript}, Coval has text {sent}")
        if self.text_comes and not sent and not late:
            wrong.append("P2: the transcript was dropped silently")
        in_time = call.submitted_at - call.created_at < DEADLINES.grace
        if late and in_time and not self.may_go_without:
            wrong.append("P6: the text is late although the grace time had not passed")
        return wrong

    def _audio(self, state: State, call: Call, held: Mapping[str, Any]) -> list[str]:
        """P4: the recording that the item calls attached is the one that Coval has, and has right.

        What went to Coval before the side was known, or with the facts of another leg, cannot be mended.
        """
        attached, audio = self._attached(call), held["audio"]
        side_known = held["metadata"].get("campaign") == SIDE_KNOWN
        if audio is None or len(attached) != 1:
            fine = audio is None and not attached
            return [] if fine else [f"P4: attached {attached}, Coval has audio: {audio is not None}"]
        content = audio if isinstance(audio, bytes) else self._content(state, audio)
        source = self.recordings[attached[0]]
        if attached[0] == self.sided and side_known:
            return [] if _left(content) == _right(source) else ["P9: the agent is not on channel 0"]
        return [] if content in (source, _swapped(source)) else ["P4: Coval has another recording"]

    def _attached(self, call: Call) -> list[str]:
        names = [name for name, ending in call.other_recordings.items() if ending == "attached"]
        if call.recording and call.recording.state is RecordingState.ATTACHED:
            names.append(call.recording.identity)
        return names

    def _content(self, state: State, url: str) -> bytes:
        key = urlsplit(url).path.removeprefix("/")
        objects: dict[str, tuple[str, bytes]] = self.pool.values[state.files]
        return objects[key][1] if key in objects else self.gone[key]

    def _waited_too_long(self, state: State, call: Call) -> set[str]:
        """Recordings that are dead letters, with the reason: time jumped while the name lay in its queue."""
        if not self.time_may_jump or not any(TOO_LATE in message for message in state.dead):
            return set()
        return self.nameless - _known(call)

    def _accounted(self, call: Call, buried: set[str]) -> list[str]:
        accounted = _known(call) | buried
        wrong = [f"P3: {name} has no outcome" for name in self.recordings if name not in accounted]
        if call.recording and call.recording.state in UNFINISHED:
            wrong.append(f"P3: the recording ends {call.recording.state}")
        if len(self.recordings) > len(self.gone) + len(buried) and not self._attached(call):
            wrong.append("P3: no recording was attached")
        return wrong


def _known(call: Call) -> set[str]:
    return set(call.other_recordings) | ({call.recording.identity} if call.recording else set())


def _key(identity: str) -> str:
    return identity.partition("#")[0].removeprefix("s3://recordings/")


def _left(wav: bytes) -> bytes:
    return wav[WAV_HEAD : WAV_HEAD + FRAME]


def _right(wav: bytes) -> bytes:
    return wav[WAV_HEAD + FRAME : WAV_HEAD + 2 * FRAME]


def _swapped(wav: bytes) -> bytes:
    """A stereo file with its channels changed over; a mono file is none of these."""
    head, body = wav[:WAV_HEAD], wav[WAV_HEAD:]
    return head + b"".join(
        body[at + FRAME : at + 2 * FRAME] + body[at : at + FRAME] for at in range(0, len(body), 2 * FRAME)
    )
