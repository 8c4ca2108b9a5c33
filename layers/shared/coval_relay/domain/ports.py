"""What the services need of the outside besides Coval and the recordings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from coval_relay.domain.call import Call
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.coval import ContentType
from coval_relay.domain.errors import Reason
from coval_relay.domain.raw_audio import RawAudio
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.domain.transcript import Utterance

if TYPE_CHECKING:
    from coval_relay.domain.audio.ranged_reads import ReadRange


@dataclass(unsafe_hash=True)
class ConflictError(Exception):
    """Somebody else wrote the item first; `current` is what stands there now."""

    current: Call


SHARDS = 8
"""Parts of the sweep's index: writes spread over them, the sweep looks at each."""


class CallStore(Protocol):
    """The conversation table. All raise RetryableError where the table cannot be reached."""

    def get(self, external_conversation_id: str) -> Call:
        """The item, strongly consistent; a Call of revision 0 where there is none."""

    def save(self, seen: Call, call: Call) -> Call:
        """Put `call` in the place of `seen` and return it with its new revision; raises Conflict."""

    def due(self, shard: int, now: int, limit: int) -> Iterator[Call]:
        """The calls of one shard whose time to be looked at has come; may be a little stale."""


class Clock(Protocol):
    """Now, in epoch seconds."""

    def __call__(self) -> int: ...


class TranscriptObjects(Protocol):
    """The buckets of the transcripts."""

    def fetch(self, bucket: str, key: str, max_bytes: int) -> bytes:
        """The whole object; raises NotReadyError (not there), PermanentError (may not be read)."""


class RejectedEvents(Protocol):
    """Events of calls that were rejected, for as long as the operator wants to be able to send them again."""

    def keep(self, external_conversation_id: str, reason: Reason, event: str) -> None:
        """Keep it, once however often it is rejected; raises RetryableError, PermanentError (access denied)."""


# --- aliases -----------------------------------------------------------------------------------------

ALIAS_SHARDS = range(SHARDS, SHARDS + 4)
"""The aliases' parts of the sweep's index: beside the calls', so that neither's sweep sees the other's."""


@dataclass(unsafe_hash=True)
class AliasTakenError(Exception):
    """The alias leads to another target already, and stays there."""

    target: str


class Aliases(Protocol):
    """The aliases' items. All raise RetryableError where the table cannot be reached.

    A target is a call's id or the key of another alias; once it is set, it stays.
    """

    def target(self, alias: Alias) -> str | None:
        """Where the alias leads, strongly consistent."""

    def waiting(self, alias: Alias) -> tuple[PendingMessage, ...]:
        """What is pending under it, oldest first, strongly consistent."""

    def add_pending(self, alias: Alias, pending: PendingMessage) -> str | None:
        """Keep what waits, unless the alias is bound: then return its target; of one identity the first stays."""

    def bind(self, alias: Alias, target: str) -> tuple[PendingMessage, ...]:
        """Let the alias lead to `target` and return what is still pending, again on a repetition.

        Raises AliasTakenError where it leads elsewhere. The caller sends on what it gets, then clears it.
        """

    def clear(self, alias: Alias, pending: PendingMessage) -> None:
        """Take out what was sent on; nothing where it is gone already."""

    def expire(self, alias: Alias, pending: PendingMessage) -> str | None:
        """Take out what has waited too long; returns the target where the alias is bound.

        Whoever gets a target sends the message on: the alias may have been bound a moment after the removal, and to
        send on twice does no harm.
        """

    def put_off(self, alias: Alias, pending: PendingMessage, until: int) -> None:
        """Let what waits be due at `until`; nothing where it is gone already."""

    def due(self, shard: int, now: int, limit: int) -> Iterator[tuple[Alias, str | None, tuple[PendingMessage, ...]]]:
        """Messages of one of ALIAS_SHARDS that have waited too long, with their aliases and targets."""


# --- transcripts -------------------------------------------------------------------------------------


class UtteranceStore(Protocol):
    """Utterances that are collected until the call's end. All raise RetryableError."""

    def add(self, call_id: str, utterances: Sequence[Utterance]) -> None:
        """Keep them; raises PermanentError for one that is too large."""

    def get_all(self, call_id: str) -> tuple[Utterance, ...]:
        """All of a call, as `collected` orders them, strongly consistent."""


class TranscriptUrls(Protocol):
    """Transcripts that lie at https URLs."""

    def fetch(self, url: str, max_bytes: int) -> bytes:
        """The whole document; raises NotReadyError (not there yet), RetryableError, PermanentError."""


# --- recordings --------------------------------------------------------------------------------------


class StagingBucket(Protocol):
    """The stack's own bucket: copies of recordings that Coval could not take as they are."""

    def store(self, name: str, write: Callable[[BinaryIO], object]) -> tuple[ObjectVersion, int]:
        """A new object below `name` of what `write` writes, and its size in bytes.

        `write` may seek, and leaves the file open. Whatever it raises leaves no object, and passes.
        Raises RetryableError, or PermanentError (access denied: names the permission).
        """


class RecordingUrls(Protocol):
    """Recordings that lie at https URLs."""

    def stream(self, url: str) -> Iterator[bytes]:
        """The whole recording in chunks; raises UrlRejectedError, RetryableError (also if it breaks off)."""


class AudioConverter(Protocol):
    """Turns audio that Coval does not take into WAV or MP3."""

    def __call__(
        self, size: int, read: "ReadRange", sink: BinaryIO, *, agent_channel: int | None, raw: RawAudio | None = None
    ) -> ContentType:
        """Write the converted recording to `sink`, the agent on channel 0 where the channel is known.

        `raw` says how to read what has no header.

        Raises AudioRejectedError for what cannot be decoded, or lasts too long.
        """


@dataclass(frozen=True, slots=True)
class ParameterVersion:
    """A version of a parameter: its number, and its text."""

    number: int
    text: str


class VersionedParameter(Protocol):
    """A parameter of the account, with its older versions."""

    @property
    def name(self) -> str: ...

    def read(self, number: int | None = None) -> ParameterVersion:
        """That version, or the newest; raises RetryableError."""
