"""The HTTP client against the strict simulator, over real connections."""

import json
import logging
import socket
import wave
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from typing import Any, get_args

import pytest

import local.simulator
from coval_relay import __version__
from coval_relay.adapters.coval import Gate, HttpCovalClient
from coval_relay.adapters.coval.client import PathFamily, http_client
from coval_relay.domain.coval import Conversation, Filtered, Upload
from coval_relay.domain.errors import AudioFetchError, PermanentError, RetryableError, UnknownOutcomeError
from local.simulator import RunningSimulator

MESSAGES = [{"role": "user", "content": "Grüße"}, {"role": "assistant", "content": "Hello"}]


class Key:
    def __init__(self, value: str) -> None:
        self.value = value

    def get(self) -> str:
        return self.value

    def refresh(self) -> str:
        return self.value


def audio(seconds: int = 6) -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(bytes(2 * 8000 * seconds))
    return file.getvalue()


def body(external_conversation_id: str = "call-1", **fields: Any) -> bytes:
    return json.dumps({"external_conversation_id": external_conversation_id, "transcript": MESSAGES, **fields}).encode()


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    """One a test: a PUT that was broken off may still be on its way out when the next test begins."""
    with local.simulator.running(seed="seed") as simulator:
        yield simulator


def connect(url: str, key: str, family: PathFamily = "conversations") -> Iterator[HttpCovalClient]:
    with http_client() as http:
        yield HttpCovalClient(
            base_url=url,
            path_family=family,
            api_key=Key(key),
            timeout_seconds=2.0,
            time_left=lambda: 60.0,
            gate=Gate(lambda *_: None),
            sleep=lambda _: None,
            http=http,
        )


@pytest.fixture(params=get_args(PathFamily))
def each_family(simulator: RunningSimulator, request: pytest.FixtureRequest) -> Iterator[HttpCovalClient]:
    yield from connect(simulator.url, simulator.api_key, request.param)


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[HttpCovalClient]:
    yield from connect(simulator.url, simulator.api_key)


def made(conversation: Conversation | Filtered) -> Conversation:
    assert isinstance(conversation, Conversation)
    return conversation


def test_a_call_from_submit_to_delete(each_family: HttpCovalClient, simulator: RunningSimulator) -> None:
    client = each_family
    submitted = made(client.submit(body(metadata={"queue": "sales"})))
    assert (submitted.external_conversation_id, submitted.has_audio, submitted.metadata) == (
        "call-1",
        False,
        {"queue": "sales"},
    )
    found = client.find("call-1")
    assert [one.conversation_id for one in found] == [submitted.conversation_id]
    read = client.get(submitted.conversation_id)
    assert read is not None
    assert replace(read, status=submitted.status) == submitted
    client.delete(submitted.conversation_id)
    statuses = [one["status"] for one in simulator.admin.conversations("call-1")]
    assert statuses == ["CANCELLED"]


def test_the_bytes_go_out_as_they_are_given(client: HttpCovalClient, simulator: RunningSimulator) -> None:
    spaced = b'{ "external_conversation_id" : "call-1", "transcript":[{"role":"user","content":"\\u00e9"}]}'
    client.submit(spaced)
    (request,) = simulator.admin.requests(method="POST")
    assert (request["bytes_received"], request["body"]) == (len(spaced), json.loads(spaced))


def test_an_upload(each_family: HttpCovalClient, simulator: RunningSimulator) -> None:
    client, recording = each_family, audio()
    upload = client.create_upload("audio/wav", len(recording))
    client.put_audio(upload, iter([recording[:1000], recording[1000:]]), len(recording))
    submitted = made(client.submit(json.dumps({"upload_id": upload.upload_id}).encode()))
    assert submitted.has_audio is True
    (put,) = simulator.admin.requests(method="PUT")
    headers = {name.lower(): value for name, value in put["headers"].items()}
    assert (put["response_status"], put["bytes_received"]) == (200, len(recording))
    assert (headers["content-length"], headers["content-type"]) == (str(len(recording)), "audio/wav")
    assert {"transfer-encoding", "x-api-key"}.isdisjoint(headers)
    assert headers["user-agent"] == f"coval-relay/{__version__}"


