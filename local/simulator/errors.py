"""The three shapes in which errors leave: Coval's envelope, the gateway's, an object store's XML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web

Detail = Mapping[str, str]


@dataclass(unsafe_hash=True)
class ApiError(Exception):
    """An answer in Coval's error envelope (Coval API, ErrorResponse)."""

    status: int
    code: str
    message: str
    details: tuple[Detail, ...] = field(default=(), hash=False)

    def response(self) -> web.Response:
        details = [dict(detail) for detail in self.details]
        error = {"code": self.code, "message": self.message, "details": details}
        return web.json_response({"error": error}, status=self.status)


@dataclass(unsafe_hash=True)
class GatewayError(Exception):
    """An answer of the gateway in front of Coval, which knows no envelope."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)

    def response(self) -> web.Response:
        return web.json_response({"message": self.message}, status=self.status, headers=self.headers)


@dataclass(unsafe_hash=True)
class ObjectStoreError(Exception):
    """An answer of the object store behind an upload URL (Amazon S3 API, Error responses)."""

    status: int
    code: str
    message: str

    def response(self) -> web.Response:
        text = f"<Error><Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message></Error>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
        return web.Response(text=body, status=self.status, content_type="application/xml")


def detail(field_name: str | None, description: str) -> Detail:
    """Return one entry of an error's `details`."""
    return {"field": field_name, "description": description} if field_name else {"description": description}


def invalid(message: str, field_name: str | None = None, description: str | None = None) -> ApiError:
    """Return a 400; the description is the message where none is given, and no field means no details."""
    details = (detail(field_name, description or message),) if field_name else ()
    return ApiError(400, "INVALID_ARGUMENT", message, details)


def not_found(message: str, field_name: str | None = None) -> ApiError:
    """Return a 404 whose detail repeats the message."""
    return ApiError(404, "NOT_FOUND", message, (detail(field_name, message),) if field_name else ())


def already_exists(message: str, field_name: str, description: str) -> ApiError:
    """Return a 409."""
    return ApiError(409, "ALREADY_EXISTS", message, (detail(field_name, description),))


def as_json(value: Any) -> web.Response:
    """Return a 200 with a JSON body."""
    return web.json_response(value)
