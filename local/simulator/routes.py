"""Coval's routes: authentication, and one handler an operation."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.simulator.agents import Agent, CreateAgentRequest, check_create, list_agents
from local.simulator.behaviour_switches import MEBIBYTE
from local.simulator.conversations import Conversation
from local.simulator.coval import Coval, Filtered
from local.simulator.errors import (
    ApiError,
    GatewayError,
    ObjectStoreError,
    as_json,
    detail,
    invalid,
    not_found,
)
from local.simulator.listing import list_conversations
from local.simulator.path_families import FAMILIES, Family
from local.simulator.request_log import Exchange
from local.simulator.uploads import Upload, UploadRequest, receive, signature_mismatch
from local.simulator.validation import parse_json_object, validate, validate_as_raw_text

COVAL = web.AppKey("coval", Coval)
EXCHANGE = web.RequestKey("exchange", Exchange)
AUDIO_URL_SECONDS = 3600
API_PREFIX = "/v1/"


def authenticate(request: web.Request, coval: Coval) -> None:
    """Check the API key as the gateway and then the application do; raises GatewayError, ApiError 401."""
    names = [name.decode() for name, _ in request.raw_headers if name.lower() == b"x-api-key"]
    if coval.switches.case_sensitive_api_key and "x-api-key" not in names:
        raise GatewayError(401, "Missing API Key")
    if request.headers.get("x-api-key") not in coval.switches.api_keys:
        raise _unauthenticated(request.path)


def _unauthenticated(path: str) -> ApiError:
    if path.startswith("/v1/agents"):
        reason = detail("x-api-key", "Invalid or missing API key")
        return ApiError(401, "UNAUTHENTICATED", "Authentication failed", (reason,))
    return ApiError(401, "UNAUTHENTICATED", "Invalid or missing API key")


def authorise(coval: Coval, *scopes: str) -> None:
    """Check that the key has one of the scopes (Coval API keys); raises ApiError 403."""
    held = set(coval.switches.permissions)
    wanted = {"*", *scopes, *(f"{scope.split(':')[0]}:*" for scope in scopes)}
    if held and not held & wanted:
        reason = detail(None, f"API key does not have required permission: {scopes[0]}")
        raise ApiError(403, "PERMISSION_DENIED", "Insufficient permissions", (reason,))


async def read_json(request: web.Request) -> bytes:
    """Return the body of a JSON request; raises ApiError 400."""
    if request.content_type != "application/json":
        raise ApiError(
            400,
            "INVALID_ARGUMENT",
            "Invalid request body",
            (detail(None, "Content-Type must be application/json"),),
        )
    return await request.read()


@dataclass(frozen=True)
class ConversationRoutes:
    """The operations on conversations of one path family."""

    coval: Coval
    family: Family

    def routes(self) -> Iterable[web.RouteDef]:
        path = self.family.path
        return (
            web.post(f"{path}:submit", self.submit),
            web.get(path, self.list),
            web.get(f"{path}/{{id}}", self.get),
            web.patch(f"{path}/{{id}}", self.patch),
            web.delete(f"{path}/{{id}}", self.delete),
            web.get(f"{path}/{{id}}/audio", self.audio),
        )

    def _authorise(self, action: str) -> None:
        authorise(self.coval, f"{self.family.scope}:{action}")

    def _shown(self, conversation: Conversation, include_progress: bool = True) -> dict[str, Any]:
        workspace = self.coval.switches.workspace_id
        return conversation.shown(self.coval.now(), self.family, workspace, include_progress)

    async def submit(self, request: web.Request) -> web.Response:
        self._authorise("submit")
        outcome = await self.coval.submit(await read_json(request), self.family)
        if isinstance(outcome, Filtered):
            return as_json(outcome.answer())
        request[EXCHANGE].conversation_id = outcome.conversation_id
        return as_json({self.family.envelope: outcome.listed(self.coval.now())})

    async def list(self, request: web.Request) -> web.Response:
        self._authorise("read")
        held = self.coval.conversations.values()
        return as_json(list_conversations(request.query, held, self.coval.now(), self.coval.switches, self.family))

    async def get(self, request: web.Request) -> web.Response:
        self._authorise("read")
        flag = request.query.get("include_progress", "true").lower()
        if flag not in ("true", "false"):
            raise invalid("Invalid include_progress", "include_progress")
        conversation = self.coval.find(request.match_info["id"])
        return as_json({self.family.envelope: self._shown(conversation, flag == "true")})

    async def patch(self, request: web.Request) -> web.Response:
        self._authorise("submit")
        conversation = await self.coval.patch(request.match_info["id"], await read_json(request))
        return as_json({self.family.envelope: self._shown(conversation)})

    async def delete(self, request: web.Request) -> web.Response:
        self._authorise("delete")
        conversation = self.coval.delete(request.match_info["id"])
        # The canonical family declares an untyped object, so nothing of it can be relied on.
        return as_json({} if self.family.is_uploaded else {self.family.envelope: self._shown(conversation)})

    async def audio(self, request: web.Request) -> web.Response:
        self._authorise("read")
        conversation = self.coval.find(request.match_info["id"])
        if conversation.audio is None:
            raise not_found("Conversation has no audio file available", "audio")
        name = conversation.audio.file.path.name
        answer = {
            "audio_url": f"{base_url(request)}/recordings/{name}?signature={conversation.audio.file.sha256}",
            "conversation_id": conversation.conversation_id,
            "url_expires_in_seconds": AUDIO_URL_SECONDS,
        }
        return as_json(answer)


async def _counted_chunks(request: web.Request) -> AsyncIterator[bytes]:
    exchange = request[EXCHANGE]
    async for chunk in request.content.iter_chunked(MEBIBYTE):
        exchange.bytes_received += len(chunk)
        yield chunk


def base_url(request: web.Request) -> str:
    """Return scheme and host under which the simulator was reached, by a tunnel's https, too."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    return f"{scheme}://{request.host}"


