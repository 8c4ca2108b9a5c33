"""The state protocol: every rule about what may happen to a call, and nothing else.

Each event is a function from the call as it was seen to a Transition: the call as it shall be, and what
to do then. Nothing here reads a clock or sends anything. A transition is written under the condition that
the item still has the revision it was decided on; whoever loses that race decides again on the item that
won:

    worker A   ── decides on r7 ── writes r8 if r7 ✓
    worker B   ──── decides on r7 ─────── writes r8 if r7 ✗ ── gets r8 ── decides on r8 ──

Sending is not idempotent on Coval's side. So a call is sent by whoever holds its lease, a lease outlives
the last request that its owner can make, and who takes over an ended lease reads before it sends:

    owner      claim ──── POST ─ ─ ─ (dies)      lease ends
    successor                                        │ take over ── strong read ── POST or adopt
"""

from coval_relay.domain.lifecycle.claims import (
    OLD_CALL_SECONDS,
    TRANSCRIPT_MISSING,
    WAITED_TOO_LONG,
    has_given_up,
    is_wordless,
    lease_released,
    reopened,
    submit_not_sent,
)
from coval_relay.domain.lifecycle.conversations import (
    NOTHING_TO_EVALUATE,
    audio_rejected,
    call_described,
    call_ended,
    call_rejected,
    conversation_found_late,
    submit_fetch_failed,
    submitted,
    transcript_arrived,
    transcript_awaited,
    transcript_dropped,
    transcript_not_ready,
    transcript_unavailable,
    upload_not_found,
)
from coval_relay.domain.lifecycle.recordings import (
    MAX_CONVERSIONS,
    MISNAMED,
    NEVER_CONVERTED,
    OF_ANOTHER_CALL,
    OTHER_RECORDING_ATTACHED,
    attach,
    attach_abandoned,
    attach_fetch_failed,
    attach_rejected,
    attached,
    conversion_begun,
    conversion_survived,
    copy_made,
    recording_arrived,
    recording_by_url,
    recording_misnamed,
    recording_of_another_call,
    recording_rejected,
    recording_uploaded,
)
from coval_relay.domain.lifecycle.resumption import (
    audit_due,
    audited,
    awaits_upload,
    claim_next,
    due_at,
    is_hopeless,
    left_to_sweep,
    missing_text_overdue,
    next_action,
    progress,
    put_off,
    resume,
    swept,
    text_is_due,
)
from coval_relay.domain.lifecycle.transition import (
    BUSY,
    RETRY_SECONDS,
    Action,
    Attempt,
    Deadlines,
    Transition,
    input_rejected,
)

__all__ = [
    "BUSY",
    "MAX_CONVERSIONS",
    "MISNAMED",
    "NEVER_CONVERTED",
    "NOTHING_TO_EVALUATE",
    "OF_ANOTHER_CALL",
    "OLD_CALL_SECONDS",
    "OTHER_RECORDING_ATTACHED",
    "RETRY_SECONDS",
    "TRANSCRIPT_MISSING",
    "WAITED_TOO_LONG",
    "Action",
    "Attempt",
    "Deadlines",
    "Transition",
    "attach",
    "attach_abandoned",
    "attach_fetch_failed",
    "attach_rejected",
    "attached",
    "audio_rejected",
    "audit_due",
    "audited",
    "awaits_upload",
    "call_described",
    "call_ended",
    "call_rejected",
    "claim_next",
    "conversation_found_late",
    "conversion_begun",
    "conversion_survived",
    "copy_made",
    "due_at",
    "has_given_up",
    "input_rejected",
    "is_hopeless",
    "is_wordless",
    "lease_released",
    "left_to_sweep",
    "missing_text_overdue",
    "next_action",
    "progress",
    "put_off",
    "recording_arrived",
    "recording_by_url",
    "recording_misnamed",
    "recording_of_another_call",
    "recording_rejected",
    "recording_uploaded",
    "reopened",
    "resume",
    "submit_fetch_failed",
    "submit_not_sent",
    "submitted",
    "swept",
    "text_is_due",
    "transcript_arrived",
    "transcript_awaited",
    "transcript_dropped",
    "transcript_not_ready",
    "transcript_unavailable",
    "upload_not_found",
]
