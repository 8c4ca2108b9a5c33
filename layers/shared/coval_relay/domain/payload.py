"""The submit request: what is sent to Coval, byte for byte, and never more of it than Coval takes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coval_relay.domain.call import Facts, Parts
from coval_relay.domain.errors import RelayError
from coval_relay.domain.transcript import Transcript, without_oldest

STAMP = "coval_relay_parts"
"""Metadata key that tells a later reader which parts a submit carried."""
OversizePolicy = Literal["truncate", "recording", "reject"]


@dataclass(unsafe_hash=True)
class PayloadTooLarge(RelayError):
    """The request would be over the limit; sizes in bytes."""

    size: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """All that one submit says."""

    external_conversation_id: str
    facts: Facts | None = None
    transcript: Transcript | None = None
    upload_id: str | None = None
    audio_url: str | None = None

    @property
    def parts(self) -> Parts:
        recording = self.upload_id is not None or self.audio_url is not None
        return Parts(text=self.transcript is not None, facts=self.facts is not None, recording=recording)


@dataclass(frozen=True, slots=True)
class Payload:
    """A request's body, and how many of the oldest messages it leaves out."""

    body: bytes
    dropped: int = 0


def encode(submit: Submit, *, limit: int, policy: OversizePolicy) -> Payload:
    """The request, at most `limit` bytes.

    Coval queues what it gets under a limit of 256 KB and may escape what is not ASCII, so it goes out
    escaped: what is measured here is the most that it can become (Coval API, submit: 413).

    Raises PayloadTooLarge where the policy is not to truncate, or truncating does not help.
    """
    body = _bytes(submit, dropped=0)
    if len(body) <= limit:
        return Payload(body)
    messages = submit.transcript.messages if submit.transcript else ()
    if policy != "truncate" or len(_bytes(submit, dropped=len(messages) - 1)) > limit:
        raise PayloadTooLarge(len(body), limit)
    dropped = _fewest_to_drop(submit, len(messages), limit)
    return Payload(_bytes(submit, dropped=dropped), dropped)


def _fewest_to_drop(submit: Submit, count: int, limit: int) -> int:
    too_few, enough = 0, count - 1
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if len(_bytes(submit, dropped=middle)) <= limit:
            enough = middle
        else:
            too_few = middle
    return enough


def _bytes(submit: Submit, *, dropped: int) -> bytes:
    return json.dumps(_body(submit, dropped), ensure_ascii=True, separators=(",", ":")).encode()


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
    metadata: dict[str, Any] = {**(facts.metadata if facts else {}), STAMP: _stamp(submit.parts)}
    if submit.transcript:
        messages = without_oldest(submit.transcript.messages, dropped)
        body["transcript"] = [dict(message) for message in messages]
        if dropped:
            metadata["transcript_truncated"] = True
            metadata["transcript_dropped_messages"] = len(submit.transcript.messages) - len(messages)
    return {name: value for name, value in {**body, "metadata": metadata}.items() if value not in (None, [])}


def _stamp(parts: Parts) -> str:
    return " ".join(name for name in ("text", "facts", "recording") if getattr(parts, name))


def parts_of(metadata: Mapping[str, Any]) -> Parts:
    """The parts that a submit found in Coval had carried, by its stamp."""
    names = str(metadata.get(STAMP, "")).split()
    return Parts(text="text" in names, facts="facts" in names, recording="recording" in names)