def test_a_filtered_call(client: HttpCovalClient) -> None:
    simulated = body(metadata={"coval_simulation_id": "sim_1"})
    assert client.submit(simulated) == Filtered("coval_simulation", "sim_1")


def test_errors_carry_covals_own_words(client: HttpCovalClient) -> None:
    with pytest.raises(PermanentError) as caught:
        client.submit(b'{"external_conversation_id": "call-1"}')
    assert caught.value == PermanentError("INVALID_ARGUMENT", "Missing required input data", "transcript", 400)
    with pytest.raises(PermanentError) as caught:
        client.submit(body(upload_id="upl_01ARZ3NDEKTSV4RRFFQ69G5FAV"))
    assert caught.value == PermanentError(
        "NOT_FOUND", "Upload not found: upl_01ARZ3NDEKTSV4RRFFQ69G5FAV", "upload_id", 404
    )


def test_attaching(each_family: HttpCovalClient) -> None:
    client = each_family
    conversation = made(client.submit(body()))
    unreachable = f"http://127.0.0.1:{closed_port()}/a.wav?X-Amz-Signature=secret"
    with pytest.raises(AudioFetchError) as not_fetched:
        client.attach_audio(conversation.conversation_id, unreachable)
    assert not_fetched.value == AudioFetchError("Failed to retrieve audio from URL")
    upload = client.create_upload("audio/wav", len(audio()))
    client.put_audio(upload, [audio()], len(audio()))
    with_audio = made(client.submit(body("call-2", upload_id=upload.upload_id)))
    with pytest.raises(PermanentError) as taken:
        client.attach_audio(with_audio.conversation_id, unreachable)
    assert (taken.value.code, taken.value.status, taken.value.field) == ("ALREADY_EXISTS", 409, "audio")
    with pytest.raises(PermanentError) as missing:
        client.attach_audio("3vJ8nD9wQ2kL5mXr7TbYcH", unreachable)
    assert (missing.value.code, missing.value.status) == ("NOT_FOUND", 404)


def test_what_is_not_there(each_family: HttpCovalClient) -> None:
    assert each_family.get("3vJ8nD9wQ2kL5mXr7TbYcH") is None
    assert each_family.get_agent("3vJ8nD9wQ2kL5mXr7TbYcH") is None
    assert each_family.find("never-seen") == []
    each_family.delete("3vJ8nD9wQ2kL5mXr7TbYcH")


def test_all_pages(each_family: HttpCovalClient, simulator: RunningSimulator) -> None:
    simulator.admin.configure(list_lag_seconds=0)
    for number in range(5):
        each_family.submit(body(f"call-{number}"))
    listed = each_family.conversations(order_by="create_time", page_size=2)
    assert [one.external_conversation_id for one in listed] == [f"call-{n}" for n in range(5)]


def test_agents(client: HttpCovalClient) -> None:
    fields = {"model_type": "MODEL_TYPE_VOICE", "phone_number": "+12025550123"}
    created = [client.create_agent({"display_name": f"Agent {n}", **fields}) for n in range(3)]
    assert sorted(client.agents(), key=lambda agent: agent.display_name) == created
    assert client.get_agent(created[0].agent_id) == created[0]


def test_where_strong_reads_are_unknown(client: HttpCovalClient, simulator: RunningSimulator) -> None:
    simulator.admin.configure(strong_consistency=False, list_lag_seconds=0)
    submitted = made(client.submit(body()))
    assert [one.conversation_id for one in client.find("call-1")] == [submitted.conversation_id]


def test_a_wrong_key_that_is_no_other_when_read_again_is_tried_once(simulator: RunningSimulator) -> None:
    for client in connect(simulator.url, "wrong"):
        with pytest.raises(RetryableError) as caught:
            client.submit(body())
    assert caught.value == RetryableError("unauthenticated")
    assert [request["response_status"] for request in simulator.admin.requests()] == [401]


