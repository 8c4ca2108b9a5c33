"""A recording of a call, from its arrival until it is attached or has ended otherwise."""

from dataclasses import replace

from coval_relay.domain import backoff
from coval_relay.domain.call import (
    TERMINAL,
    UNFINISHED,
    Call,
    ConversationAudio,
    ConversationState,
    Recording,
    RecordingState,
)
from coval_relay.domain.errors import Reason
from coval_relay.domain.lifecycle import claims, descriptions
from coval_relay.domain.lifecycle.transition import RETRY_SECONDS, Action, Attempt, Transition, held, input_rejected

MAX_OTHER_RECORDINGS = 100
REJECTED = "rejected"
"""How one has ended that is not looked at again; what only our look found unusable may come anew."""
MAX_CONVERSIONS = 5
NEVER_CONVERTED = Reason("never_converted", "Five conversions of the recording were begun, and none came to its end.")
OTHER_RECORDING_ATTACHED = Reason("superseded", "Coval has another recording of this call, and takes one only.")
OF_ANOTHER_CALL = Reason("of_another_call", "An event says that this recording is another call's.")
MISNAMED = Reason("misnamed", "By its key this recording seemed to be this call's; an event said too late whose it is.")


# --- which of them is chosen -------------------------------------------------------------------------


def recording_arrived(call: Call, arrived: Recording, attempt: Attempt) -> Transition:
    """A recording came for this call: READY, BY_URL, or REJECTED by our own look at it."""
    if claims.is_wordless(call):
        without_words = _arrived(claims.revived_without_words(call, attempt.now), arrived, attempt)
        if without_words.call.recording_state in UNFINISHED:
            return without_words
    return _arrived(claims.revived(call, attempt.now), arrived, attempt)


def _arrived(call: Call, arrived: Recording, attempt: Attempt) -> Transition:
    current = call.recording
    arrived = descriptions.with_agent_channel(arrived, descriptions.agent_channel(call), attempt.now)
    if current is None or _replaces_unusable(arrived, current):
        return _choose(call, arrived, attempt)
    if arrived.identity == current.identity:
        return _redelivered(_inspected_again(call, current, arrived, attempt.now), attempt)
    ending = call.other_recordings.get(arrived.identity, "")
    if ending.startswith(REJECTED) or (ending and not _is_better(arrived, call, current)):
        return Transition(call)
    if _has_audio(call, current) or not _is_better(arrived, call, current):
        return Transition(_with_other(call, arrived))
    if _is_locked(call):
        until = call.lease.until if call.lease else attempt.now + RETRY_SECONDS
        return Transition(call, Action.WAIT, max(until, attempt.now + 1))
    return _choose(_with_other(call, current), arrived, attempt)


def recording_misnamed(call: Call, identity: str, now: int) -> Transition:
    """An event says that the recording is another call's than its key suggests; too late once it is under way.

    From here on it is not sent for this call; it goes from the item when the other call has it.
    """
    recording = call.recording
    if recording is None or recording.identity != identity:
        return Transition(call, Action.DONE)
    if _is_locked(call) or recording.state is RecordingState.ATTACHED:
        return Transition(input_rejected(call, MISNAMED, now).call, Action.DONE)
    return Transition(replace(call, recording=rejected(recording, OF_ANOTHER_CALL, now)), Action.DONE)


def recording_of_another_call(call: Call, identity: str) -> Transition:
    """The other call has it."""
    recording = call.recording
    if recording is None or recording.identity != identity or recording.reason != OF_ANOTHER_CALL:
        return Transition(call, Action.DONE)
    others = {**call.other_recordings, identity: "another call's"}
    return Transition(replace(call, recording=None, other_recordings=others), Action.DONE)


def _replaces_unusable(arrived: Recording, current: Recording) -> bool:
    """What we rejected by its look is good after all: a link that had ended came anew, for one."""
    if arrived.identity != current.identity or current.state is not RecordingState.REJECTED:
        return False
    return arrived.usable and not current.usable


