"""The door as Lambda starts it: with boto3 and little else."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]
SCRIPT = """
import sys
import app
heavy = ("pydantic", "httpx", "aws_lambda_powertools", "jwt", "cryptography", "coval_relay.domain.messages")
loaded = [name for name in heavy if name in sys.modules]
import gc, json
print(json.dumps([loaded, gc.isenabled(), app.handler({}, None)["statusCode"]]))
"""


def test_it_loads_what_it_needs_and_no_more() -> None:
    path = os.pathsep.join([str(PROJECT / "functions" / "receive_webhook"), str(PROJECT / "layers" / "shared")])
    environment = {
        "PYTHONPATH": path,
        "AWS_DEFAULT_REGION": "eu-west-2",
        "POWERTOOLS_SERVICE_NAME": "relay",
        "CALL_END_QUEUE_URL": "https://sqs.eu-west-2.amazonaws.com/111122223333/calls",
        "WEBHOOK_BUCKET": "webhooks",
        "WEBHOOK_SECRET_ARN": "arn:aws:secretsmanager:eu-west-2:111122223333:secret:webhooks-AbCdEf",
        "BUCKET_OWNER": "111122223333",
    }
    worker = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(worker.stdout.splitlines()[-1]) == [[], True, 400]
