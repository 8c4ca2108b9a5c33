"""What of a call's item bears the mark of the webhook that brought it."""

import pytest

from coval_relay.domain.call import CallEnd, CallFacts, TranscriptPointer
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.messages import AliasesKnown, CallEnded, Message, RecordingReady, TranscriptArrived
from coval_relay.domain.webhooks.provenance import marked

POINTER = TranscriptPointer(url="https://media.example.com/a.json", format="vapi", stored_at=1)
FACTS = CallFacts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=1)


def test_a_call_s_end() -> None:
    ended = CallEnded(external_conversation_id="c", kind=CallEnd.TRANSCRIPT_PENDING, facts=FACTS, pointer=POINTER)
    found = marked(ended, "webhook:vapi")
    assert isinstance(found, CallEnded)
    assert found.pointer is not None
    assert (found.facts.provenance, found.pointer.provenance) == ("webhook:vapi", "webhook:vapi")
    assert (ended.facts.provenance, POINTER.provenance) == ("", "")


@pytest.mark.parametrize(
    "message",
    [
        TranscriptArrived(external_conversation_id="c", pointer=POINTER),
        RecordingReady(target="c", uri="https://media.example.com/a.wav", created_at=1),
    ],
)
def test_what_comes_by_itself(message: Message) -> None:
    assert repr(marked(message, "webhook:vapi")) == repr(message).replace("provenance=''", "provenance='webhook:vapi'")


def test_other_names_have_no_item_of_the_call() -> None:
    known = AliasesKnown(target="c", aliases=(Alias("leg", "1"),))
    assert marked(known, "webhook:vapi") is known
