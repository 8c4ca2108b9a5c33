"""The simulated service: everything it holds, and its use cases."""

import asyncio
import base64
import binascii
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from local.simulator.agents import Agent
from local.simulator.audio import Audio, Source, inspect, too_large
from local.simulator.audio_fetching import fetch
from local.simulator.audio_storage import Storage, StoredFile, TooManyBytes
from local.simulator.behaviour_switches import Switches
from local.simulator.conversations import Conversation
from local.simulator.errors import already_exists, invalid, not_found
from local.simulator.faults import FaultSchedule
from local.simulator.identifiers import Identifiers
from local.simulator.path_families import Family
from local.simulator.rate_limit import TokenBucket
from local.simulator.request_log import Record
from local.simulator.submissions import Patch, Submission, merge_metadata, parse_patch, parse_submission
from local.simulator.uploads import Upload


@dataclass(frozen=True)
class Filtered:
    """The answer to a submit of a simulated call, of which nothing is kept."""

    simulation_id: str

    def answer(self) -> dict[str, Any]:
        """Return the body (Coval API, FilteredSubmitResponse)."""
        return {"filtered": True, "reason": "coval_simulation", "simulation_id": self.simulation_id}


@dataclass
class Coval:
    """One organisation's Coval."""

    storage: Storage
    switches: Switches
    identifiers: Identifiers
    session: ClientSession
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    faults: FaultSchedule = field(default_factory=FaultSchedule)
    record: Record = field(default_factory=Record)
    bucket: TokenBucket = field(default_factory=TokenBucket)
    secret: bytes = b""
    _defaults: Switches = field(default_factory=Switches)

    def __post_init__(self) -> None:
        self._defaults = self.switches
        self.secret = self.identifiers.secret()

    def reset(self, seed: str | None) -> None:
        """Forget everything but the switches that the simulator was started with."""
        for held in (self.conversations, self.uploads, self.agents):
            held.clear()
        self.switches = self._defaults
        self.identifiers = Identifiers(seed)
        self.secret = self.identifiers.secret()
        self.faults = FaultSchedule()
        self.record.clear()
        self.storage.clear()

    def now(self) -> float:
        """Return the epoch time, shifted by a switch."""
        return time.time() + self.switches.clock_offset_seconds

    async def submit(self, raw: bytes, family: Family) -> Conversation | Filtered:
        """Take a conversation, even a second one of the same external id; raises ApiError."""
        submission = parse_submission(family.submission, raw, self.switches)
        if simulation_id := self._filtered(submission):
            return Filtered(simulation_id)
        if submission.agent_id is not None and submission.agent_id not in self.agents:
            raise not_found(f"Agent not found: {submission.agent_id}", "agent_id")
        upload = self._usable_upload(submission.upload_id)
        audio = await self._submitted_audio(submission, upload)
        conversation = self._create(submission, audio)
        if upload is not None:
            self._consume(upload, conversation)
        self.conversations[conversation.conversation_id] = conversation
        return conversation

    def _filtered(self, submission: Submission) -> str | None:
        simulation_id = submission.simulation_id
        if not self.switches.filter_simulations or simulation_id is None:
            return None
        return simulation_id if re.search(self.switches.simulation_id_pattern, simulation_id) else None

    def _usable_upload(self, upload_id: str | None) -> Upload | None:
        if upload_id is None:
            return None
        upload = self.uploads.get(upload_id)
        if upload is None or not upload.is_usable(self.now(), self.switches):
            raise not_found(f"Upload not found: {upload_id}", "upload_id")
        return upload

    def _consume(self, upload: Upload, conversation: Conversation) -> None:
        # Measuring let others run: of two submits with one upload, the slower one finds it used.
        self._usable_upload(upload.upload_id)
        upload.consumed_by = conversation.conversation_id

    async def _submitted_audio(self, submission: Submission, upload: Upload | None) -> Audio | None:
        if upload is not None and upload.file is not None:
            return await self._inspect(upload.file, "upload_id")
        if submission.audio_url is not None:
            return await self._fetched_audio(submission.audio_url)
        return None

    async def _fetched_audio(self, url: str) -> Audio:
        return await self._inspect(await fetch(url, self.session, self.storage, self.switches), "audio_url")

    async def _inspect(self, file: StoredFile, source: Source) -> Audio:
        return await asyncio.to_thread(inspect, file, source, self.switches)

    def _create(self, submission: Submission, audio: Audio | None) -> Conversation:
        tags = list(dict.fromkeys(tag.lower() for tag in submission.tags or ()))
        metadata = dict(submission.metadata or {})
        now, seconds = self.now(), self.switches.processing_seconds
        conversation = Conversation(self.identifiers.resource(), now, submission, metadata, tags, audio)
        if submission.messages:
            conversation.start_wave("text", now, seconds)
        if audio:
            conversation.start_wave("audio", now, seconds)
        return conversation

    def find(self, conversation_id: str) -> Conversation:
        """Return a conversation; raises ApiError 404."""
        conversation = self.conversations.get(conversation_id)
        if conversation is None or (conversation.ended_by_user and not self.switches.deleted_visible):
            raise not_found("Conversation not found")
        return conversation

    async def patch(self, conversation_id: str, raw: bytes) -> Conversation:
        """Attach audio or add metadata; raises ApiError."""
        conversation = self.find(conversation_id)
        patch = parse_patch(raw, self.switches)
        if conversation.ended_by_user:
            raise not_found("Conversation not found")
        if patch.metadata is not None:
            conversation.metadata = merge_metadata(conversation.metadata, patch.metadata)
        else:
            await self._attach(conversation, patch)
        return conversation

    async def _attach(self, conversation: Conversation, patch: Patch) -> None:
        _reject_second_audio(conversation)
        audio = await self._patched_audio(patch)
        # Fetching let others run: of two attachments at once, the slower one is the second.
        _reject_second_audio(conversation)
        conversation.attach(audio, self.now(), self.switches.processing_seconds)

    async def _patched_audio(self, patch: Patch) -> Audio:
        if patch.audio_url is not None:
            return await self._fetched_audio(patch.audio_url)
        try:
            content = base64.b64decode(patch.audio or "", validate=True)
        except binascii.Error as error:
            raise invalid("Invalid request body", "audio", "audio must be base64-encoded") from error
        try:
            file = await self.storage.write(_single(content), self.switches.max_audio_bytes)
        except TooManyBytes as error:
            raise too_large(len(content), "audio", self.switches) from error
        return await self._inspect(file, "audio")

    def delete(self, conversation_id: str) -> Conversation:
        """Cancel or delete; raises ApiError 404, also where that was done before."""
        conversation = self.find(conversation_id)
        if conversation.ended_by_user:
            raise not_found("Conversation not found")
        conversation.end_by_user(self.now())
        return conversation


def _reject_second_audio(conversation: Conversation) -> None:
    if conversation.audio is not None:
        message = f"Conversation '{conversation.conversation_id}' already has audio attached."
        message += " Overwriting audio is not supported."
        raise already_exists(message, "audio", "Audio already attached")


async def _single(content: bytes) -> AsyncIterator[bytes]:
    yield content


def open_coval(state_folder: Path, seed: str | None, switches: Switches, session: ClientSession) -> Coval:
    """Return an empty Coval whose audio lies in the folder."""
    return Coval(Storage(state_folder), switches, Identifiers(seed), session)
