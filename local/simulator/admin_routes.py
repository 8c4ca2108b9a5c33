"""Admin routes under /_simulator/: what tests, the local stack and the demo steer and read."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from local.simulator.agents import Agent, CreateAgentRequest
from local.simulator.conversations import Conversation
from local.simulator.coval import Coval
from local.simulator.errors import as_json
from local.simulator.faults import FaultRule
from local.simulator.request_log import Exchange
from local.simulator.validation import parse_json_object, validate

PREFIX = "/_simulator/"
LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class AdminRoutes:
    """The admin operations."""

    coval: Coval

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get(f"{PREFIX}health", self.health),
            web.post(f"{PREFIX}reset", self.reset),
            web.get(f"{PREFIX}config", self.show_switches),
            web.put(f"{PREFIX}config", self.change_switches),
            web.get(f"{PREFIX}faults", self.list_faults),
            web.post(f"{PREFIX}faults", self.add_fault),
            web.delete(f"{PREFIX}faults", self.clear_faults),
            web.get(f"{PREFIX}requests", self.list_requests),
            web.get(f"{PREFIX}conversations", self.list_conversations),
            web.delete(f"{PREFIX}conversations/{{id}}", self.delete_conversation),
            web.get(f"{PREFIX}webhooks", self.list_webhooks),
            web.get(f"{PREFIX}uploads", self.list_uploads),
            web.put(f"{PREFIX}agents/{{id}}", self.put_agent),
        )

    async def health(self, _: web.Request) -> web.Response:
        counts = {
            "requests": len(self.coval.record.exchanges),
            "conversations": len(self.coval.conversations),
        }
        return as_json({"status": "ok", **counts})

    async def reset(self, request: web.Request) -> web.Response:
        """Forget everything; `{"seed": "..."}` makes the identifiers repeatable."""
        body = parse_json_object(await request.read() or b"{}")
        self.coval.reset(body.get("seed"))
        return as_json({})

    async def show_switches(self, _: web.Request) -> web.Response:
        return as_json(self.coval.switches.model_dump(mode="json"))

    async def change_switches(self, request: web.Request) -> web.Response:
        """Set the switches that the body names."""
        try:
            self.coval.switches = self.coval.switches.changed(parse_json_object(await request.read()))
        except ValidationError as error:
            raise _bad_admin_request(error) from error
        return await self.show_switches(request)

    async def list_faults(self, _: web.Request) -> web.Response:
        return as_json({"faults": [scheduled.view() for scheduled in self.coval.faults.rules]})

    async def add_fault(self, request: web.Request) -> web.Response:
        try:
            rule = FaultRule.model_validate_json(await request.read())
        except ValidationError as error:
            raise _bad_admin_request(error) from error
        return as_json(self.coval.faults.add(rule).view())

    async def clear_faults(self, _: web.Request) -> web.Response:
        self.coval.faults.rules.clear()
        return as_json({})

    async def list_requests(self, request: web.Request) -> web.Response:
        """Answer the record, narrowed by `after`, `external_conversation_id`, `path` (a prefix), `method`."""
        query = request.query
        after, seconds = int(query.get("after", "0")), min(float(query.get("wait", "0")), LONGEST_WAIT)

        def wanted(exchange: Exchange) -> bool:
            external_id = query.get("external_conversation_id", exchange.external_conversation_id)
            is_path = exchange.path.startswith(query.get("path", ""))
            return (
                is_path
                and exchange.external_conversation_id == external_id
                and query.get("method", exchange.method) == exchange.method
            )

        record = self.coval.record
        found = await record.wait(after, wanted, seconds) if seconds else record.after(after, wanted)
        return as_json({"requests": [exchange.view() for exchange in found], "last": len(record.exchanges)})

    async def list_conversations(self, request: web.Request) -> web.Response:
        """Answer all there is to know, of one external id or of all."""
        return as_json({"conversations": [self._state(item) for item in self._held(request)]})

    async def delete_conversation(self, request: web.Request) -> web.Response:
        """Delete as a user does in Coval's own pages."""
        return as_json({"conversation": self._state(self.coval.delete(request.match_info["id"]))})

    async def list_webhooks(self, request: web.Request) -> web.Response:
        """Answer the webhooks sent so far, one a wave."""
        now, organization = self.coval.now(), self.coval.switches.organization_id
        sent = [webhook for item in self._held(request) for webhook in item.webhooks(now, organization)]
        return as_json({"webhooks": sorted(sent, key=lambda webhook: str(webhook["time"]))})

    async def list_uploads(self, _: web.Request) -> web.Response:
        return as_json({"uploads": [upload.state() for upload in self.coval.uploads.values()]})

    async def put_agent(self, request: web.Request) -> web.Response:
        """Make an agent under a known id, which the API itself never lets one choose."""
        body = validate(CreateAgentRequest, parse_json_object(await request.read()), self.coval.switches)
        agent = Agent(request.match_info["id"], body, self.coval.now())
        self.coval.agents[agent.agent_id] = agent
        return as_json({"agent": agent.resource()})

    def _held(self, request: web.Request) -> list[Conversation]:
        wanted = request.query.get("external_conversation_id")
        return [item for item in self.coval.conversations.values() if wanted in (None, item.external_id)]

    def _state(self, conversation: Conversation) -> dict[str, Any]:
        return conversation.state(self.coval.now(), self.coval.switches.organization_id)


def _bad_admin_request(error: ValidationError) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=str(error))
