"""Coval's own SDK drives the simulator, in both path families, with strict response validation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from coval_sdk import CovalClient, models
from coval_sdk.exceptions import ApiException
from coval_sdk.pagination import paginate

from local.simulator import RunningSimulator, running
from tests.support.audio_files import mp3, wav
from tests.support.simulator import Files, serving_files

sdk: Any = models
TRANSCRIPT = [
    {"role": "assistant", "content": "Hello", "start_time": 0.0, "end_time": 1.5},
    {"role": "user", "content": "Hi", "start_time": 2.0, "end_time": 3.25},
]


def error_of(caught: pytest.ExceptionInfo[ApiException]) -> tuple[int | None, str, str]:
    """Status, code and message, as the SDK's own models read them."""
    data: Any = caught.value.data
    return caught.value.status, data.error.code, data.error.message


@dataclass(frozen=True)
class Surface:
    """One path family as the SDK names it."""

    client: CovalClient
    is_uploaded: bool

    def submit(self, **fields: Any) -> Any:
        if self.is_uploaded:
            uploaded = sdk.CovalUploadedConversationsAPISubmitUploadedConversationRequest.from_dict(fields)
            return self.client.uploaded_conversations.submit_uploaded_conversation(uploaded)
        request = sdk.CovalConversationsAPISubmitConversationRequest.from_dict(fields)
        return self.client.conversations.submit_conversation(request)

    def submitted(self, **fields: Any) -> Any:
        return self._resource(self.submit(**fields))

    def patch(self, conversation_id: str, **fields: Any) -> Any:
        if self.is_uploaded:
            uploaded = sdk.CovalUploadedConversationsAPIPatchUploadedConversationRequest.from_dict(fields)
            call = self.client.uploaded_conversations.patch_uploaded_conversation
            return self._resource(call(conversation_id, uploaded))
        request = sdk.CovalConversationsAPIPatchConversationRequest.from_dict(fields)
        return self._resource(self.client.conversations.patch_conversation(conversation_id, request))

    def get(self, conversation_id: str) -> Any:
        if self.is_uploaded:
            return self._resource(self.client.uploaded_conversations.get_uploaded_conversation(conversation_id))
        return self._resource(self.client.conversations.get_conversation(conversation_id))

    def delete(self, conversation_id: str) -> Any:
        if self.is_uploaded:
            return self.client.uploaded_conversations.delete_uploaded_conversation(conversation_id)
        return self.client.conversations.delete_conversation(conversation_id)

    def audio(self, conversation_id: str) -> Any:
        if self.is_uploaded:
            return self.client.audio.get_uploaded_conversation_audio(conversation_id)
        return self.client.audio.get_conversation_audio(conversation_id)

    def external_ids(self, **query: Any) -> list[str]:
        uploaded, legacy = self.client.uploaded_conversations, self.client.conversations
        call: Any = uploaded.list_uploaded_conversations if self.is_uploaded else legacy.list_conversations
        field = "uploaded_conversations" if self.is_uploaded else "conversations"

        def page(**parameters: Any) -> Any:
            # the SDK's own pagination does not look into the SDK's own union of list answers
            return call(**parameters).actual_instance

        listed: Iterator[Any] = paginate(page, items_field=field, **query)
        return [item.external_conversation_id for item in listed]

    def _resource(self, answer: Any) -> Any:
        return answer.uploaded_conversation if self.is_uploaded else answer.conversation


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with running(list_lag_seconds=0) as simulator:
        yield simulator


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[CovalClient]:
    with CovalClient(
        simulator.api_key, base_url=simulator.base_url, strict_response_validation=True, retries=False
    ) as client:
        yield client


@pytest.fixture(params=[False, True], ids=["conversations", "uploaded"])
def surface(request: pytest.FixtureRequest, client: CovalClient) -> Surface:
    return Surface(client, request.param)


@pytest.fixture
def files() -> Iterator[Files]:
    with serving_files() as files:
        yield files


def test_the_two_call_flow(surface: Surface, files: Files) -> None:
    fields = {"external_conversation_id": "call-1", "metadata": {"campaign": "q4"}, "tags": ["vip"]}
    made = surface.submitted(transcript=TRANSCRIPT, occurred_at="2025-11-03T14:32:00Z", **fields)
    assert (made.status.value, made.has_audio) == ("PENDING", False)
    attached = surface.patch(made.conversation_id, audio_url=files.add("call.wav", wav(channels=2)))
    assert attached.has_audio
    read = surface.get(made.conversation_id)
    assert (read.conversation_id, read.has_audio, read.metadata, read.tags) == (
        made.conversation_id,
        True,
        {"campaign": "q4"},
        ["vip"],
    )
    assert (read.external_conversation_id, read.occurred_at) == ("call-1", made.occurred_at)
    assert read.progress.total_metrics == 5
    with pytest.raises(ApiException) as caught:
        surface.patch(made.conversation_id, audio_url=files.url + "/call.wav")
    message = f"Conversation '{made.conversation_id}' already has audio attached."
    message += " Overwriting audio is not supported."
    assert error_of(caught) == (409, "ALREADY_EXISTS", message)


