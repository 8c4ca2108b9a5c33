"""Use case: a webhook asks to be let in. It is answered when it is stored, and only then."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from coval_relay.domain.errors import RetryableError
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.webhooks.request import WebhookRequest
from coval_relay.domain.webhooks.routes import Route, Routes
from coval_relay.domain.webhooks.stored_webhook import StoredWebhook
from coval_relay.domain.webhooks.verification import Libraries, Rejection, rejection

PING = {"test": "test"}
"""Daily asks whether there is somebody before it makes a webhook, and does not sign that."""
OK, NOT_FOUND, NOT_ALLOWED, UNAUTHORIZED, UNSUPPORTED, UNAVAILABLE = 200, 404, 405, 401, 415, 503
UNKNOWN = "unknown"


class WebhookRoutes(Protocol):
    """The ways in, as the secret has them. Both raise RetryableError where it cannot be read."""

    def get(self) -> Routes:
        """As of some minutes ago at most."""

    def refresh(self) -> Routes:
        """As of now, or of a moment ago: forged requests cannot make it read again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveWebhook:
    """Verifies a request by its raw bytes and stores it where its kind belongs."""

    routes: WebhookRoutes
    libraries: Libraries
    store: Callable[[StoredWebhook], None]
    telemetry: Telemetry

    def __call__(self, request: WebhookRequest) -> int:
        """The answer's status. Whatever a sender may mend by sending again is answered with 503."""
        platform = UNKNOWN
        try:
            route = self._route(request.route)
            if route is None:
                self.telemetry(LogEvent.WEBHOOK_UNROUTED)
                return NOT_FOUND
            platform = route.platform
            return self._received(request, route)
        except RetryableError as error:
            self.telemetry(LogEvent.WEBHOOK_FAILED, platform=platform, reason=error.code)
            return UNAVAILABLE

    def _route(self, name: str) -> Route | None:
        """A route that is not there may have been added a moment ago."""
        return self.routes.get().get(name) or self.routes.refresh().get(name)

    def _received(self, request: WebhookRequest, route: Route) -> int:
        error = _request_error(request)
        if error:
            status, reason = error
            self.telemetry(LogEvent.WEBHOOK_REJECTED, platform=route.platform, reason=reason)
            return status
        if route.platform == "daily" and request.content == PING:
            return self._dropped(route, "ping")
        wrong = self._rejection(request, route)
        if wrong:
            self.telemetry(LogEvent.WEBHOOK_REJECTED, platform=route.platform, reason=wrong.value)
            return UNAUTHORIZED
        return self._verified(request, route)

    def _rejection(self, request: WebhookRequest, route: Route) -> Rejection | None:
        """The secret may have been rotated since it was read, so nobody is sent away by an old one."""
        wrong = rejection(request, route, self.libraries)
        if wrong is None:
            return None
        fresh = self.routes.refresh().get(request.route)
        return wrong if fresh is None or fresh is route else rejection(request, fresh, self.libraries)

    def _verified(self, request: WebhookRequest, route: Route) -> int:
        event_type = route.events.type_of(request.content)
        if event_type is not None and not route.events.is_wanted(event_type):
            return self._dropped(route, "not_wanted")
        self.store(
            StoredWebhook(
                platform=route.platform,
                label=route.label,
                event_type=event_type or "",
                arrived_at=request.arrived_at,
                is_form=request.is_form,
                body=request.body,
            )
        )
        self.telemetry(LogEvent.WEBHOOK_ACCEPTED, platform=route.platform)
        return OK

    def _dropped(self, route: Route, reason: str) -> int:
        self.telemetry(LogEvent.WEBHOOK_DROPPED, platform=route.platform, reason=reason)
        return OK


def _request_error(request: WebhookRequest) -> tuple[int, str] | None:
    """What no signature can make up for. A body has no limit of its own: what Lambda does not take never comes here."""
    if request.method != "POST":
        return NOT_ALLOWED, "method"
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        return UNSUPPORTED, "compressed"
    return None