def _inspected_again(call: Call, current: Recording, arrived: Recording, now: int) -> Call:
    if arrived.reason and not arrived.usable and _needs_its_bytes(call, current):
        return replace(call, recording=rejected(current, arrived.reason, now))
    return _with_prepared_copy(call, current, arrived)


def _needs_its_bytes(call: Call, current: Recording) -> bool:
    """Whether nothing can come of the recording any more without what another look found unusable or gone."""
    if current.state in (RecordingState.UPLOADED, RecordingState.BY_URL):
        return call.state in TERMINAL and current.needs_copy
    return current.state is RecordingState.READY


def _with_prepared_copy(call: Call, current: Recording, arrived: Recording) -> Call:
    """The copy that Coval can take was made, or the agent's channel became known."""
    current = descriptions.with_agent_channel(current, arrived.agent_channel, arrived.changed_at)
    made = current.needs_copy and not arrived.needs_copy and arrived.agent_channel == current.agent_channel
    if made and arrived.usable and current.state in (RecordingState.READY, RecordingState.UPLOADED):
        current = replace(arrived, settling_until=current.settling_until)
    return call if current == call.recording else replace(call, recording=current)


def _is_better(arrived: Recording, call: Call, current: Recording) -> bool:
    """Whether it takes the chosen one's place: what has been rejected keeps it against none that can be used."""
    unsent = call.state not in TERMINAL or call.state is ConversationState.SUBMITTED
    vacant = unsent and current.state is RecordingState.REJECTED and arrived.usable
    return vacant or _rank(arrived) > _rank(current)


def _has_audio(call: Call, current: Recording) -> bool:
    """Whether Coval has audio of the call: it takes one recording only."""
    taken = "attached" in call.other_recordings.values() or current.reason == OTHER_RECORDING_ATTACHED
    return taken or current.state is RecordingState.ATTACHED


def _rank(recording: Recording) -> tuple[bool, str, str]:
    """Of two of one second the names decide: else each would displace the other for ever."""
    return recording.usable, recording.sort_key, recording.identity


def _is_locked(call: Call) -> bool:
    submitting = call.lease is not None and call.lease.parts.recording
    return submitting or call.recording_state is RecordingState.ATTACHING


def _choose(call: Call, arrived: Recording, attempt: Attempt) -> Transition:
    after = replace(
        call,
        recording=replace(arrived, changed_at=attempt.now),
        created_at=call.created_at or attempt.now,
        other_recordings={k: v for k, v in call.other_recordings.items() if k != arrived.identity},
    )
    return _to_upload(after, attempt) or Transition(after)


def _to_upload(call: Call, attempt: Attempt) -> Transition | None:
    """Upload now, or when no better recording can be expected any more."""
    recording = call.recording
    if recording is None or recording.state is not RecordingState.READY or call.state in TERMINAL:
        return None
    return Transition(call, Action.DONE if recording.settling_until > attempt.now else Action.UPLOAD)


def _redelivered(call: Call, attempt: Attempt) -> Transition:
    if uploading := _to_upload(call, attempt):
        return uploading
    if call.state is not ConversationState.SUBMITTING or call.recording_state not in UNFINISHED:
        return Transition(call)
    assert call.lease is not None
    if call.lease.parts.transcript:
        return Transition(call, Action.DONE)
    if call.lease.until > attempt.now:
        return Transition(call, Action.WAIT, call.lease.until)
    return claims.taken_over(call, attempt, with_transcript=False)


def _with_other(call: Call, recording: Recording) -> Call:
    ending = "superseded"
    if recording.state is RecordingState.REJECTED and recording.reason:
        ending = f"{REJECTED if recording.usable else 'unusable'}: {recording.reason.code}"
    other_recordings = {**call.other_recordings, recording.identity: ending}
    return replace(call, other_recordings=dict(list(other_recordings.items())[-MAX_OTHER_RECORDINGS:]))