@pytest.mark.parametrize(
    ("content", "content_type"), [(wav(subtype="ULAW"), "audio/wav"), (mp3(channels=2), "audio/mp3")]
)
def test_a_direct_upload(surface: Surface, content: bytes, content_type: str) -> None:
    request = sdk.CovalUploadedConversationsAPICreateAudioUploadRequest(content_type=content_type)
    upload = surface.client.audio.create_audio_upload(request)
    put = httpx.put(upload.upload_url, content=content, headers={"Content-Type": upload.content_type}, trust_env=False)
    assert put.status_code == 200
    made = surface.submitted(transcript=TRANSCRIPT, upload_id=upload.upload_id)
    audio = surface.audio(made.conversation_id)
    assert (made.has_audio, audio.conversation_id) == (True, made.conversation_id)
    assert httpx.get(audio.audio_url, trust_env=False).content == content


def test_an_upload_without_a_body_is_a_wav(client: CovalClient) -> None:
    upload = client.audio.create_audio_upload()
    assert (upload.content_type, upload.max_size_bytes) == ("audio/wav", 104_857_600)


def test_lists_pages_and_reads_strongly(surface: Surface) -> None:
    for number in range(3):
        surface.submitted(transcript=TRANSCRIPT, external_conversation_id=f"call-{number}")
    assert surface.external_ids(page_size=2, order_by="create_time") == ["call-0", "call-1", "call-2"]
    expression = 'external_conversation_id="call-1"'
    assert surface.external_ids(filter=expression, consistency="strong", page_size=2) == ["call-1"]
    with pytest.raises(ApiException) as caught:
        surface.external_ids(filter=expression, consistency="strong")
    assert error_of(caught) == (400, "INVALID_ARGUMENT", "Invalid consistency")


def test_a_filtered_simulation(surface: Surface) -> None:
    answer = surface.submit(transcript=TRANSCRIPT, metadata={"coval_simulation_id": "sim_7"})
    assert (answer.filtered, answer.reason, answer.simulation_id) == (True, "coval_simulation", "sim_7")


def test_a_delete(surface: Surface) -> None:
    made = surface.submitted(transcript=TRANSCRIPT)
    surface.delete(made.conversation_id)
    assert surface.get(made.conversation_id).status.value == "CANCELLED"
    with pytest.raises(ApiException) as caught:
        surface.get("gk3jK9mPq2xRt5vW8yZaBc")
    assert error_of(caught) == (404, "NOT_FOUND", "Conversation not found")


def test_errors_fit_the_models(surface: Surface) -> None:
    with pytest.raises(ApiException) as caught:
        surface.submit(external_conversation_id="only")
    assert error_of(caught) == (400, "INVALID_ARGUMENT", "Missing required input data")


def test_agents(client: CovalClient) -> None:
    fields = {"model_type": "MODEL_TYPE_VOICE", "phone_number": "+12345678901", "tags": ["voice"]}
    made = [
        client.agents.create_agent(
            sdk.CovalAgentsAPICreateAgentRequest.from_dict({**fields, "display_name": name})
        ).agent
        for name in ("Alpha", "Beta", "Gamma")
    ]
    assert client.agents.get_agent(made[0].id).agent == made[0]
    listed: Iterator[Any] = paginate(
        client.agents.list_agents,
        items_field="agents",
        page_size=2,
        order_by="display_name",
        tag_filters=["voice"],
    )
    assert list(listed) == made
    with pytest.raises(ApiException) as caught:
        client.agents.get_agent("gk3jK9mPq2xRt5vW8yZaBc")
    assert error_of(caught) == (404, "NOT_FOUND", "Agent not found")


def test_an_agent_for_a_conversation(surface: Surface) -> None:
    request = sdk.CovalAgentsAPICreateAgentRequest(display_name="Mail", model_type="MODEL_TYPE_EMAIL")
    agent = surface.client.agents.create_agent(request).agent
    made = surface.submitted(transcript=TRANSCRIPT, agent_id=agent.id)
    assert made.agent_id == agent.id


def test_a_wrong_key(simulator: RunningSimulator) -> None:
    with (
        CovalClient("wrong", base_url=simulator.base_url, retries=False) as client,
        pytest.raises(ApiException) as caught,
    ):
        client.conversations.list_conversations()
    assert error_of(caught) == (401, "UNAUTHENTICATED", "Invalid or missing API key")
