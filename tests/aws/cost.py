"""What a run has cost, roughly: AWS's own counts of the stack's resources, at the list prices of us-east-1.

Prices as recalled on 2026-11-28; a bill also has what is not counted here (S3, logs, KMS, EventBridge).
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3

BILLS: list[str] = []
"""Lines for the end of the run."""
DAY = 86_400
FUNCTIONS = ("SubmitTranscript", "UploadRecording", "AttachRecording")
QUEUES = ("CallEnd", "Recording", "Attach")


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars of one unit."""

    unit: str
    dollars: float


PRICES: Mapping[str, Price] = {
    "invocations": Price("invocations of Lambda", 0.20e-6),
    "gigabyte_seconds": Price("GB-seconds of Lambda", 0.0000133),
    "queue_requests": Price("requests to SQS", 0.40e-6),
    "write_units": Price("write units of DynamoDB", 0.625e-6),
    "read_units": Price("read units of DynamoDB", 0.125e-6),
}


def report(counted: Mapping[str, float]) -> Iterator[str]:
    """A line each, and the sum."""
    total = 0.0
    for name, price in PRICES.items():
        dollars = counted[name] * price.dollars
        total += dollars
        yield f"{counted[name]:12,.0f} {price.unit:26} ${dollars:.4f}"
    yield f"{'':12} {'all of that':26} ${total:.4f}"


def bill(stack: str, outputs: Mapping[str, str]) -> None:
    """To be printed at the end of the run."""
    BILLS.extend([stack, *report(usage(outputs))])


def usage(outputs: Mapping[str, str]) -> dict[str, float]:
    """Of the last day, as far as CloudWatch has it already."""
    client: Any = boto3.client("cloudwatch")

    def counted(namespace: str, metric: str, dimension: str, value: str) -> float:
        answer = client.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": dimension, "Value": value}],
            StartTime=time.time() - DAY,
            EndTime=time.time(),
            Period=DAY,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in answer["Datapoints"]))

    names = [outputs[f"{function}FunctionName"] for function in FUNCTIONS]
    queues = [outputs[f"{queue}QueueUrl"].rpartition("/")[2] for queue in QUEUES]
    sent = ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted", "NumberOfEmptyReceives")
    table = outputs["ConversationTableName"]
    return {
        "invocations": sum(counted("AWS/Lambda", "Invocations", "FunctionName", name) for name in names),
        "gigabyte_seconds": sum(
            counted("AWS/Lambda", "Duration", "FunctionName", name) / 1000 * _gigabytes(name) for name in names
        ),
        "queue_requests": sum(counted("AWS/SQS", one, "QueueName", name) for name in queues for one in sent),
        "write_units": counted("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", table),
        "read_units": counted("AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", table),
    }


def _gigabytes(function: str) -> float:
    memory: int = boto3.client("lambda").get_function_configuration(FunctionName=function)["MemorySize"]
    return memory / 1024