@pytest.mark.parametrize(
    ("fault", "code", "conversations"),
    [
        ({"kind": "status", "status": 500}, "unavailable", 0),
        ({"kind": "status", "status": 500, "perform": True}, "unavailable", 1),
        ({"kind": "garbage", "perform": True}, "unreadable_answer", 1),
        ({"kind": "timeout_after_accept"}, "timeout", 1),
        ({"kind": "timeout_before"}, "timeout", 0),
        ({"kind": "cut"}, "broken_connection", 0),
    ],
)
def test_a_submit_without_a_clear_answer_is_sent_once(
    client: HttpCovalClient, simulator: RunningSimulator, fault: dict[str, Any], code: str, conversations: int
) -> None:
    simulator.admin.add_fault(fault, path=":submit$")
    with pytest.raises(UnknownOutcomeError) as caught:
        client.submit(body())
    assert caught.value == UnknownOutcomeError(code)
    assert len(client.find("call-1")) == conversations


def test_a_read_survives_what_passes(client: HttpCovalClient, simulator: RunningSimulator) -> None:
    submitted = made(client.submit(body()))
    simulator.admin.add_fault({"kind": "status", "status": 502}, method="GET")
    simulator.admin.add_fault({"kind": "cut"}, method="GET")
    assert [one.conversation_id for one in client.find("call-1")] == [submitted.conversation_id]


def test_a_dripping_answer_is_read_to_its_end(client: HttpCovalClient, simulator: RunningSimulator) -> None:
    simulator.admin.add_fault({"kind": "drip", "bytes": 100, "seconds": 0.01}, path=":submit$")
    assert made(client.submit(body())).external_conversation_id == "call-1"


def test_a_rate_limit_is_reported_with_its_wait(client: HttpCovalClient, simulator: RunningSimulator) -> None:
    simulator.admin.add_fault({"kind": "status", "status": 429, "headers": {"Retry-After": "90"}})
    with pytest.raises(RetryableError) as caught:
        client.submit(body())
    assert caught.value == RetryableError("rate_limited", 90.0)


def test_nobody_listens() -> None:
    for client in connect(f"http://127.0.0.1:{closed_port()}", "key"):
        with pytest.raises(RetryableError) as caught:
            client.submit(body())
    assert caught.value == RetryableError("unreachable")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 307, "headers": {"Location": "/elsewhere"}},
        {"kind": "status", "status": 403, "body": "<Error><Code>AccessDenied</Code></Error>"},
        {"kind": "status", "status": 503},
        {"kind": "cut", "after_bytes": 10},
        {"kind": "timeout_before"},
    ],
)
def test_a_put_that_fails(client: HttpCovalClient, simulator: RunningSimulator, fault: dict[str, Any]) -> None:
    upload = client.create_upload("audio/wav", 6)
    simulator.admin.add_fault(fault, method="PUT")
    with pytest.raises(RetryableError) as caught:
        client.put_audio(upload, [b"abc", b"def"], 6)
    assert caught.value == RetryableError("upload_put_failed")
    assert len(simulator.admin.requests(method="PUT", wait=5)) == 1


@pytest.mark.parametrize("size", [5, 7])
def test_a_recording_that_changed_its_length(client: HttpCovalClient, size: int) -> None:
    upload = client.create_upload("audio/wav", size)
    with pytest.raises(RetryableError) as caught:
        client.put_audio(upload, [b"abc", b"def"], size)
    assert caught.value == RetryableError("recording_changed_length")


def test_a_recording_that_breaks_off_says_so_itself(client: HttpCovalClient) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"abc"
        raise RetryableError("s3_unreachable")

    with pytest.raises(RetryableError) as caught:
        client.put_audio(client.create_upload("audio/wav", 6), chunks(), 6)
    assert caught.value == RetryableError("s3_unreachable")


def test_secrets_stay_out_of_logs_and_errors(
    client: HttpCovalClient, simulator: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    upload: Upload = client.create_upload("audio/wav", 3)
    client.put_audio(upload, [b"abc"], 3)
    simulator.admin.add_fault({"kind": "status", "status": 403}, method="PUT")
    with pytest.raises(RetryableError) as caught:
        client.put_audio(upload, [b"abc"], 3)
    shown = caplog.text + repr(caught.value) + str(caught.value) + repr(upload)
    secrets = [upload.upload_url, upload.upload_url.rpartition("/")[2], simulator.api_key]
    assert [secret for secret in secrets if secret in shown] == []


def closed_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
