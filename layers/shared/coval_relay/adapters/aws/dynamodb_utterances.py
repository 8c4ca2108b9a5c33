"""Utterances of a transcript that is told while the call lasts, in an item beside the call's."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from coval_relay.adapters.aws.dynamodb_items import DAY_SECONDS, is_full, key, unreachable
from coval_relay.domain.errors import PermanentError
from coval_relay.domain.ports import Clock
from coval_relay.domain.transcript import Utterance

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX, ENTRY = "utterances#", "utterance#"
MAX_PER_UPDATE = 100
"""An expression has at most 4 KB and 300 operators (DynamoDB, quotas: expression parameters)."""
TOO_MANY = "The utterances of this call need more than the 400 KB of an item."


@dataclass(frozen=True, slots=True)
class DynamoDbUtterances:
    """The Fragments on DynamoDB: an attribute each, JSON in ASCII, named by its id; the first one stays.

    So there is nothing to read before a write, and a write that the SDK repeats changes nothing.
    """

    client: "DynamoDBClient"
    table: str
    clock: Clock
    retention_days: int

    def add(self, call_id: str, utterances: Sequence[Utterance]) -> None:
        for batch in _batches(utterances):
            try:
                self.client.update_item(**self._update(call_id, batch))
            except (BotoCoreError, ClientError) as error:
                if is_full(error):
                    raise PermanentError("too_many_utterances", TOO_MANY) from None
                raise unreachable(error) from error

    def get_all(self, call_id: str) -> tuple[Utterance, ...]:
        try:
            answer = self.client.get_item(TableName=self.table, Key=key(PREFIX + call_id), ConsistentRead=True)
        except (BotoCoreError, ClientError) as error:
            raise unreachable(error) from error
        entries = (value for name, value in answer.get("Item", {}).items() if name.startswith(ENTRY))
        found = [Utterance(**json.loads(entry["S"])) for entry in entries]
        return tuple(sorted(found, key=lambda one: (one.spoken_at, one.ended_at, one.id)))

    def _update(self, call_id: str, batch: dict[str, Utterance]) -> dict[str, Any]:
        expires_at = self.clock() + self.retention_days * DAY_SECONDS
        sets = [f"#{index} = if_not_exists(#{index}, :{index})" for index in range(len(batch))]
        contents = enumerate(json.dumps(asdict(one)) for one in batch.values())
        return {
            "TableName": self.table,
            "Key": key(PREFIX + call_id),
            "UpdateExpression": f"SET expires_at = :expires, {', '.join(sets)}",
            "ExpressionAttributeNames": {f"#{index}": name for index, name in enumerate(batch)},
            "ExpressionAttributeValues": {
                ":expires": {"N": str(expires_at)},
                **{f":{index}": {"S": content} for index, content in contents},
            },
        }


def _batches(utterances: Sequence[Utterance]) -> Iterator[dict[str, Utterance]]:
    """By attribute: an expression must not name one twice."""
    named: dict[str, Utterance] = {}
    for utterance in utterances:
        named.setdefault(
            ENTRY + hashlib.sha256(utterance.id.encode(errors="surrogatepass")).hexdigest()[:32], utterance
        )
    names = list(named)
    for start in range(0, len(names), MAX_PER_UPDATE):
        yield {name: named[name] for name in names[start : start + MAX_PER_UPDATE]}
