"""The conversation table, as template.yaml declares it, for tests that do not deploy."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def empty(client: "DynamoDBClient", name: str) -> None:
    for item in client.scan(TableName=name)["Items"]:
        key = {part: item[part] for part in ("external_conversation_id", "item_key")}
        client.delete_item(TableName=name, Key=key)


def create_table(client: "DynamoDBClient", name: str) -> None:
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "external_conversation_id", "KeyType": "HASH"},
            {"AttributeName": "item_key", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "external_conversation_id", "AttributeType": "S"},
            {"AttributeName": "item_key", "AttributeType": "S"},
            {"AttributeName": "sweep_shard", "AttributeType": "N"},
            {"AttributeName": "due_at", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "sweep_shard", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