def _is_ready(call: Call, identity: str) -> bool:
    return (
        call.recording is not None
        and call.recording.identity == identity
        and call.recording.state is RecordingState.READY
    )


# --- copies and uploads ------------------------------------------------------------------------------


def recording_uploaded(call: Call, sent: Recording, upload_id: str, now: int) -> Transition:
    """Coval holds the bytes; another recording, or another side, may have been chosen meanwhile."""
    uploaded = replace(sent, state=RecordingState.UPLOADED, upload_id=upload_id)
    return _prepared(call, uploaded, now)


def recording_by_url(call: Call, prepared: Recording, now: int) -> Transition:
    """The copy that Coval can take is too large for an upload: it will be fetched by URL."""
    return _prepared(call, replace(prepared, state=RecordingState.BY_URL), now)


def conversion_begun(call: Call, identity: str, now: int) -> Transition:
    """Written before native code gets the recording: it may take the whole worker along, again and again."""
    recording = call.recording
    if recording is None or recording.identity != identity or recording.state not in UNFINISHED:
        return Transition(call)
    if recording.conversions >= MAX_CONVERSIONS:
        return Transition(replace(call, recording=rejected(recording, NEVER_CONVERTED, now)))
    return Transition(
        replace(call, recording=replace(recording, conversions=recording.conversions + 1)), Action.PREPARE
    )


def conversion_survived(call: Call, identity: str) -> Transition:
    """It failed, and the worker lives to say so: an outage or a denial ends no recording, only death counts."""
    recording = call.recording
    if recording is None or recording.identity != identity or not recording.conversions:
        return Transition(call)
    return Transition(replace(call, recording=replace(recording, conversions=recording.conversions - 1)))


def copy_made(call: Call, copy: Recording, now: int) -> Transition:
    """A copy that Coval can take stands in the staging bucket; on the item before it is used, it is not made twice."""
    current = call.recording
    if current is None or current.identity != copy.identity or not current.needs_copy:
        return Transition(call)
    if current.state not in (RecordingState.READY, RecordingState.UPLOADED, RecordingState.BY_URL):
        return Transition(call)
    if current.agent_channel != copy.agent_channel:
        return Transition(call, Action.REQUEUE_RECORDING)
    made = replace(copy, settling_until=current.settling_until, changed_at=now)
    return Transition(replace(call, recording=made))


def _prepared(call: Call, recording: Recording, now: int) -> Transition:
    action = Action.DONE if call.state is ConversationState.SUBMITTING else Action.CONTINUE
    current = call.recording
    if current is None or not _is_ready(call, recording.identity):
        return Transition(call, action)
    if current.agent_channel != recording.agent_channel:
        return Transition(call, Action.CONTINUE if call.state in TERMINAL else Action.REQUEUE_RECORDING)
    ready = replace(recording, settling_until=current.settling_until, changed_at=now)
    return Transition(replace(call, recording=ready), action)


def recording_rejected(call: Call, identity: str, reason: Reason, now: int) -> Transition:
    """The recording can not be had or not be used; says so where it is still the chosen one, and its bytes are needed.

    worker A   reads ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ (the object was replaced) ── too late, the copy may be in Coval
    worker B            reads ── copy ── attaching ── PATCH
    """
    recording = call.recording
    if recording is None or recording.identity != identity or not _needs_its_bytes(call, recording):
        return Transition(call)
    return Transition(replace(call, recording=rejected(recording, reason, now)))


# --- attaching ---------------------------------------------------------------------------------------


