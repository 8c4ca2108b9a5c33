"""Items of the conversation table in DynamoDB's own form, for all stores that keep theirs there."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from coval_relay.domain.errors import PermanentError, RetryableError

INDEX = "due"
KEY = "external_conversation_id"
DAY_SECONDS = 86_400
Item = Mapping[str, Any]
T = TypeVar("T")
UNREADABLE = "item_unreadable"

serialized = TypeSerializer().serialize
_deserialized = TypeDeserializer().deserialize


def plain(item: Item) -> dict[str, Any]:
    """An item as Python values; its numbers are Decimals."""
    return {name: _deserialized(value) for name, value in item.items()}


def readable(items: Iterable[Item], read: Callable[[Item], T]) -> Iterator[T]:
    """The readable ones; raises PermanentError after the last where one is not: it stops no other."""
    broken: PermanentError | None = None
    for item in items:
        try:
            yield read(item)
        except PermanentError as error:
            broken = error
    if broken:
        raise broken


def key(name: str) -> dict[str, Any]:
    return {KEY: {"S": name}}


def unreachable(error: BotoCoreError | ClientError) -> RetryableError:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    return RetryableError(f"table_{code}")


def is_full(error: Exception) -> bool:
    """Whether an update would make its item larger than 400 KB (DynamoDB, quotas: item size)."""
    if not isinstance(error, ClientError) or error.response["Error"]["Code"] != "ValidationException":
        return False
    return "item size" in error.response["Error"]["Message"].lower()
