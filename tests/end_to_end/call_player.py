"""Plays calls of all platforms at once on the deployed stack, and says how each ended.

Several samples describe the same call, so each call plays them under ids of its own: the same ones wherever
they stand, of the same shape.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import boto3

from coval_relay.domain.submit_request import STAMP
from local.demo.watcher import Changes, Coval, DeadLetters, Items, QueueDepths, reason_of, repeated
from local.load.emulator_control import Functions
from local.simulator import AdminClient
from local.stack import events
from local.stack.parameters import RECORDINGS_UNVERSIONED as RECORDINGS
from local.stack.parameters import TRANSCRIPTS
from local.stack.stack import Stack
from local.webhooks import PLATFORMS, WayIn, function_url
from tests.end_to_end.platform_web_servers import Page, Web
from tests.support import voices
from tests.support.coval_sdk_judge import judge_patch, judge_submit
from tests.support.platform_samples import EVENTS
from tests.support.voices import KINDS, correlation, decoded, narrow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

STEP_SECONDS = 300
"""How long a step waits for what it builds upon."""
HEARD = 0.9
"""Correlation from which a voice counts as heard."""
FOLDERS = {RECORDINGS: "recordings/", TRANSCRIPTS: "transcripts/"}
TOKENS = (
    *("3b1f0f5e-6d1c-4a57", "089b1d79-d4ca-4f74", "ec97a8ff-3f83-4de2", "1104012486_88775467"),
    *("97b9dcb3-c182-4d1f", "CA" + 31 * "0", "RE" + 31 * "0", "GT" + 31 * "0", "de28acb8-b62b-4e25"),
    *(
        "call_5f0c",
        "call_6a0c",
        "conv_01k0example",
        "RM_8hV2kQnWbTzA",
        "EG_3gQwXy7ZtKfP",
        "Xk2pQ9",
        "by-hand",
    ),
    *("9977677e-85ae-11ec", "99706bb8-85ae-11ec", "a0b1c2d3-85ae-11ec", "7a1b2c3d-0000-4000"),
    *("support-room-8842", "08fa0b24-9220-44c5", "6f0d1a2b-3c4d-4e5f", "acme-884", "room +1 5%é"),
)
"""What makes the samples' ids unique; all of them in a call are changed alike."""
PLACES = (
    (r"acme-(?:[a-z]+-)?recordings(?=/|\.s3\.|\")", RECORDINGS),
    (r"acme-transcripts/(?!transcripts/)", f"{TRANSCRIPTS}/transcripts/"),
    ("acme-transcripts", TRANSCRIPTS),
    (r"(amazonaws\.com(?:/[a-z-]+)?/)(?=vapi/|047e)", r"\1recordings/"),
)
"""The local stack's buckets, and the folder in them that it listens to.

MiniStack 1.5.33 names no versions in its events: in a versioned bucket an object that comes by S3's event
and by its platform's seems to be two.
"""


# --- sounds ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Audio:
    """A recording of two voices; its length distinguishes it from others."""

    seconds: float = 6.0
    kind: str = "wav linear"
    channels: int = 2
    agent_channel: int = 0

    def encoded(self) -> bytes:
        kind = _kinds()[self.kind]
        return kind.encode(voices.call(self.seconds, kind.rate, self.channels, self.agent_channel), kind.rate)

    def heard_in(self, content: bytes) -> "Heard":
        """By a decoder that the product does not use."""
        sound, rate = decoded(content)
        spoken = narrow(sound, rate)
        seconds = round(len(sound) / rate, 1)
        return Heard(seconds, tuple(self._voice(spoken[:, channel]) for channel in range(spoken.shape[1])))

    def _voice(self, sound: voices.Sound) -> str:
        rate = _kinds()[self.kind].rate
        pair = narrow(voices.call(self.seconds, rate, 2), rate)
        speakers = {"agent": pair[:, 0], "caller": pair[:, 1], "both": pair.sum(axis=1) / 2}
        return next((name for name in speakers if correlation(sound, speakers[name]) >= HEARD), "nobody")


