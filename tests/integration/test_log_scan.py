"""The functions as Lambda runs them, with marked keys, signatures and credentials: nothing of it is logged or sent.

The handlers, their clients, their log and their metrics are the real ones; AWS is the emulator, Coval the
simulator, the platforms' web servers answer from here. Whatever goes wrong: what a function prints, what its
libraries log, what it raises and what it writes on its queues has no secret in it.
"""

import json
import logging
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from coval_relay import settings
from coval_relay.adapters.aws import telemetry
from coval_relay.adapters.coval import gate
from coval_relay.configuration import current
from coval_relay.entrypoints import aws_adapters, functions, lambda_handler
from local.simulator import RunningSimulator, running
from local.toml import document
from tests.support import emulator
from tests.support.dynamodb_table import create_table
from tests.support.events import TURNS, call_ended, event, object_created, recording_ready, wav
from tests.support.marked_secrets import (
    API_KEY,
    COVALS_WORD,
    PASSWORD,
    PHONE,
    ROOM,
    TOKEN,
    WORD,
    leaks,
    marked,
)

KEY = f"coval_sk_{API_KEY}"
OWNER = "000000000000"
QUEUES = ("call_end", "recording", "attach")
ROUNDS = 6
"""How often what a function sends is handed on; what waits for ever is let go then."""
LINK = f"https://media.example.com/{WORD}.wav?token={TOKEN}"
QUOTED = f"{COVALS_WORD} 'My {WORD}' {PHONE} {KEY} {LINK}"
Payload = Mapping[str, Any]


@dataclass
class Context:
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Relay:
    """The three functions, and what they have sent to the queues."""

    simulator: RunningSimulator
    urls: Mapping[str, str]
    handlers: Mapping[str, Callable[[Any, Any], Any]]
    sent: list[dict[str, Any]] = field(default_factory=list)
    attributes: list[Any] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)

    def note(self, params: Mapping[str, Any], **_: object) -> None:
        self.sent.append(dict(params))
        self.attributes.append(params.get("MessageAttributes"))

    def play(self, *events: tuple[str, Payload]) -> None:
        """Hand the events to their functions, and on what these send, without the delays."""
        queued = [(queue, marked(json.dumps(event))) for queue, event in events]
        for _ in range(ROUNDS):
            self.sent.clear()
            for queue, body in queued:
                self.invoke(queue, {"Records": [record(body)]})
            self.invoke("attach", {"source": "coval.relay", "detail-type": "Sweep"})
            names = {url: name for name, url in self.urls.items()}
            queued = [(names[one["QueueUrl"]], one["MessageBody"]) for one in self.sent if one["QueueUrl"] in names]

    def invoke(self, queue: str, payload: Payload) -> None:
        try:
            self.handlers[queue](payload, Context())
        except Exception as error:  # noqa: BLE001 - as the runtime does: it logs what it catches
            self.tracebacks += [*traceback.format_exception(error), repr(error)]


def record(body: str) -> dict[str, Any]:
    attributes = {"SentTimestamp": str(aws_adapters.clock() * 1000)}
    return {
        "eventSource": "aws:sqs",
        "messageId": uuid.uuid4().hex,
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
    }


# --- the parts ---------------------------------------------------------------------------------------


@dataclass
class Web(httpx.BaseTransport):
    """The platforms' servers answer from here, the loopback is the loopback."""

    answer: httpx.Response = field(default_factory=lambda: httpx.Response(200, content=wav()))
    seen: list[str] = field(default_factory=list)
    wire: httpx.HTTPTransport = field(default_factory=httpx.HTTPTransport)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "media.example.com":
            return self.wire.handle_request(request)
        self.seen.append(f"{request.url} {request.headers.get('x-key')}")
        content = self.answer.content
        return httpx.Response(self.answer.status_code, headers=self.answer.headers, content=content)

    def close(self) -> None:
        self.wire.close()


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running(api_keys=[KEY]) as found:
        yield found


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    found = Web()
    with httpx.Client(transport=found, follow_redirects=False) as http:
        monkeypatch.setattr(aws_adapters, "http_client", lambda: http)
        yield found