@dataclass(frozen=True)
class AudioRoutes:
    """Direct uploads, and the object store behind their URLs."""

    coval: Coval

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.post("/v1/audio:upload", self.create),
            web.put("/uploads/{id}", self.put),
            web.get("/recordings/{name}", self.download),
        )

    async def create(self, request: web.Request) -> web.Response:
        authorise(self.coval, *(f"{family.scope}:submit" for family in FAMILIES))
        body = parse_json_object(await read_json(request)) if await request.read() else {}
        wanted = validate(UploadRequest, body, self.coval.switches)
        now, switches = self.coval.now(), self.coval.switches
        expires = now + switches.upload_url_seconds
        upload_id = self.coval.identifiers.upload()
        upload = Upload(upload_id, wanted.content_type, now, expires, switches.max_upload_bytes)
        self.coval.uploads[upload.upload_id] = upload
        request[EXCHANGE].upload_id = upload.upload_id
        return as_json(upload.answer(base_url(request), self.coval.secret))

    async def put(self, request: web.Request) -> web.Response:
        if "x-api-key" in request.headers:
            raise ObjectStoreError(400, "InvalidRequest", "Only one auth mechanism allowed")
        upload = self.coval.uploads.get(request.match_info["id"])
        if upload is None:
            raise signature_mismatch()
        request[EXCHANGE].upload_id = upload.upload_id
        upload.check_signature(request.query, self.coval.secret, self.coval.now())
        upload.check_headers(request.headers)
        file = await receive(upload, _counted_chunks(request), self.coval.storage)
        return web.Response(headers={"ETag": f'"{file.sha256}"'})

    async def download(self, request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["name"], request.query.get("signature")
        for conversation in self.coval.conversations.values():
            audio = conversation.audio
            if audio and (audio.file.path.name, audio.file.sha256) == wanted:
                headers = {"Content-Type": f"audio/{audio.format.lower()}"}
                return web.FileResponse(audio.file.path, headers=headers)
        raise ObjectStoreError(403, "AccessDenied", "Access Denied")


@dataclass(frozen=True)
class AgentRoutes:
    """The operations on agents."""

    coval: Coval

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.post("/v1/agents", self.create),
            web.get("/v1/agents", self.list),
            web.get("/v1/agents/{id}", self.get),
        )

    async def create(self, request: web.Request) -> web.Response:
        authorise(self.coval, "agents:write")
        body = parse_json_object(await read_json(request))
        wanted = validate_as_raw_text(CreateAgentRequest, body, self.coval.switches)
        check_create(wanted)
        agent = Agent(self.coval.identifiers.resource(), wanted, self.coval.now())
        self.coval.agents[agent.agent_id] = agent
        return web.json_response({"agent": agent.resource()}, status=201)

    async def list(self, request: web.Request) -> web.Response:
        authorise(self.coval, "agents:read")
        return as_json(list_agents(request.query, self.coval.agents.values()))

    async def get(self, request: web.Request) -> web.Response:
        authorise(self.coval, "agents:read")
        agent = self.coval.agents.get(request.match_info["id"])
        if agent is None:
            raise not_found("Agent not found", "agent_id")
        return as_json({"agent": agent.resource()})
