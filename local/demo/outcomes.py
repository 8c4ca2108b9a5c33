"""What became of a call, from what Coval holds and what the item says."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from local.demo.audio_comparison import ANOTHER, AS_SENT, content, likeness
from local.demo.large_recording import chunks
from local.demo.scenarios import LARGE_SECONDS, Ending
from local.demo.steps import LARGE
from local.demo.watcher import reason_of


def ending(held: Sequence[Mapping[str, Any]], item: Mapping[str, Any], dead_letter: str, sent: str) -> Ending:
    """All that the table compares; `sent` is the recording's file."""
    return Ending(
        conversations=len(held),
        text=any(conversation["transcript"] for conversation in held),
        audio=" ".join(_audio(sent, one["audio"]["sha256"], one["audio"]["path"]) for one in held if one["audio"]),
        waves=" ".join(wave["wave"] for one in held for wave in one["waves"] if wave["webhook"]),
        state=item.get("state", ""),
        recording=item.get("recording_state", ""),
        reason=reason_of(item),
        dead_letter=dead_letter,
    )


@cache
def _audio(sent: str, digest: str, path: str) -> str:
    """The large one is compared by its digest: it is never in memory."""
    if sent == LARGE:
        return AS_SENT if digest == _large_digest() else ANOTHER
    return likeness(content(sent), Path(path).read_bytes())


@cache
def _large_digest() -> str:
    digest = hashlib.sha256()
    for chunk in chunks(LARGE_SECONDS):
        digest.update(chunk)
    return digest.hexdigest()
