"""Page sizes, page tokens and orders, as both lists know them."""

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.simulator.errors import invalid


@dataclass(frozen=True)
class Page:
    """A window on a list, by offset (Coval's page tokens read `{"offset": 50}`)."""

    size: int
    offset: int

    def cut(self, items: Sequence[Any]) -> tuple[list[Any], str | None]:
        """Return the page's items, and the next page's token, None on the last page."""
        end = self.offset + self.size
        return list(items[self.offset : end]), _spell_token(end) if end < len(items) else None


def parse_page(query: Mapping[str, str], largest: int) -> Page:
    """Read `page_size` and `page_token`; raises ApiError 400."""
    return Page(_parse_size(query.get("page_size", "50"), largest), _parse_token(query.get("page_token")))


def _parse_size(text: str, largest: int) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= largest:
        raise invalid("Invalid page_size", "page_size", f"page_size must be between 1 and {largest}")
    return int(text)


def _spell_token(offset: int) -> str:
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def _parse_token(token: str | None) -> int:
    if token is None:
        return 0
    try:
        offset = json.loads(base64.b64decode(token, validate=True))["offset"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise invalid("Invalid page_token", "page_token") from error
    if not isinstance(offset, int) or offset < 0:
        raise invalid("Invalid page_token", "page_token")
    return offset


@dataclass(frozen=True)
class Order:
    """A sort field and its direction."""

    field: str
    is_descending: bool


def parse_order(text: str, fields: Collection[str], with_words: bool = False) -> Order:
    """Read `order_by`: `field`, `-field` and, where allowed, `field asc|desc`; raises ApiError 400."""
    words = r"(?: (asc|desc))?" if with_words else "()"
    found = re.fullmatch(rf"(-?)([a-z_]+){words}", text)
    if not found or found[2] not in fields:
        raise invalid("Invalid order_by", "order_by", f"order_by must be one of: {', '.join(fields)}")
    return Order(found[2], found[1] == "-" or found[3] == "desc")
