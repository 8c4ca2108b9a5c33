"""Text that is none, and content in parts: from whatever platform, Coval gets text that it can take."""

import json
from typing import Any

import pytest

from coval_relay.domain.messages import CallEnded
from coval_relay.platforms.registry import parse_transcript, translate
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.platforms.shared.odd_text import readable
from tests.support.events import TURNS, call_ended
from tests.support.platform_samples import NOW, sample
from tests.support.world import World

OPTIONS = PlatformOptions()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("as it is, \U0001f600 too", ("as it is, \U0001f600 too", 0)),
        ("a\x00b\ud83d", ("a\ufffdb\ufffd", 2)),
        ({"k\x00": ["\udc00", 7, None]}, ({"k\ufffd": ["\ufffd", 7, None]}, 2)),
        (7, (7, 0)),
    ],
)
def test_what_is_no_character_is_replaced_and_counted(value: Any, expected: Any) -> None:
    assert readable(value) == expected


def test_beyond_any_readers_depth_all_stays() -> None:
    deep: list[Any] = ["\x00"]
    for _ in range(10_000):
        deep = [deep]
    assert readable(deep)[1] == 0


def said(content: Any) -> dict[str, Any]:
    return call_ended(transcript={"status": "inline", "messages": [{**TURNS[0], "content": content}, TURNS[1]]})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"type": "text", "text": "Thanks"}, {"type": "text", "text": "for calling."}], "Thanks for calling."),
        ([{"type": "output_text", "text": "Look:"}, {"type": "image_url", "image_url": {}}], "Look: [image_url]"),
        ([{"type": "input_audio", "transcript": "Hi."}, {"type": "refusal", "refusal": "No."}], "Hi. No."),
        (["Hi", {"text": " there "}, {}], "Hi there [part]"),
    ],
)
def test_content_in_parts(content: Any, words: str) -> None:
    (ended,) = translate(said(content), OPTIONS, NOW)
    assert isinstance(ended, CallEnded)
    assert ended.transcript is not None
    assert ended.transcript.messages[0]["content"] == words
    from_file = parse_transcript("canonical_v1", [[{"role": "user", "content": content}]], None, OPTIONS)
    assert from_file.messages[0]["content"] == words


def test_coval_gets_the_words_and_how_many_characters_were_none() -> None:
    world = World()
    world.send("call_end", json.dumps(said("Thanks\x00 for \ud83dcalling.")))
    world.run()
    (held,) = world.coval.conversations.values()
    assert held["transcript"][0]["content"] == "Thanks\ufffd for \ufffdcalling."
    assert held["metadata"]["transcript_characters_replaced"] == 2
    assert (world.dead, world.store.get("call-1").state) == ([], "SUBMITTED")


def test_a_file_of_a_platform_counts_them_too() -> None:
    page = sample("twilio", "sentences")
    page["sentences"][0]["transcript"] = "Thanks\x00."
    found = parse_transcript("twilio_sentences", [page], None, OPTIONS)
    assert (found.messages[0]["content"], found.replaced) == ("Thanks\ufffd.", 1)
