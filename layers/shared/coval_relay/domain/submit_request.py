"""The submit request: what is sent to Coval, byte for byte, and never more of it than Coval takes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coval_relay.domain.call import CallFacts, ConversationAudio, Parts
from coval_relay.domain.errors import RelayError
from coval_relay.domain.transcript import Transcript, without_oldest

STAMP = "coval_relay_parts"
"""Metadata key that shows a later reader which parts a submit carried, and which recording."""
OversizePolicy = Literal["truncate", "recording", "reject"]


@dataclass(unsafe_hash=True)
class PayloadTooLargeError(RelayError):
    """The request would be over the limit; sizes in bytes."""

    size: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """All that one submit says."""

    external_conversation_id: str
    facts: CallFacts | None = None
    transcript: Transcript | None = None
    upload_id: str | None = None
    audio_url: str | None = None
    recording: str | None = None
    """Identity of the recording that goes along."""

    @property
    def parts(self) -> Parts:
        recording = self.upload_id is not None or self.audio_url is not None
        return Parts(
            transcript=self.transcript is not None,
            facts=self.facts is not None,
            recording=recording,
            utterances=self.transcript.utterances if self.transcript else "",
        )


@dataclass(frozen=True, slots=True)
class Payload:
    """A request's body, and how many of the oldest messages it leaves out."""

    body: bytes
    dropped: int = 0


def encode(submit: Submit, *, limit: int, policy: OversizePolicy) -> Payload:
    """The request, at most `limit` bytes.

    Coval queues what it gets under a limit of 256 KB and may escape what is not ASCII, so it goes out
    escaped: what is measured here is the most that it can become (Coval API, submit: 413).

    Raises PayloadTooLargeError where the policy is not to truncate, or truncating does not help.
    """
    body = _bytes(submit, dropped=0)
    if len(body) <= limit:
        return Payload(body)
    messages = submit.transcript.messages if submit.transcript else ()
    # A tool's answer alone is not kept, so the last message that is none bounds what may go.
    most = max((index for index, message in enumerate(messages) if message["role"] != "tool"), default=0)
    if policy != "truncate" or len(_bytes(submit, dropped=most)) > limit:
        raise PayloadTooLargeError(len(body), limit)
    dropped = _fewest_to_drop(submit, most, limit)
    return Payload(_bytes(submit, dropped=dropped), dropped)


def _fewest_to_drop(submit: Submit, most: int, limit: int) -> int:
    too_few, enough = 0, most
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if len(_bytes(submit, dropped=middle)) <= limit:
            enough = middle
        else:
            too_few = middle
    return enough


def _bytes(submit: Submit, *, dropped: int) -> bytes:
    return json.dumps(_body(submit, dropped), ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def _body(submit: Submit, dropped: int) -> dict[str, Any]:
    facts = submit.facts
    body: dict[str, Any] = {
        "external_conversation_id": submit.external_conversation_id,
        "transcript": None,
        "upload_id": submit.upload_id,
        "audio_url": submit.audio_url,
        "agent_id": facts.agent_id if facts else None,
        "occurred_at": facts.occurred_at if facts else None,
        "tags": list(facts.tags) if facts else None,
        "metrics": list(facts.metrics) if facts else None,
    }
    metadata: dict[str, Any] = {**(facts.metadata if facts else {}), STAMP: _stamp(submit)}
    if submit.transcript:
        messages = without_oldest(submit.transcript.messages, dropped)
        body["transcript"] = [dict(message) for message in messages]
        if submit.transcript.estimated:
            metadata["transcript_times_estimated"] = submit.transcript.estimated
        if submit.transcript.replaced:
            metadata["transcript_characters_replaced"] = submit.transcript.replaced
        if dropped:
            metadata["transcript_truncated"] = True
            metadata["transcript_dropped_messages"] = len(submit.transcript.messages) - len(messages)
    return {name: value for name, value in {**body, "metadata": metadata}.items() if value not in (None, [])}


def _stamp(submit: Submit) -> str:
    parts = submit.parts
    names = [name for name in ("transcript", "facts") if getattr(parts, name)]
    utterances = [f"utterances:{parts.utterances}"] if parts.utterances else []
    recording = [f"recording:{_digest(submit.recording or '')}"] if parts.recording else []
    return " ".join([*names, *utterances, *recording])


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:12]


def is_ours(metadata: Mapping[str, Any]) -> bool:
    """Whether a conversation in Coval was submitted by this relay, and not by somebody else by its id."""
    return STAMP in metadata


def parts_of(metadata: Mapping[str, Any]) -> Parts:
    """The parts that a submit found in Coval had carried, by its stamp."""
    told = [name.partition(":") for name in str(metadata.get(STAMP, "")).split()]
    names = {name: digest for name, _, digest in told}
    return Parts(
        transcript="transcript" in names,
        facts="facts" in names,
        recording="recording" in names,
        utterances=names.get("utterances", ""),
    )


def audio_of(metadata: Mapping[str, Any], identity: str) -> ConversationAudio:
    """Whose audio a conversation has that was found with audio: `identity` is the chosen recording's."""
    if "recording:" not in str(metadata.get(STAMP, "")):
        return ConversationAudio.UNKNOWN
    return ConversationAudio.OURS if carried(metadata, [identity]) else ConversationAudio.OTHER


def carried(metadata: Mapping[str, Any], identities: Iterable[str]) -> str | None:
    """Which of these recordings a submit found in Coval had carried."""
    names = str(metadata.get(STAMP, "")).split()
    return next((identity for identity in identities if f"recording:{_digest(identity)}" in names), None)