@pytest.fixture
def environment(aws_url: str) -> dict[str, str]:
    """As the template gives it, on resources of this test's own."""
    name = uuid.uuid4().hex
    sqs, secrets, s3 = (emulator.client(one, aws_url) for one in ("sqs", "secretsmanager", "s3"))
    create_table(emulator.client("dynamodb", aws_url), name)
    for bucket in ("recordings", "transcripts", "staging"):
        s3.create_bucket(Bucket=f"{bucket}-{name}")
    urls = {queue: sqs.create_queue(QueueName=f"{queue}-{name}")["QueueUrl"] for queue in QUEUES}
    credentials = json.dumps({"media.example.com": {"header": "x-key", "value": PASSWORD}})
    return {
        "AWS_ENDPOINT_URL": aws_url,
        "TABLE_NAME": name,
        "DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName=f"dead-{name}")["QueueUrl"],
        **{f"{queue.upper()}_QUEUE_URL": url for queue, url in urls.items()},
        "COVAL_API_KEY_SECRET_ARN": secrets.create_secret(Name=name, SecretString=KEY)["ARN"],
        "PLATFORM_CREDENTIALS_SECRET_ARN": secrets.create_secret(Name=f"p{name}", SecretString=credentials)["ARN"],
        "BUCKET_OWNER": OWNER,
        "RECORDING_BUCKETS": f"recordings-{name}",
        "TRANSCRIPT_BUCKETS": f"transcripts-{name}",
        "STAGING_BUCKET": f"staging-{name}",
        "POWERTOOLS_SERVICE_NAME": name,
    }


