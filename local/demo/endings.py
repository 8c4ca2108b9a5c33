"""What became of a call, from what Coval holds and what the item says."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from local.demo.large_recording import chunks
from local.demo.scenarios import LARGE, LARGE_SECONDS, Ending
from local.demo.steps import AUDIO
from local.demo.watch import reason_of


def ending(held: Sequence[Mapping[str, Any]], item: Mapping[str, Any], dead_letter: str) -> Ending:
    """All that the table compares."""
    return Ending(
        conversations=len(held),
        text=any(conversation["transcript"] for conversation in held),
        audio=" ".join(_audio(one["audio"]["sha256"]) for one in held if one["audio"]),
        waves=" ".join(wave["wave"] for one in held for wave in one["waves"] if wave["webhook"]),
        state=item.get("state", ""),
        recording=item.get("recording_state", ""),
        reason=reason_of(item),
        dead_letter=dead_letter,
    )


def _audio(digest: str) -> str:
    return _fixtures().get(digest) or (LARGE if digest == _large_digest() else "other bytes")


@cache
def _fixtures() -> Mapping[str, str]:
    return {hashlib.sha256(file.read_bytes()).hexdigest(): file.name for file in AUDIO.iterdir()}


@cache
def _large_digest() -> str:
    digest = hashlib.sha256()
    for chunk in chunks(LARGE_SECONDS):
        digest.update(chunk)
    return digest.hexdigest()