@cache
def _kinds() -> Mapping[str, voices.Kind]:
    return {kind.name: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Heard:
    """Seconds in tenths, and who is on which channel."""

    seconds: float
    channels: tuple[str, ...] = ("agent", "caller")


# --- ids ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Names:
    """Gives a call its own ids, of the shape of the samples' ones."""

    salt: str

    def own(self, text: str) -> str:
        """The same text with the call's own ids and the stack's own buckets."""
        for token in TOKENS:
            text = text.replace(token, self._fresh(token))
        for pattern, place in PLACES:
            text = re.sub(pattern, place, text)
        return text

    def own_json(self, value: Any) -> Any:
        return json.loads(self.own(json.dumps(value, ensure_ascii=False)))

    def samples(self, text: str) -> str:
        """The samples' ids again."""
        for token in TOKENS:
            text = text.replace(self._fresh(token), token)
        return text

    @property
    def tampered(self) -> "Names":
        """Of what must not arrive."""
        return Names(f"{self.salt}, tampered")

    def _fresh(self, token: str) -> str:
        drawn = hashlib.sha256(f"{self.salt} {token}".encode()).hexdigest()
        if re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}", token):
            return f"{drawn[:8]}-{drawn[8:12]}{token[13:]}"
        if re.fullmatch(r"(?:CA|RE|GT)0{31}", token):
            return token[:2] + drawn[:31]
        return token + drawn[:8]


# --- what is played ----------------------------------------------------------------------------------