@pytest.fixture(autouse=True)
def deployed(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The relay.toml that lies beside the package."""
    hosts = ["media.example.com"]
    written = {
        "coval": {"base_url": simulator.url, "timeout_seconds": 2},
        "deadlines": {"settling_seconds": 0},
        "links": {"recording_hosts": hosts, "transcript_hosts": hosts},
    }
    monkeypatch.setattr(current, "DEPLOYED", tmp_path / "relay.toml")
    current.DEPLOYED.write_text(document(written), encoding="utf-8")


CACHED = (
    settings.load,
    aws_adapters._client,
    telemetry.logger,
    telemetry.metrics,
)


def started(environment: Mapping[str, str], simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Relay:
    """A cold start of the three functions."""
    handlers, makers = (
        {},
        (functions.submit_transcript, functions.upload_recording, functions.attach_recording),
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for cached in CACHED:
        cached.cache_clear()
    for queue, make in zip(QUEUES, makers, strict=True):
        handlers[queue] = _own_queue(make(), environment[f"{queue.upper()}_QUEUE_URL"], monkeypatch)
    relay = Relay(simulator, {queue: environment[f"{queue.upper()}_QUEUE_URL"] for queue in QUEUES}, handlers)
    aws_adapters._client("sqs").meta.events.register("provide-client-params.sqs.SendMessage", relay.note)
    return relay


def _own_queue(handler: lambda_handler.Handler, url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Any], Any]:
    def handle(payload: Any, context: Context) -> Any:
        monkeypatch.setenv("QUEUE_URL", url)
        return handler(payload, context)

    return handle


Output = Callable[[Relay], str]


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Output:
    """All that has left the functions but their effects."""
    caplog.set_level(logging.INFO)

    def listen(relay: Relay) -> str:
        out, err = capsys.readouterr()
        return "\n".join((out, err, *caplog.messages, *relay.tracebacks, json.dumps(relay.attributes)))

    return listen


class ColdStart(Protocol):
    def __call__(self, **changes: str) -> Relay: ...


@pytest.fixture
def cold_start(
    environment: dict[str, str], web: Web, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ColdStart]:
    """Starts the functions in this environment, with some variables changed."""
    assert web.seen == []
    monkeypatch.setattr(gate, "BUSY_SECONDS", 2.0)  # of nothing but 429, instead of a minute
    simulator.admin.reset()
    simulator.admin.clear_faults()
    yield lambda **changes: started({**environment, **changes}, simulator, monkeypatch)
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def relay(cold_start: ColdStart) -> Relay:
    return cold_start()


@pytest.fixture
def calls(environment: dict[str, str], aws_url: str) -> list[tuple[str, Payload]]:
    """A call by each way: text and recording, by links, by objects."""
    s3, bucket = emulator.client("s3", aws_url), environment["RECORDING_BUCKETS"]
    s3.put_object(Bucket=bucket, Key=f"{ROOM}.wav", Body=wav())
    s3.put_object(Bucket=bucket, Key=f"alone-{PHONE}.wav", Body=wav())
    return [
        ("call_end", call_ended()),
        ("recording", object_created(f"{ROOM}.wav", wav(), bucket=bucket)),
        ("recording", object_created(f"alone-{PHONE}.wav", wav(), bucket=bucket)),
        ("call_end", call_ended("second", recording={"items": [{"uri": LINK}]})),
        ("attach", recording_ready(LINK, "third")),
        ("call_end", call_ended("fourth", transcript={"status": "reference", "reference": REFERENCE})),
    ]


REFERENCE = {"uri": LINK, "format": "canonical_v1"}


# --- the scan ----------------------------------------------------------------------------------------


def status(code: int, **headers: str) -> dict[str, Any]:
    body = {"error": {"code": "INVALID_ARGUMENT", "message": QUOTED, "details": [{"field": QUOTED}]}}
    return {"kind": "status", "status": code, "headers": headers, "body": body}


FAULTS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    **{str(code): [status(code)] for code in (400, 401, 403, 404, 409, 413, 500, 503)},
    "429": [status(429, **{"Retry-After": QUOTED.replace(" ", "")})],
    "text": [{"kind": "status", "status": 400, "body": QUOTED}],
    "garbage": [{"kind": "garbage", "body": QUOTED}],
    "cut": [{"kind": "cut"}],
    "silent": [{"kind": "timeout_after_accept", "seconds": 3}],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_coval_answers(
    fault: str, relay: Relay, calls: list[tuple[str, Payload]], web: Web, output: Output
) -> None:
    for one in FAULTS[fault]:
        relay.simulator.admin.add_fault(one, times=2 if fault == "silent" else 1000, path="^/")
    relay.play(*calls)
    heard = output(relay)
    assert "RECORDING_RECEIVED" in heard
    assert leaks(heard) == []
    assert fault == "429" or PASSWORD in web.seen[0]  # a Coval that is left alone gets no link fetched for it


@pytest.mark.parametrize("code", [200, 302, 401, 403, 404, 429, 500])
def test_whatever_a_link_answers(
    code: int, relay: Relay, calls: list[tuple[str, Payload]], web: Web, output: Output
) -> None:
    web.answer = httpx.Response(code, headers={"location": f"https://{WORD}.example/?{TOKEN}"}, content=QUOTED)
    relay.play(*calls)
    assert leaks(output(relay)) == []


BROKEN = {
    "no table": {"TABLE_NAME": WORD},
    "no secret": {"COVAL_API_KEY_SECRET_ARN": f"arn:aws:secretsmanager:us-east-1:{OWNER}:secret:none"},
    "no credentials": {"PLATFORM_CREDENTIALS_SECRET_ARN": f"arn:aws:secretsmanager:us-east-1:{OWNER}:secret:x"},
    "no buckets": {"STAGING_BUCKET": "none", "BUCKET_OWNER": "999999999999"},
    "no s3": {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"},
    "broken settings": {"BUCKET_OWNER": WORD},
    "no document": {"CONFIGURATION_PARAMETER": "/none"},
    "broken document": {"CONFIGURATION_PARAMETER": "/broken"},
}


BROKEN_DOCUMENT = f'log_level = "{WORD}"\n[[key_rules]]\nname = "{WORD}"\npattern = "{WORD}"\n'


@pytest.mark.parametrize("broken", BROKEN)
def test_whatever_is_broken_around_it(
    broken: str, cold_start: ColdStart, calls: list[tuple[str, Payload]], output: Output, aws_url: str
) -> None:
    ssm = emulator.client("ssm", aws_url)
    ssm.put_parameter(Name="/broken", Value=BROKEN_DOCUMENT, Type="String", Overwrite=True)
    relay = cold_start(**BROKEN[broken])
    relay.play(*calls, ("call_end", event(WORD, {"external_conversation_id": ROOM, "turns": TURNS})))
    heard = output(relay)
    assert heard.strip()
    assert leaks(heard) == []
