"""The proxy before the local AWS: what passes is unchanged, what fails fails as a service does."""

import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from local.load.aws_faults import Shares
from local.load.emulator_control import FaultProxy, fault_proxy
from local.stack import certificate
from local.stack.paths import Files
from local.stack.stack import Stack

ONCE = Config(retries={"total_max_attempts": 1})
Asked = list[tuple[str, str, str | None, bytes]]


class Echo(BaseHTTPRequestHandler):
    """Stands for AWS: answers everything alike, and remembers it."""

    asked: Asked = []  # noqa: RUF012 -- one for the server

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.asked.append((self.command, self.path, self.headers["Host"], body))
        self.send_response(201)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"body")

    do_GET = do_PUT = do_POST = handle_any  # noqa: N815 -- the base class's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""


@contextmanager
def echoing(files: Files) -> Iterator[str]:
    files.aws.mkdir()
    certificate.ensure(files.aws / "certificate.pem", files.aws / "key.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.aws / "certificate.pem", files.aws / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="module")
def running(trusted: Files) -> Iterator[FaultProxy]:
    with echoing(trusted) as url, fault_proxy(Stack(url, ""), trusted) as proxy:
        yield proxy


@pytest.fixture
def proxy(running: FaultProxy) -> FaultProxy:
    """Calm, with nothing asked yet."""
    running.fail(Shares())
    Echo.asked.clear()
    return running


@contextmanager
def client(files: Files, url: str, service: str) -> Iterator[Any]:
    verified = str(files.aws / "certificate.pem")
    with closing(boto3.client(service, endpoint_url=url, verify=verified, config=ONCE)) as made:
        yield made


def test_what_passes_is_unchanged(proxy: FaultProxy, trusted: Files) -> None:
    before = Counter(proxy.met())
    context = ssl.create_default_context(cafile=trusted.aws / "certificate.pem")
    with httpx.Client(verify=context, trust_env=False) as http:
        answer = http.put(f"{proxy.url}/bucket/a%2Fb%20c?x=%3D", content=b"\x00body")
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (201, b"body", '"x"')
    host = proxy.url.removeprefix("https://")
    assert Echo.asked == [("PUT", "/bucket/a%2Fb%20c?x=%3D", host, b"\x00body")]
    assert Counter(proxy.met()) - before == {"unsigned passed": 1}


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("s3", lambda s3: s3.get_object(Bucket="b", Key="k"), "SlowDown"),
        (
            "dynamodb",
            lambda table: table.get_item(TableName="t", Key={"k": {"S": "v"}}),
            "ProvisionedThroughputExceededException",
        ),
        ("sqs", lambda sqs: sqs.send_message(QueueUrl="https://q/1/q", MessageBody="b"), "RequestThrottled"),
        ("secretsmanager", lambda secrets: secrets.get_secret_value(SecretId="s"), "ThrottlingException"),
    ],
    ids=["s3", "dynamodb", "sqs", "secretsmanager"],
)
def test_a_service_throttles_in_its_own_words(
    service: str, call: Any, code: str, proxy: FaultProxy, trusted: Files
) -> None:
    before = Counter(proxy.met())
    proxy.fail(Shares(throttled=1))
    with client(trusted, proxy.url, service) as aws, pytest.raises(ClientError) as caught:
        call(aws)
    assert caught.value.response["Error"]["Code"] == code
    assert Echo.asked == []
    assert Counter(proxy.met()) - before == {f"{service} throttled": 1}


@pytest.mark.parametrize(("fault", "performed"), [("cut", 0), ("lost", 1)])
def test_a_cut_request_is_not_carried_out_and_a_lost_one_is(
    fault: str, performed: int, proxy: FaultProxy, trusted: Files
) -> None:
    proxy.fail(Shares(**{fault: 1.0}))
    with client(trusted, proxy.url, "dynamodb") as table, pytest.raises(ConnectionClosedError):
        table.get_item(TableName="t", Key={"k": {"S": "v"}})
    assert len(Echo.asked) == performed


def test_the_shares_are_drawn_one_after_the_other() -> None:
    shares = Shares(throttled=0.2, cut=0.1, lost=0.1)
    drawn = [shares.drawn(chance) for chance in (0.0, 0.19, 0.21, 0.29, 0.31, 0.39, 0.41, 0.99)]
    assert drawn == ["throttled", "throttled", "cut", "cut", "lost", "lost", "", ""]