class Awaited(Protocol):
    """Blocks until the call's item says this; raises TimeoutError."""

    def __call__(self, state: str, recording: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """What the steps of one call act on."""

    names: Names
    s3: "S3Client"
    web: Web
    door: WayIn
    awaited: Awaited

    def put(self, event: Mapping[str, Any]) -> None:
        """One at a time: boto3's default session is not for several threads."""
        with _SESSION:
            events.put(self.names.own_json(event))

    def post(self, platform: str, sent: Sequence[Mapping[str, Any]]) -> None:
        """As its vendor's signed webhooks; and as ones that somebody has changed on their way, which are not let in."""
        with _DOOR:
            for event in sent:
                assert self.door.post(platform, self.names.own_json(event)) == HTTPStatus.OK
            for event in sent:
                genuine, changed = self.names.own_json(event), self.names.tampered.own_json(event)
                assert self.door.forge(platform, genuine, changed) == HTTPStatus.UNAUTHORIZED


_SESSION = threading.Lock()
_DOOR = threading.BoundedSemaphore(2)
"""Each request at the same time is a worker of the emulator, which takes a second to start."""
WEBHOOKS = frozenset(PLATFORMS) - {"canonical"}
"""Platforms whose samples come by the door, not by a bus."""


@dataclass(frozen=True, slots=True)
class Event:
    """A sample event comes by its vendor's webhook, or on its bus; with `unmatched` no rule of the stack is for it.

    A webhook's `follower` comes at once after it, within the settling time.
    """

    sample: str
    unmatched: bool = False
    follower: str = ""

    def perform(self, stage: Stage) -> None:
        platform = self.sample.partition("/")[0]
        if platform in WEBHOOKS:
            stage.post(platform, [read(name) for name in (self.sample, self.follower) if name])
            return
        try:
            stage.put(read(self.sample))
        except events.NotDelivered:
            assert self.unmatched, f"{self.sample} reaches no queue"
        else:
            assert not self.unmatched, f"{self.sample} reaches a queue"


@dataclass(frozen=True, slots=True)
class SidecarEvents:
    """An event that is no sample."""

    event: Mapping[str, Any]

    def perform(self, stage: Stage) -> None:
        stage.put(self.event)


@dataclass(frozen=True, slots=True)
class Object:
    """An object comes into S3.

    The key is that of a sample of S3's event, in the folder that the local stack listens to, or it is given.
    """

    place: str
    content: Any
    bucket: str = RECORDINGS

    def perform(self, stage: Stage) -> None:
        key = stage.names.own(self.place if "." in self.place else self._of_sample())
        stage.s3.put_object(Bucket=self.bucket, Key=key, Body=_bytes(stage.names, self.content))

    def _of_sample(self) -> str:
        key = str(read(self.place)["detail"]["object"]["key"])
        return FOLDERS[self.bucket] + key.removeprefix(FOLDERS[self.bucket])


@dataclass(frozen=True, slots=True)
class Serves:
    """A page of the platforms' web: of sound, of a sample file, or with an answer of its own."""

    url: str
    content: Any = ""
    page: Page = field(default_factory=Page)

    def perform(self, stage: Stage) -> None:
        content = _bytes(stage.names, self.content) if self.content else b""
        page = Page(content, self.page.status, stage.names.own(self.page.location), self.page.headers,
                    self.page.times)  # fmt: skip
        stage.web.pages[stage.names.own(self.url)] = page


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until the call's item says this."""

    state: str
    recording: str | None = None

    def perform(self, stage: Stage) -> None:
        stage.awaited(self.state, self.recording)


Step = Event | SidecarEvents | Object | Serves | Until


def samples_of(call: "Call") -> Iterator[str]:
    """The samples that a call plays."""
    for step in call.steps:
        match step:
            case Event(name, follower=follower):
                yield from (one for one in (name, follower) if one)
            case Object(name, str(content)):
                yield from (one for one in (name, content) if "." not in one)
            case Object(name):
                yield from (one for one in (name,) if "." not in one)
            case Serves(_, str(content)) if content:
                yield content


def read(name: str) -> Any:
    """A sample of `events/`."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def _bytes(names: Names, content: Any) -> bytes:
    """Sound, or JSON: that of a sample, where its name is given."""
    if isinstance(content, Audio):
        return content.encoded()
    return json.dumps(names.own_json(read(content) if isinstance(content, str) else content)).encode()


# --- what comes of it --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Ended:
    """All that came of a call.

    `submits` are the requests' bodies as they were, but for the upload's id and the digest in the stamp; `by`
    is how the audio came: "upload", or the PATCH of a presigned URL of the "original" or of a "copy". Where two
    events bring one recording two may be sent at once; Coval takes one.
    """

    submits: tuple[Mapping[str, Any], ...] = ()
    audio: Heard | None = None
    by: tuple[str, ...] = ()
    state: str = ""
    recording: str = ""
    reason: str = ""
    dead_letter: str = ""
    superseded: int = 0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call: what comes, and what comes of it; `audio` is what Coval shall have of it."""

    name: str
    id: str
    steps: tuple[Step, ...]
    ended: Ended
    audio: Audio = field(default_factory=Audio)
    fetched: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """How the requests for a page were answered."""


class Play:
    """One run of all calls."""

    def __init__(self, stack: Stack, web: Web, calls: Sequence[Call], run: str) -> None:
        self._calls = {call.name: call for call in calls}
        self._web, self._stack, self._functions = web, stack, Functions(stack)
        self._s3: S3Client = boto3.client("s3")
        self.names = {name: Names(f"{run} {name}") for name in self._calls}
        self.ids = {name: self.names[name].own(call.id) for name, call in self._calls.items()}
        self._changes = Changes()
        self._admin = AdminClient(stack.coval_url)
        ids = tuple(self.ids.values())
        sqs = boto3.client("sqs")
        self._items = Items(boto3.client("dynamodb"), stack.table, ids, _silent, self._changes)
        self._coval = Coval(self._admin, ids, _silent, self._changes)
        self._dead_letters = DeadLetters(sqs, stack.dead_letter_queues, ids, _silent)
        self._depths = QueueDepths(sqs, stack.queues)

    def play(self, seconds: float) -> dict[str, Ended]:
        """Perform all steps, then wait until all has ended as expected, or the seconds are over.

        Where nothing is on its way the sweep comes oftener than by its schedule, whose own coming the demo's scenarios
        show: before, it would end the grace of a call whose end a busy machine has not taken in yet.
        """
        with self._admin:
            return self._played(seconds)

    def _played(self, seconds: float) -> dict[str, Ended]:
        looks = (self._items.look, self._coval.look, self._dead_letters.look)
        with repeated(*looks, seconds=1):
            self._perform_all()
            with repeated(self._sweep, seconds=10):
                self._changes.wait_for(self._is_over, seconds)
        return {name: self.ended(name) for name in self._calls}

    def _perform_all(self) -> None:
        with ThreadPoolExecutor(len(self._calls)) as pool:
            try:
                for done in [pool.submit(self._perform, call) for call in self._calls.values()]:
                    done.result()
            except BaseException:
                self._changes.give_up()
                raise

    def _perform(self, call: Call) -> None:
        door = function_url(self._stack.aws_url, self._stack.outputs)
        stage = Stage(self.names[call.name], self._s3, self._web, door, self._awaited(call.name))
        with suppress(TimeoutError):  # how it stands is compared in the end
            for step in call.steps:
                step.perform(stage)

    def _awaited(self, name: str) -> Awaited:
        def holds(state: str, recording: str | None) -> bool:
            item = self._items.seen.get(self.ids[name], {})
            return item.get("state") == state and recording in (None, item.get("recording_state"))

        def awaited(state: str, recording: str | None) -> None:
            if not self._changes.wait_for(lambda: holds(state, recording), STEP_SECONDS):
                raise TimeoutError(f"the item did not become {state} {recording or ''} in {STEP_SECONDS} s")

        return awaited

    def _sweep(self) -> None:
        if self._depths.are_over():
            self._functions.sweep()

    def _is_over(self) -> bool:
        return all(self._stands(name) for name in self._calls) and self._depths.are_over()

    def _stands(self, name: str) -> bool:
        expected, item = self._calls[name].ended, self._items.seen.get(self.ids[name], {})
        held = self._coval.held.get(self.ids[name], [])
        return (expected.state, expected.recording, expected.audio is not None) == (
            item.get("state", ""),
            item.get("recording_state", ""),
            any(conversation["audio"] for conversation in held),
        )

    # --- the end ----------------------------------------------------------------------------------

    def tampered_item(self, name: str) -> bool:
        """Whether the tampered twin of a call has left an item."""
        client: DynamoDBClient = boto3.client("dynamodb")
        twin = self.names[name].tampered.own(self._calls[name].id)
        key = {"external_conversation_id": {"S": twin}, "item_key": {"S": "call"}}
        return "Item" in client.get_item(TableName=self._stack.table, Key=key)

    def ended(self, name: str) -> Ended:
        call_id, item = self.ids[name], self._items.seen.get(self.ids[name], {})
        held = self._coval.held.get(call_id, [])
        sounds = [Path(one["audio"]["path"]).read_bytes() for one in held if one["audio"]]
        requests = self._admin.requests(external_conversation_id=call_id)
        submits = [one["body"] for one in requests if one["path"].endswith(":submit")]
        patches = [one for one in requests if one["method"] == "PATCH"]
        _judge(submits, [one["body"] for one in patches])
        attached = [one["body"] for one in patches if one["response_status"] == 200]
        return Ended(
            submits=tuple(self._plain(name, body) for body in submits),
            audio=self._calls[name].audio.heard_in(sounds[0]) if sounds else None,
            by=(*("upload" for body in submits if "upload_id" in body), *map(self._presigned, attached)),
            state=item.get("state", ""),
            recording=item.get("recording_state", ""),
            reason=reason_of(item),
            dead_letter=self._dead_letters.reasons.get(call_id, ""),
            superseded=sum(outcome == "superseded" for outcome in item.get("other_recordings", {}).values()),
        )

    def _plain(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        metadata = {**body["metadata"], STAMP: re.sub(r":[0-9a-f]{12}\b", "", body["metadata"][STAMP])}
        kept = {key: value for key, value in body.items() if key != "upload_id"}
        text = json.dumps({**kept, "metadata": metadata}, ensure_ascii=False)
        return dict(json.loads(self.names[name].samples(text)))

    def _presigned(self, patch: Mapping[str, Any]) -> str:
        url = urlsplit(patch["audio_url"])
        assert url.scheme == "https"
        assert "X-Amz-Signature=" in url.query
        bucket = url.path.split("/")[1]
        return {RECORDINGS: "original", self._stack.staging_bucket: "copy"}[bucket]


def _judge(submits: Sequence[Any], patches: Sequence[Any]) -> None:
    for body in submits:
        judge_submit(json.dumps(body).encode())
    for body in patches:
        judge_patch(json.dumps(body).encode())


def _silent(_: str, __: str) -> None:
    """Nothing is reported."""
