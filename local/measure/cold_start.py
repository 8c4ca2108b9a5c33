"""Measure cold starts: import and first invocation of submit_transcript and of receive_webhook, beside other handlers.

`relay`, `bare` and `sdk` do the same work against the local stack: read the key's secret, two conditional writes, one
POST. `bare` is a handler on boto3 and http.client alone, `sdk` one on Coval's own SDK. `door` is receive_webhook with a
webhook that is signed by HMAC, `bare door` reads a secret and sends a message. Each sees the packages of Lambda's
runtime and its own, and nothing else.
"""

import json
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import webhooks
from local.measure.deployed import environment_of
from local.stack.paths import PYTHON, Files
from local.stack.runtime_packages import link_runtime
from local.stack.stack import Stack, up

ROUNDS = 9
PREAMBLE = """
import json, sys, time
begun = time.perf_counter()
class Context:
    aws_request_id = "measure"
    def get_remaining_time_in_millis(self): return 100_000
event = json.load(sys.stdin)
"""
RELAY = """
import app
app.handler(event, Context())
"""
STATE = """
import os, boto3
clients = {name: boto3.client(name) for name in ("dynamodb", "secretsmanager")}
def write(condition):
    clients["dynamodb"].update_item(
        TableName=os.environ["TABLE_NAME"],
        Key={
            "external_conversation_id": {"S": event["detail"]["external_conversation_id"]},
            "item_key": {"S": "call"},
        },
        UpdateExpression="SET revision = :next",
        ConditionExpression=condition,
        ExpressionAttributeValues={":next": {"N": "1"}},
    )
secret = os.environ["COVAL_API_KEY_SECRET_ARN"]
key = clients["secretsmanager"].get_secret_value(SecretId=secret)["SecretString"]
write("attribute_not_exists(revision)")
body = {"transcript": event["detail"]["transcript"]["messages"]}
"""
BARE = (
    STATE
    + """
import http.client, ssl, urllib.parse
ssl.create_default_context()  # what the real host takes; the local one is plain
url = urllib.parse.urlsplit(os.environ["COVAL_BASE_URL"])
connection = http.client.HTTPConnection(url.netloc)
headers = {"x-api-key": key, "Content-Type": "application/json"}
connection.request("POST", "/v1/conversations:submit", json.dumps(body), headers)
assert connection.getresponse().status == 200
connection.close()
write("attribute_exists(revision)")
"""
)
SDK = (
    STATE
    + """
from coval_sdk import CovalClient, models
request = models.CovalConversationsAPISubmitConversationRequest.from_dict(body)
with CovalClient(api_key=key, base_url=os.environ["COVAL_BASE_URL"] + "/v1") as client:
    client.conversations.submit_conversation(request)
write("attribute_exists(revision)")
"""
)
DOOR = """
import app
assert app.handler(event, Context())["statusCode"] == 200
"""
BARE_DOOR = """
import os, boto3
clients = {name: boto3.client(name) for name in ("secretsmanager", "sqs")}
clients["secretsmanager"].get_secret_value(SecretId=os.environ["WEBHOOK_SECRET_ARN"])
clients["sqs"].send_message(QueueUrl=os.environ["CALL_END_QUEUE_URL"], MessageBody=json.dumps(event))
"""
REPORT = """
print("\\n" + json.dumps(time.perf_counter() - begun))
"""
HANDLERS = {"relay": RELAY, "bare": BARE, "sdk": SDK, "door": DOOR, "bare door": BARE_DOOR}


def main() -> None:
    stack = up(Files())
    with tempfile.TemporaryDirectory() as folder:
        environments = environments_of(stack, link_runtime(Path(folder)))
        seconds: dict[str, list[float]] = {name: [] for name in HANDLERS}
        for round_ in range(ROUNDS + 1):
            for name, code in HANDLERS.items():
                spent = start(code, environments[name], event_for(name))
                if round_:  # the first one warms the file cache
                    seconds[name].append(spent)
    for name, values in seconds.items():
        spread = f"{min(values):.2f} to {max(values):.2f}"
        ours = "door" if "door" in name else "relay"
        ratio = statistics.median(a / b for a, b in zip(seconds[ours], values, strict=True))
        print(f"{name:9} median {statistics.median(values):.2f} s ({spread}); {ours} / {name} {ratio:.2f}")


def environments_of(stack: Stack, runtime: Path) -> Mapping[str, Mapping[str, str]]:
    """The deployed function's for each handler, which sees its own packages."""
    relay, door = (environment_of(stack, function, runtime) for function in ("SubmitTranscript", "ReceiveWebhook"))
    relay = {**relay, "CONFIGURATION_PARAMETER": "", "COVAL_BASE_URL": stack.coval_url}
    return {
        "relay": relay,
        "bare": {**relay, "PYTHONPATH": str(runtime)},
        "sdk": {**relay, "PYTHONPATH": sysconfig.get_path("purelib")},
        "door": door,
        "bare door": {**door, "PYTHONPATH": str(runtime)},
    }


def event_for(handler: str) -> Mapping[str, Any]:
    """A call's end, about a call of its own: as EventBridge brings it, or as a webhook."""
    detail = {
        "schema_version": "1",
        "external_conversation_id": f"cold-{uuid.uuid4()}",
        "started_at": "2026-10-02T14:30:50Z",
        "transcript": {"status": "inline", "messages": [{"role": "user", "content": "Hello"}]},
    }
    event = {"source": "measure", "detail-type": "Call Ended", "detail": detail}
    return _webhook(event) if "door" in handler else event


def _webhook(event: Mapping[str, Any]) -> Mapping[str, Any]:
    content_type, body = webhooks.body_of(event)
    now = time.time()
    return {
        "rawPath": "/canonical",
        "headers": webhooks.headers_of("canonical", content_type, body, "", now),
        "requestContext": {"domainName": "local", "http": {"method": "POST"}, "timeEpoch": int(now * 1000)},
        "body": body.decode(),
    }


def start(code: str, environment: Mapping[str, str], event: Mapping[str, Any]) -> float:
    """Seconds from the first import to the answer, in a process of its own."""
    finished = subprocess.run(
        [str(PYTHON.resolve()), "-S", "-c", PREAMBLE + code + REPORT],
        input=json.dumps(event),
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        sys.exit(finished.stderr)
    return float(finished.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
