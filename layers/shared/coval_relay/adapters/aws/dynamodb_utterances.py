"""Utterances of a transcript that comes while the call lasts: an item for each event's, beside the call's."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from coval_relay.adapters.aws.dynamodb_table import TOO_LARGE, Table, Write
from coval_relay.domain.transcript import Utterance, collected

UTTERANCES = "utterances#"
MAX_BYTES = 400_000
"""Of an item's 400 KB (DynamoDB, quotas: item size); its keys have the rest."""


@dataclass(frozen=True, slots=True)
class DynamoDbUtterances:
    """The UtteranceStore on DynamoDB: JSON in ASCII under its own digest, so that a repetition changes nothing."""

    table: Table

    def add(self, call_id: str, utterances: Sequence[Utterance]) -> None:
        content = json.dumps([asdict(one) for one in utterances])
        if len(content) > MAX_BYTES:
            half = len(utterances) // 2
            if not half:
                raise TOO_LARGE
            self.add(call_id, utterances[:half])
            self.add(call_id, utterances[half:])
        elif utterances:
            item_key = UTTERANCES + hashlib.sha256(content.encode()).hexdigest()[:32]
            self.table.update(Write(call_id, item_key, sets={"utterances": content}))

    def get_all(self, call_id: str) -> tuple[Utterance, ...]:
        items = self.table.all_of(call_id, UTTERANCES)
        return collected(Utterance(**one) for item in items for one in json.loads(item["utterances"]))
