"""The submit request, byte for byte, and its limit."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.call import CallFacts, ConversationAudio, Parts
from coval_relay.domain.submit_request import PayloadTooLargeError, Submit, audio_of, encode, parts_of
from coval_relay.domain.transcript import Transcript
from tests.support.events import TURNS

STAMPED = "recording:" + hashlib.sha256(b"s3://b/k#v").hexdigest()[:12]
FACTS = CallFacts(
    occurred_at="2026-10-02T14:31:07.000Z",
    ended_at=1,
    agent_id="a" * 22,
    metadata={"campaign": "é"},
    tags=("t",),
)


def body(submit: Submit, limit: int = 256_000, policy: Any = "truncate") -> dict[str, Any]:
    encoded = encode(submit, limit=limit, policy=policy).body
    assert len(encoded) <= limit
    return json.loads(encoded)  # type: ignore[no-any-return]


def test_everything_that_is_known_goes_out() -> None:
    submit = Submit(
        external_conversation_id="call-1",
        facts=FACTS,
        transcript=Transcript(tuple(TURNS)),
        upload_id="upl_1",
        recording="s3://b/k#v",
    )
    assert body(submit) == {
        "external_conversation_id": "call-1",
        "transcript": TURNS,
        "upload_id": "upl_1",
        "agent_id": "a" * 22,
        "occurred_at": "2026-10-02T14:31:07.000Z",
        "tags": ["t"],
        "metadata": {"campaign": "é", "coval_relay_parts": f"transcript facts {STAMPED}"},
    }


def test_audio_alone() -> None:
    submit = Submit(external_conversation_id="call-1", audio_url="https://x", recording="s3://b/k#v")
    assert body(submit) == {
        "external_conversation_id": "call-1",
        "audio_url": "https://x",
        "metadata": {"coval_relay_parts": STAMPED},
    }


def test_what_is_not_ascii_goes_out_escaped() -> None:
    encoded = encode(Submit(external_conversation_id="ü", upload_id="u"), limit=1000, policy="reject").body
    assert encoded.isascii()


@pytest.mark.parametrize("policy", ["recording", "reject"])
def test_the_other_policies_do_not_shorten(policy: Any) -> None:
    submit = Submit(external_conversation_id="call-1", transcript=Transcript(tuple(TURNS)))
    with pytest.raises(PayloadTooLargeError):
        encode(submit, limit=200, policy=policy)


def test_truncating_cannot_help_where_one_message_is_too_large() -> None:
    submit = Submit(external_conversation_id="c", transcript=Transcript(({"role": "user", "content": "x" * 900},)))
    with pytest.raises(PayloadTooLargeError) as caught:
        encode(submit, limit=500, policy="truncate")
    assert caught.value.limit == 500
    assert caught.value.size > 900


def test_the_oldest_go_first_and_tools_stay_paired() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = (
        {"role": "assistant", "content": "x" * 300, "tool_calls": [call]},
        {"role": "tool", "content": "answer", "tool_call_id": "c1"},
        {"role": "user", "content": "last"},
    )
    sent = body(Submit(external_conversation_id="c", transcript=Transcript(messages)), limit=400)
    assert sent["transcript"] == [{"role": "user", "content": "last"}]
    assert sent["metadata"] == {
        "coval_relay_parts": "transcript",
        "transcript_truncated": True,
        "transcript_dropped_messages": 2,
    }


@given(st.lists(st.text(max_size=80), min_size=1, max_size=60), st.integers(300, 3000))
def test_as_few_as_possible_are_dropped_and_the_limit_is_kept(texts: list[str], limit: int) -> None:
    messages = tuple({"role": "user", "content": text} for text in texts)
    submit = Submit(external_conversation_id="c", transcript=Transcript(messages))
    try:
        sent = body(submit, limit)
    except PayloadTooLargeError:
        return
    dropped = sent["metadata"].get("transcript_dropped_messages", 0)
    assert sent["transcript"] == list(messages[dropped:])
    if dropped > 1:
        fewer = Transcript(messages[dropped - 1 :])
        again = encode(Submit(external_conversation_id="c", transcript=fewer), limit=10**9, policy="truncate")
        stamp = ',"transcript_truncated":true,"transcript_dropped_messages":'
        assert len(again.body) + len(stamp) + len(str(dropped - 1)) > limit


def test_a_tail_of_tools_answers_alone_is_not_sent() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "x" * 900}}
    messages = (
        {"role": "user", "content": "x" * 900},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "answer", "tool_call_id": "c1"},
    )
    submit = Submit(external_conversation_id="c", transcript=Transcript(messages))
    with pytest.raises(PayloadTooLargeError):
        encode(submit, limit=500, policy="truncate")
    assert [m["role"] for m in body(submit, limit=1500)["transcript"]] == ["assistant", "tool"]


def test_the_stamp_tells_whose_audio_it_is() -> None:
    metadata = {"coval_relay_parts": f"facts {STAMPED}"}
    assert audio_of(metadata, "s3://b/k#v") is ConversationAudio.OURS
    assert audio_of(metadata, "s3://b/k#w") is ConversationAudio.OTHER
    assert audio_of({"coval_relay_parts": "transcript"}, "s3://b/k#v") is ConversationAudio.UNKNOWN


def test_the_stamp_tells_what_was_sent() -> None:
    assert parts_of({"coval_relay_parts": f"transcript {STAMPED}"}) == Parts(
        transcript=True, facts=False, recording=True
    )
    assert parts_of({}) == Parts(transcript=False, facts=False, recording=False)


def test_the_stamp_tells_of_which_utterances() -> None:
    transcript = Transcript(({"role": "user", "content": "Hi."},), utterances="a1b2")
    submit = Submit(external_conversation_id="c", transcript=transcript, upload_id="u", recording="s3://b/k#v")
    metadata = body(submit, limit=10**6)["metadata"]
    assert metadata == {"coval_relay_parts": f"transcript utterances:a1b2 {STAMPED}"}
    assert parts_of(metadata) == submit.parts
    assert submit.parts == Parts(transcript=True, facts=False, recording=True, utterances="a1b2")
    assert audio_of(metadata, "s3://b/k#v") is ConversationAudio.OURS