def attach(call: Call, now: int) -> Transition:
    """Lock the recording before the one-shot PATCH, so that none can replace it under way."""
    if call.recording is None or call.recording.state not in UNFINISHED or call.recording.abandoned:
        return Transition(call)
    if call.state is ConversationState.SUBMITTED and call.recording.needs_copy:
        return Transition(call)
    if call.state is ConversationState.SUBMITTED:
        if call.recording.settling_until > now:
            return Transition(call, Action.DONE)
        return Transition(replace(call, recording=_attaching(call.recording, now)), Action.ATTACH)
    if call.state in TERMINAL:
        reason = call.reason or Reason("call_rejected", "The call itself was rejected.")
        return Transition(replace(call, recording=rejected(call.recording, reason, now)))
    return Transition(call)


def _attaching(recording: Recording, now: int) -> Recording:
    if recording.state is RecordingState.ATTACHING:
        return replace(recording, maybe_attached=True)
    return replace(recording, state=RecordingState.ATTACHING, changed_at=now)


def attached(call: Call, identity: str, now: int) -> Transition:
    """The PATCH was answered with 200, or with 409 and a GET that shows audio."""
    if call.recording is None or call.recording.identity != identity:
        return Transition(call)
    if call.recording.state is not RecordingState.ATTACHING:
        return Transition(call)
    done = replace(
        call.recording,
        state=RecordingState.ATTACHED,
        url="",
        upload_id=None,
        reason=None,
        changed_at=now,
    )
    return Transition(replace(call, recording=done))


def attach_rejected(call: Call, identity: str, reason: Reason, now: int) -> Transition:
    """What was being attached cannot be, and nothing sent of it is under way any more."""
    recording = call.recording
    if recording is None or recording.identity != identity or recording.state is not RecordingState.ATTACHING:
        return Transition(call)
    return Transition(replace(call, recording=rejected(recording, reason, now)))


def attach_abandoned(call: Call, identity: str, reason: Reason, now: int) -> Transition:
    """The recording cannot be sent any more; where another PATCH may be under way it stays locked until then.

    Else the next recording's 409 would be taken for its own:

        worker A   lock ── PATCH ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ (lands)
        worker B          locked already ── abandoned           confirm ── attached, or rejected
    """
    recording = call.recording
    if recording is None or recording.identity != identity or recording.abandoned:
        return Transition(call)
    if recording.state is not RecordingState.ATTACHING or not recording.maybe_attached:
        return attach_rejected(call, identity, reason, now)
    return Transition(replace(call, recording=replace(recording, reason=reason, changed_at=now)))


def attach_fetch_failed(call: Call, identity: str, reason: Reason, now: int) -> Transition:
    """Coval could not fetch the recording's URL; fresh ones are tried for 12 days, then it ends with its words."""
    if call.recording is None or call.recording.identity != identity or call.recording.abandoned:
        return Transition(call)
    failing = fetch_failing(call.recording, now)
    if now - failing.fetch_failing_since >= backoff.FETCH_SECONDS:
        return attach_abandoned(call, identity, reason, now)
    return held(replace(call, recording=failing), now + backoff.of_fetch(now - failing.fetch_failing_since))


# --- parts of the conversation's rules ---------------------------------------------------------------


def recording_after_submit(recording: Recording | None, audio: ConversationAudio, now: int) -> Recording | None:
    """Audio is attached once: what another recording of the call took, this one cannot have."""
    if recording is not None and audio is ConversationAudio.OURS:
        return replace(recording, state=RecordingState.ATTACHED, url="", reason=None, changed_at=now)
    if recording is None or recording.state not in UNFINISHED:
        return recording
    return rejected(recording, OTHER_RECORDING_ATTACHED, now) if audio is ConversationAudio.OTHER else recording


def rejected(recording: Recording, reason: Reason, now: int) -> Recording:
    """It has ended; what could still be had by it is gone from the item, unless it may be brought back."""
    url = recording.url if reason.code in claims.IN_VAIN else ""
    return replace(recording, state=RecordingState.REJECTED, reason=reason, upload_id=None, url=url, changed_at=now)


def fetch_failing(recording: Recording, now: int) -> Recording:
    """Coval has failed to fetch it, since now or before."""
    return replace(recording, fetch_failing_since=recording.fetch_failing_since or now)
