"""The calls that all the samples of `events/` describe, and what Coval must have of each."""

import base64
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from local.stack.parameters import TRANSCRIPTS
from tests.end_to_end.call_player import (
    Audio,
    Call,
    Ended,
    Event,
    Heard,
    Object,
    Serves,
    SidecarEvents,
    Step,
    Until,
)
from tests.end_to_end.conftest import CREDENTIALS
from tests.end_to_end.platform_web_servers import Page

Speaker = Callable[[str, float, float], dict[str, Any]]
SUBMITTED, ATTACHED = "SUBMITTED", "ATTACHED"
AGENT_RIGHT = Audio(agent_channel=1)
OPUS = Audio(kind="ogg opus")
TWILIO_LOGIN = {
    "authorization": "Basic " + base64.b64encode(":".join(CREDENTIALS["api.twilio.com"].values()).encode()).decode()
}
ELEVENLABS_KEY = {"xi-api-key": CREDENTIALS["api.elevenlabs.io"]["value"]}
HELLO, MOVE, MONDAY = "Thanks for calling Acme.", "Hi, I want to move my appointment.", "Monday at nine?"
WITH_AUDIO = {"audio": Heard(6.0), "state": SUBMITTED, "recording": ATTACHED}
UNSAID = Ended(state="WAITING")
ANSWERED, RUNG = "2026-10-02T14:31:07.000Z", "2026-10-02T14:30:50.000Z"
TEXT, TEXT_AND_AUDIO, AUDIO = "transcript facts", "transcript facts recording", "facts recording"
UTTERANCES = "transcript facts utterances"


def by_upload(*submits: Any, **more: Any) -> Ended:
    return Ended(**{**WITH_AUDIO, "submits": submits, "by": ("upload",), **more})


def by_copy(*submits: Any, **more: Any) -> Ended:
    return Ended(**{**WITH_AUDIO, "submits": submits, "by": ("copy",), **more})


def submit(call_id: str, parts: str, occurred_at: str = ANSWERED, *words: Any, **metadata: Any) -> dict[str, Any]:
    """The body of a call that was completed."""
    known = {"call_status": "completed", **metadata, "coval_relay_parts": parts}
    body = {"external_conversation_id": call_id, "occurred_at": occurred_at, "metadata": known}
    return {**body, "transcript": list(words)} if words else body


def said(role: str, content: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "start_time": start, "end_time": end, **more}


def agent(content: str, start: float, end: float) -> dict[str, Any]:
    return said("assistant", content, start, end)


def caller(content: str, start: float, end: float) -> dict[str, Any]:
    return said("user", content, start, end)


def tool(id_: str, asked: float, answered: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """An agent who asks a tool without a word, and the tool's answer."""
    function = {"name": "find_slot", "arguments": '{"day":"mon"}'}
    call = {"id": id_, "type": "function", "function": function}
    return (
        {"role": "assistant", "content": None, "start_time": asked, "end_time": asked, "tool_calls": [call]},
        said("tool", '["09:00"]', answered, answered, tool_call_id=id_),
    )


def nothing(name: str, call_id: str, *steps: Step) -> Call:
    """What is no end of a call leaves nothing."""
    return Call(name=name, id=call_id, steps=steps, ended=Ended())


def transcript_ready(call_id: str, key: str, form: str) -> SidecarEvents:
    reference = {"uri": f"s3://acme-transcripts/{key}", "format": form}
    detail = {"schema_version": "1", "external_conversation_id": call_id, "reference": reference}
    return SidecarEvents({"source": "acme.calls", "detail-type": "Transcript Ready", "detail": detail})


def utterances(call_id: str, content: str, spoken_at: float, ended_at: float) -> SidecarEvents:
    spoken = {"id": "1", "role": "user", "content": content, "spoken_at": spoken_at, "ended_at": ended_at}
    detail = {"schema_version": "1", "external_conversation_id": call_id, "utterances": [spoken]}
    return SidecarEvents({"source": "acme.calls", "detail-type": "Transcript Utterances", "detail": detail})


# --- Amazon Connect

CONTACT = "3b1f0f5e-6d1c-4a57-9f0e-7c2f5b9b7a1"
LENS = "amazon_connect/contact_lens"


def analysis(last: str, content: str = LENS) -> Object:
    key = f"transcripts/Analysis/Voice/2026/10/02/{CONTACT}{last}_analysis_2026-10-02T14:31:07Z.json"
    return Object(key, content, TRANSCRIPTS)


QUEUE = "aaaaaaaa-1111-2222-3333-bbbbbbbbbbbb"
LENS_WORDS = (
    agent("Thanks for calling Acme, this is Ana.", 0.0, 2.41),
    caller(MOVE, 2.9, 6.02),
    caller("It is on Friday.", 6.1, 7.48),
    agent("Of course, when would suit you?", 7.3, 9.12),
)


def connect(last: str, parts: str, *words: Any) -> dict[str, Any]:
    facts = {
        "provider": "amazon_connect",
        "direction": "inbound",
        "queue": QUEUE,
        "initiation_method": "INBOUND",
    }
    return submit(f"{CONTACT}{last}", parts, ANSWERED, *words, **facts)


CONNECT = (
    Call(
        name="connect, transcript first",
        id=f"{CONTACT}0",
        steps=(
            Event("amazon_connect/connected_to_agent", unmatched=True),
            Event("amazon_connect/disconnected"),
            Event("amazon_connect/completed"),
            Object("amazon_connect/contact_lens_created", LENS, TRANSCRIPTS),
            Until(SUBMITTED),
            Object("amazon_connect/recording_created", AGENT_RIGHT),
        ),
        ended=by_copy(connect("0", TEXT, *LENS_WORDS)),
    ),
    Call(
        name="connect, recording first",
        id=f"{CONTACT}0",
        steps=(
            Object("amazon_connect/recording_created", AGENT_RIGHT),
            Until("NEW", "UPLOADED"),
            Event("amazon_connect/disconnected_renamed"),
            analysis("0"),
        ),
        ended=by_upload(connect("0", TEXT_AND_AUDIO, *LENS_WORDS)),
    ),
    Call(
        name="connect, analysis failed",
        id=f"{CONTACT}0",
        steps=(
            Event("amazon_connect/disconnected_pascal_case"),
            Event("amazon_connect/analysis_failed"),
            Object("amazon_connect/recording_created", AGENT_RIGHT),
        ),
        ended=by_upload(connect("0", AUDIO)),
    ),
    Call(
        name="connect, bot",
        id=f"{CONTACT}3",
        steps=(
            Event("amazon_connect/disconnected_bot"),
            analysis("3", "amazon_connect/contact_lens_bot"),
            Until(SUBMITTED),
            Object(f"recordings/ivr/2026/10/02/{CONTACT}3_20261002T14:30_UTC.wav", AGENT_RIGHT),
        ),
        ended=by_copy(
            submit(
                f"{CONTACT}3",
                TEXT,
                RUNG,
                agent("This call may be recorded.", 0.0, 1.9),
                agent("How can I help?", 2.1, 3.0),
                caller("I want to move my appointment.", 3.4, 5.6),
                caller("It is the one on Friday.", 5.9, 7.2),
                provider="amazon_connect",
                direction="inbound",
                initiation_method="INBOUND",
            )
        ),
    ),
    Call(
        name="connect, before transfer",
        id=f"{CONTACT}4",
        steps=(Event("amazon_connect/disconnected_before_transfer"), analysis("4")),
        ended=Ended(submits=(connect("4", TEXT, *LENS_WORDS),), state=SUBMITTED),
    ),
    Call(
        name="connect, after transfer",
        id=f"{CONTACT}5",
        steps=(Event("amazon_connect/disconnected_after_transfer"), analysis("5")),
        ended=Ended(
            submits=(
                submit(
                    f"{CONTACT}5",
                    TEXT,
                    "2026-10-02T14:33:20.000Z",
                    *LENS_WORDS,
                    provider="amazon_connect",
                    group_id=f"{CONTACT}4",
                    queue=QUEUE,
                    initiation_method="TRANSFER",
                    previous_contact_id=f"{CONTACT}4",
                ),
            ),
            state=SUBMITTED,
        ),
    ),
    Call(
        name="connect, hung up in the queue",
        id=f"{CONTACT}1",
        steps=(Event("amazon_connect/disconnected_in_queue"),),
        ended=UNSAID,
    ),
    Call(
        name="connect, never connected",
        id=f"{CONTACT}2",
        steps=(Event("amazon_connect/disconnected_never_connected"),),
        ended=UNSAID,
    ),
    nothing("connect, a supervisor listens", f"{CONTACT}6", Event("amazon_connect/disconnected_monitor")),
    nothing("connect, chat", f"{CONTACT}7", Event("amazon_connect/disconnected_chat")),
)

# --- Amazon Chime

CHIME_CALL = "089b1d79-d4ca-4f74-b36b-681f606937f6"
CHIME_BEGAN = "2026-10-02T14:31:07.120Z"
CHIME_FACTS = {
    "provider": "amazon_chime",
    "direction": "inbound",
    "voice_connector_id": "abcdef1ghij2klmno3pqr4",
}
CHIME = (
    Call(
        name="chime, the operator says where the transcript is",
        id=CHIME_CALL,
        steps=(
            Event("amazon_chime/started", unmatched=True),
            Event("amazon_chime/ended_caller"),
            Event("amazon_chime/ended_callee"),
            Event("amazon_chime/media_insights_stopped"),
            Event("amazon_chime/media_insights_recording_failed"),
            Object("transcripts/Analytics/acme-8842.json", "amazon_chime/transcribe_call_analytics", TRANSCRIPTS),
            transcript_ready(CHIME_CALL, "transcripts/Analytics/acme-8842.json", "transcribe_call_analytics"),
            Until(SUBMITTED),
            Object("amazon_chime/recording_created", AGENT_RIGHT),
        ),
        ended=by_copy(
            submit(
                CHIME_CALL,
                TEXT,
                CHIME_BEGAN,
                agent("Thanks for calling Acme, this is Ana.", 0.18, 2.41),
                caller(MOVE, 2.9, 6.02),
                agent("Of course, when would suit you?", 6.3, 8.1),
                **CHIME_FACTS,
            )
        ),
    ),
    Call(
        name="chime, pipeline failed",
        id=CHIME_CALL,
        steps=(
            Event("amazon_chime/ended_caller"),
            Event("amazon_chime/media_insights_failed"),
            Object("amazon_chime/recording_created", AGENT_RIGHT),
        ),
        ended=by_upload(submit(CHIME_CALL, AUDIO, CHIME_BEGAN, **CHIME_FACTS)),
    ),
    Call(
        name="chime, transcriber failed",
        id=CHIME_CALL,
        audio=OPUS,
        steps=(
            Object("amazon_chime/recording_created", replace(OPUS, agent_channel=1)),
            Until("NEW", "UPLOADED"),
            Event("amazon_chime/media_insights_transcriber_failed"),
            Event("amazon_chime/ended_callee"),
        ),
        ended=by_upload(submit(CHIME_CALL, AUDIO, CHIME_BEGAN, **CHIME_FACTS)),
    ),
)

# --- Twilio

CA, RE, GT = (f"{prefix}{31 * '0'}" for prefix in ("CA", "RE", "GT"))
ACCOUNT = "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001"
SENTENCES = f"https://intelligence.twilio.com/v2/Transcripts/{GT}5/Sentences?PageSize=1000"
SPOKEN = (
    Serves(SENTENCES, "twilio/sentences", Page(headers=TWILIO_LOGIN)),
    Serves(f"{SENTENCES}&Page=1&PageToken=PASGX2", "twilio/sentences_last_page", Page(headers=TWILIO_LOGIN)),
    Event("twilio/transcript_available"),
)


def twilio_audio(last: str) -> str:
    return f"{ACCOUNT}/Recordings/{RE}{last}.wav"


def twilio(parts: str, **facts: Any) -> dict[str, Any]:
    words = (agent(HELLO, 0.9, 2.9), caller(MOVE, 3.35, 6.47), agent(MONDAY, 7.4, 330.0))
    known = {"provider": "twilio", "direction": "inbound", "transcript_times_estimated": 1, **facts}
    return submit(f"{CA}2", parts, ANSWERED, *words, **known)


TWILIO = (
    Call(
        name="twilio, recording behind a login and a redirect",
        id=f"{CA}2",
        steps=(
            Event("twilio/call_in_progress"),
            Event("twilio/recording_in_progress"),
            Event("twilio/child_leg_completed"),
            Event("twilio/call_completed"),
            *SPOKEN,
            Until(SUBMITTED),
            Serves(
                twilio_audio("3"),
                page=Page(
                    status=HTTPStatus.FOUND,
                    location=f"https://media.twiliocdn.com/{RE}3",
                    headers=TWILIO_LOGIN,
                ),
            ),
            Serves(f"https://media.twiliocdn.com/{RE}3", AGENT_RIGHT, Page(times=1)),
            Event("twilio/recording_completed"),
        ),
        ended=by_copy(twilio(TEXT)),
        fetched={
            SENTENCES: (200,),
            twilio_audio("3"): (302,),
            f"https://media.twiliocdn.com/{RE}3": (200,),
        },
    ),
    Call(
        name="twilio, the longest of two recordings",
        id=f"{CA}2",
        audio=replace(AGENT_RIGHT, seconds=8.0),
        steps=(
            Event("twilio/call_completed_simulated"),
            *SPOKEN,
            Until(SUBMITTED),
            Serves(twilio_audio("4"), AGENT_RIGHT, Page(headers=TWILIO_LOGIN)),
            Serves(twilio_audio("3"), replace(AGENT_RIGHT, seconds=8.0), Page(headers=TWILIO_LOGIN)),
            Event("twilio/recording_completed_after_hold", follower="twilio/recording_completed"),
        ),
        ended=by_copy(twilio(TEXT, coval_simulation_id="simulation-1"), audio=Heard(8.0), superseded=1),
    ),
    Call(
        name="twilio, recording in the call's end",
        id=f"{CA}2",
        steps=(
            Serves(twilio_audio("3"), AGENT_RIGHT, Page(headers=TWILIO_LOGIN)),
            Event("twilio/call_completed_with_recording"),
            Until("WAITING", "UPLOADED"),
            *SPOKEN,
        ),
        ended=by_upload(twilio(TEXT_AND_AUDIO, direction="outbound")),
    ),
    Call(
        name="twilio, own bucket",
        id=f"{CA}2",
        steps=(
            Object("twilio/recording_created", AGENT_RIGHT),
            Event("twilio/recording_in_progress"),
            Event("twilio/event_stream_call_completed"),
            Until("WAITING", "UPLOADED"),
            *SPOKEN,
        ),
        ended=by_upload(twilio(TEXT_AND_AUDIO)),
    ),
    Call(
        name="twilio, link has expired",
        id=f"{CA}2",
        steps=(
            Event("twilio/call_completed"),
            *SPOKEN,
            Until(SUBMITTED),
            Serves(twilio_audio("3"), page=Page(status=HTTPStatus.FORBIDDEN)),
            Event("twilio/recording_completed"),
        ),
        ended=Ended(submits=(twilio(TEXT),), state=SUBMITTED, recording="REJECTED", reason="url_expired_or_refused"),
        fetched={twilio_audio("3"): (403,)},
    ),
    Call(
        name="twilio, not answered",
        id=f"{CA}2",
        steps=(Event("twilio/call_no_answer"),),
        ended=UNSAID,
    ),
    nothing("twilio, in progress", f"{CA}2", Event("twilio/call_in_progress"), Event("twilio/recording_absent")),
)

# --- Vapi

VAPI_CALL = "de28acb8-b62b-4e25-a64c-ced9dd181990"
VAPI_STEREO = f"https://storage.vapi.ai/{VAPI_CALL}-1790951797871-83a858ed-749f-4c78-beb1-7889b25743c4-stereo.wav"
VAPI_WORDS = (
    agent(HELLO, 0.9, 2.9),
    caller(MOVE, 3.35, 6.47),
    *tool("call_1", 7.0, 7.4),
    agent(MONDAY, 7.9, 9.2),
)
ASKED_WITH_WORDS = {
    **said("assistant", "One moment.", 7.0, 8.0),
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "find_slot", "arguments": '{"day": "mon"}'}}
    ],
}


def vapi(parts: str, *words: Any, **facts: Any) -> dict[str, Any]:
    known = {
        "provider": "vapi",
        "direction": "inbound",
        "end_reason": "customer-ended-call",
        "agent_name": "Acme front desk",
        "vapi_call_type": "inboundPhoneCall",
        **facts,
    }
    return submit(VAPI_CALL, parts, ANSWERED, *words, **{name: fact for name, fact in known.items() if fact})


VAPI = (
    Call(
        name="vapi, link that may be fetched once",
        id=VAPI_CALL,
        steps=(
            Serves(VAPI_STEREO, AGENT_RIGHT, Page(times=1)),
            Event("vapi/end_of_call_report"),
            Until(SUBMITTED, ATTACHED),
            Event("vapi/end_of_call_report"),
        ),
        ended=by_copy(vapi(TEXT, *VAPI_WORDS)),
        fetched={VAPI_STEREO: (200,)},
    ),
    Call(
        name="vapi, odd messages",
        id=VAPI_CALL,
        steps=(Serves(VAPI_STEREO, AGENT_RIGHT), Event("vapi/end_of_call_report_odd_messages")),
        ended=by_copy(
            vapi(
                TEXT,
                agent(HELLO, 2.9, 7.0),
                caller("Hi, I want", 2.0, 4.0),
                {**ASKED_WITH_WORDS, "start_time": 7.0, "end_time": 7.4},
                tool("call_1", 7.0, 7.4)[1],
                agent(MONDAY, 0.0, 2.0),
                transcript_times_estimated=3,
            )
        ),
    ),
    Call(
        name="vapi, old shape",
        id=VAPI_CALL,
        steps=(Serves(VAPI_STEREO, AGENT_RIGHT), Event("vapi/end_of_call_report_old_shape")),
        ended=by_copy(
            vapi(
                TEXT,
                agent(HELLO, 0.9, 3.35),
                caller(MOVE, 3.35, 7.9),
                agent(MONDAY, 7.9, 330.0),
                transcript_times_estimated=3,
                agent_name=None,
            )
        ),
    ),
    Call(
        name="vapi, own bucket",
        id=VAPI_CALL,
        steps=(
            Object("vapi/recording_created", AGENT_RIGHT),
            Until("NEW", "UPLOADED"),
            Event("vapi/end_of_call_report_own_bucket"),
        ),
        ended=by_upload(vapi(TEXT_AND_AUDIO, *VAPI_WORDS)),
    ),
    Call(
        name="vapi, squad whose clock begins anew",
        id=VAPI_CALL,
        steps=(Event("vapi/end_of_call_report_squad"),),
        ended=Ended(
            submits=(
                vapi(
                    TEXT,
                    agent("Front desk.", 1.5, 2.5),
                    caller("Billing, please.", 16.0, 17.0),
                    agent("Billing here.", 20.0, 21.0),
                    caller("Thanks.", 24.0, 25.0),
                    agent_name=None,
                    vapi_squad_id="5c0e0c0e-1111-4222-8333-444444444444",
                ),
            ),
            state=SUBMITTED,
        ),
    ),
    Call(
        name="vapi, not answered",
        id=VAPI_CALL,
        steps=(Event("vapi/end_of_call_report_no_answer"),),
        ended=UNSAID,
    ),
)

# --- Retell

RETELL_CALL = "call_5f0c1f8a2b3c4d5e6f708192a3b"
RETELL_STEREO = "https://dxc03zgurdly9.cloudfront.example/call_5f0c/recording_multichannel.wav"
RETELL_WORDS = (
    agent(HELLO, 0.9, 2.9),
    caller(MOVE, 3.35, 6.47),
    *tool("tc_1", 7.0, 7.4),
    agent(MONDAY, 7.9, 9.2),
)


def retell(call_id: str, *words: Any, **facts: Any) -> dict[str, Any]:
    known = {
        "provider": "retell",
        "direction": "inbound",
        "end_reason": "user_hangup",
        "agent_name": "Acme front desk",
        "agent_version": "7",
    }
    return submit(call_id, TEXT, ANSWERED, *words, **{**known, **facts})


RETELL = (
    Call(
        name="retell, audio comes with the analysis",
        id=RETELL_CALL,
        steps=(
            Event("retell/call_ended"),
            Until(SUBMITTED),
            Serves(RETELL_STEREO, AGENT_RIGHT),
            Event("retell/call_analyzed"),
        ),
        ended=by_copy(retell(RETELL_CALL, *RETELL_WORDS)),
    ),
    Call(
        name="retell, id of one's own",
        id="acme-8842",
        steps=(Serves(RETELL_STEREO, AGENT_RIGHT), Event("retell/call_analyzed_own_id")),
        ended=by_copy(retell("acme-8842", *RETELL_WORDS, coval_simulation_id="simulation-1")),
    ),
    Call(
        name="retell, scrubbed twin",
        id=RETELL_CALL,
        steps=(Serves(RETELL_STEREO, AGENT_RIGHT), Event("retell/call_analyzed_scrubbed")),
        ended=by_copy(retell(RETELL_CALL, *RETELL_WORDS)),
    ),
    Call(
        name="retell, web call with odd turns",
        id=RETELL_CALL,
        steps=(Event("retell/call_ended_web_odd_turns"),),
        ended=Ended(
            submits=(
                retell(
                    RETELL_CALL,
                    agent(HELLO, 0.0, 5.0),
                    caller("Hi, I want", 6.47, 330.0),
                    caller("Front desk here.", 5.0, 5.9),
                    direction="web",
                    transcript_times_estimated=2,
                ),
            ),
            state=SUBMITTED,
        ),
    ),
    Call(
        name="retell, keys and a text",
        id=RETELL_CALL,
        steps=(Event("retell/call_ended_keypad_and_sms"),),
        ended=Ended(
            submits=(
                retell(
                    RETELL_CALL,
                    agent(HELLO, 0.9, 2.9),
                    caller("[pressed 1]", 4.0, 4.0),
                    caller("[sent a text] My order is 77.", 5.0, 5.0),
                    agent(MONDAY, 7.9, 9.2),
                ),
            ),
            state=SUBMITTED,
        ),
    ),
    Call(
        name="retell, not answered",
        id="call_6a0c1f8a2b3c4d5e6f708192a3c",
        steps=(Event("retell/call_ended_no_answer"),),
        ended=UNSAID,
    ),
)

# --- ElevenLabs

ELEVENLABS_CALL = "conv_01k0example8842"
ELEVENLABS_AUDIO = f"https://api.elevenlabs.io/v1/convai/conversations/{ELEVENLABS_CALL}/audio"


def elevenlabs(*words: Any, **facts: Any) -> dict[str, Any]:
    known = {
        "provider": "elevenlabs",
        "end_reason": "client disconnected",
        "agent_name": "Acme front desk",
    }
    return submit(ELEVENLABS_CALL, TEXT, ANSWERED, *words, **{**known, **facts})


ELEVENLABS = (
    Call(
        name="elevenlabs, audio by the API",
        id=ELEVENLABS_CALL,
        audio=Audio(kind="mp3, 44 kHz", channels=1),
        steps=(
            Serves(ELEVENLABS_AUDIO, Audio(kind="mp3, 44 kHz", channels=1), Page(headers=ELEVENLABS_KEY)),
            Event("elevenlabs/post_call_transcription"),
        ),
        ended=by_copy(
            elevenlabs(
                agent(HELLO, 0.0, 3.0),
                caller(MOVE, 3.0, 7.0),
                *tool("rq_1", 7.0, 7.0),
                agent(MONDAY, 8.0, 330.0),
                direction="inbound",
                transcript_times_estimated=3,
            ),
            audio=Heard(6.0, ("both",)),
        ),
        fetched={ELEVENLABS_AUDIO: (200,)},
    ),
    Call(
        name="elevenlabs, odd turns",
        id=ELEVENLABS_CALL,
        steps=(Event("elevenlabs/post_call_transcription_odd_turns"),),
        ended=Ended(
            submits=(
                elevenlabs(
                    agent(HELLO, 0.0, 7.0),
                    {**ASKED_WITH_WORDS, "tool_calls": tool("rq_1", 7.0, 8.0)[0]["tool_calls"]},
                    said("tool", '{"slots": ["09:00"]}', 8.0, 8.0, tool_call_id="rq_1"),
                    transcript_times_estimated=2,
                ),
            ),
            state=SUBMITTED,
        ),
    ),
    Call(
        name="elevenlabs, failed",
        id=ELEVENLABS_CALL,
        steps=(Event("elevenlabs/post_call_transcription_failed"),),
        ended=UNSAID,
    ),
    Call(
        name="elevenlabs, not begun",
        id="conv_01k0example8843",
        steps=(Event("elevenlabs/call_initiation_failure"),),
        ended=UNSAID,
    ),
    Call(
        name="elevenlabs, voicemail",
        id=ELEVENLABS_CALL,
        steps=(Event("elevenlabs/post_call_transcription_voicemail"),),
        ended=Ended(
            submits=(
                elevenlabs(
                    agent(HELLO, 0.0, 3.0),
                    caller("Leave a message after the tone.", 3.0, 330.0),
                    direction="inbound",
                    call_status="voicemail",
                    end_reason="voicemail_detection tool was called.",
                    transcript_times_estimated=2,
                ),
            ),
            state=SUBMITTED,
        ),
    ),
    nothing("elevenlabs, audio", ELEVENLABS_CALL, Event("elevenlabs/post_call_audio")),
    nothing("elevenlabs, in writing", ELEVENLABS_CALL, Event("elevenlabs/post_call_transcription_text_only")),
)

# --- LiveKit

ROOM_ID = "RM_8hV2kQnWbTzA"
LIVEKIT = (
    Call(
        name="livekit, room that names the call",
        id="acme-8842",
        audio=OPUS,
        steps=(
            Object("livekit/recording_created", OPUS),
            Object("recordings/EG_3gQwXy7ZtKfP.json", "livekit/manifest"),
            Event("livekit/egress_ended"),
            Event("livekit/room_finished"),
        ),
        ended=by_upload(
            submit(
                "acme-8842",
                AUDIO,
                "2026-10-02T14:30:50.120Z",
                provider="livekit",
                coval_simulation_id="simulation-1",
            )
        ),
    ),
    Call(
        name="livekit, room without metadata",
        id=ROOM_ID,
        audio=OPUS,
        steps=(
            Event("livekit/room_finished_without_metadata"),
            Object("livekit/recording_created", OPUS),
            Event("livekit/egress_ended_path_style"),
        ),
        ended=by_upload(submit(ROOM_ID, AUDIO, RUNG, provider="livekit")),
    ),
    Call(
        name="livekit, session report",
        id=ROOM_ID,
        audio=OPUS,
        steps=(
            Event("livekit/session_report"),
            Until(SUBMITTED),
            Object("livekit/recording_created", OPUS),
            Event("livekit/egress_ended_limit_reached"),
        ),
        ended=by_copy(
            submit(
                ROOM_ID,
                TEXT,
                "2026-10-02T14:31:07.450Z",
                agent(HELLO, 0.45, 2.45),
                caller(MOVE, 2.9, 6.02),
                *tool("call_1", 6.55, 6.95),
                agent(MONDAY, 8.0, 331.45),
                provider="livekit",
                transcript_times_estimated=1,
            )
        ),
    ),
    Call(
        name="livekit, storage elsewhere",
        id="acme-8842",
        audio=replace(OPUS, kind="m4a aac"),
        steps=(
            Event("livekit/session_report_odd_items"),
            Until(SUBMITTED),
            Serves(
                "https://storage.acme.example/recordings/call-_%2B15550100002_Xk2pQ9-2026-10-02T143107.ogg",
                replace(OPUS, kind="m4a aac"),
            ),
            Event("livekit/egress_ended_other_storage"),
        ),
        ended=by_copy(
            submit(
                "acme-8842",
                TEXT,
                "2026-10-02T14:31:10.000Z",
                agent(f"{HELLO} [image_content]", 1.0, 328.9),
                provider="livekit",
                transcript_times_estimated=1,
            )
        ),
    ),
    nothing(
        "livekit, no recording of the call",
        ROOM_ID,
        Event("livekit/egress_ended_failed"),
        Event("livekit/egress_ended_aborted"),
        Event("livekit/egress_ended_track"),
        Event("livekit/egress_ended_participant"),
    ),
)

# --- Genesys Cloud

GENESYS_CALL = "97b9dcb3-c182-4d1f-8123-76a4b5cf1f5"
GENESYS_FOLDER = (
    "recordings/0f1e2d3c-0000-4000-8000-000000000001/year=2026/month=10/day=02/hour=14/"
    f"conversation_id={GENESYS_CALL}a/c0ffee00-0001-4000-8000-00000000000"
)

GENESYS_FACTS = {
    "provider": "genesys",
    "direction": "inbound",
    "end_reason": "CLIENT",
    "division_id": "22222222-2222-4333-8444-555555555555",
}


def exported(last: str, metadata: str, audio: Audio) -> tuple[Step, ...]:
    return (
        Object(f"{GENESYS_FOLDER}{last}_metadata.json", f"genesys/{metadata}"),
        Object(f"{GENESYS_FOLDER}{last}.wav", audio),
    )


GENESYS = (
    Call(
        name="genesys, utterances, then several recordings",
        id=f"{GENESYS_CALL}a",
        audio=replace(AGENT_RIGHT, seconds=7.0),
        steps=(
            Event("genesys/transcription_not_final"),
            Event("genesys/transcription_both_sides"),
            Event("genesys/transcription"),
            Event("genesys/transcription_session_ended"),
            Event("genesys/customer_end"),
            Until(SUBMITTED),
            *exported("4", "recording_metadata_chat", replace(AGENT_RIGHT, seconds=10.0)),
            *exported("3", "recording_metadata_screen", replace(AGENT_RIGHT, seconds=9.0)),
            *exported("2", "recording_metadata_station", replace(AGENT_RIGHT, seconds=8.0)),
            Object("genesys/recording_metadata_created", "genesys/recording_metadata"),
            Object("genesys/recording_created", replace(AGENT_RIGHT, seconds=7.0)),
        ),
        ended=by_copy(
            submit(
                f"{GENESYS_CALL}a",
                UTTERANCES,
                ANSWERED,
                caller(MOVE, 2.9, 6.02),
                agent("of course when would suit you", 6.3, 8.1),
                caller("On Monday.", 8.4, 9.1),
                **GENESYS_FACTS,
            ),
            audio=Heard(7.0),
            superseded=1,
        ),
    ),
    Call(
        name="genesys, without duration",
        id=f"{GENESYS_CALL}c",
        steps=(
            utterances(f"{GENESYS_CALL}c", MOVE, 1_790_951_799.0, 1_790_951_800.0),
            Event("genesys/customer_end_without_duration"),
        ),
        ended=Ended(
            submits=(
                submit(
                    f"{GENESYS_CALL}c",
                    UTTERANCES,
                    "2026-10-02T14:36:37.000Z",
                    caller(MOVE, 2.0, 3.0),
                    **GENESYS_FACTS,
                ),
            ),
            state=SUBMITTED,
        ),
    ),
    nothing("genesys, chat", f"{GENESYS_CALL}b", Event("genesys/customer_end_chat")),
)

# --- Daily

MEETING = "6f0d1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"
DAILY = (
    Call(
        name="daily, meeting and its recording",
        id=MEETING,
        audio=Audio(kind="mp4 aac", channels=1),
        steps=(
            Object("daily/recording_created", Audio(kind="mp4 aac", channels=1)),
            Event("daily/recording_ready"),
            Event("daily/meeting_ended"),
        ),
        ended=by_upload(
            submit(
                MEETING,
                AUDIO,
                RUNG,
                provider="daily",
                daily_meeting_id=MEETING,
            ),
            audio=Heard(6.0, ("both",)),
        ),
    ),
    nothing(
        "daily, raw tracks",
        MEETING,
        Event("daily/recording_ready_raw_tracks"),
        Object("recordings/acme/support-room-8842/1790951467123-3f9b0d52-cam-audio-1790951467456.webm", OPUS),
    ),
)

# --- Telnyx

SESSION = "99706bb8-85ae-11ec-885c-02420a0d7e70"
TELNYX_AUDIO = (
    "https://s3.amazonaws.com/acme-recordings/047e057e-cb46-4b11-bb31-37987e753ed7/2026-10-02/"
    "9977677e-85ae-11ec-826d-02420a0d7e70-1790951797.wav?X-Amz-Expires=600"
)


def telnyx(**facts: Any) -> dict[str, Any]:
    known = {
        "provider": "telnyx",
        "direction": "inbound",
        "end_reason": "normal_clearing",
        "hangup_source": "caller",
    }
    return submit(SESSION, AUDIO, "2026-10-02T14:30:50.120Z", **{**known, **facts})


TELNYX = (
    Call(
        name="telnyx, link of ten minutes",
        id=SESSION,
        steps=(
            Event("telnyx/call_hangup_other_leg"),
            Until("WAITING"),
            Event("telnyx/call_hangup"),
            Event("telnyx/call_conversation_ended"),
            Serves(TELNYX_AUDIO, AGENT_RIGHT, Page(times=1)),
            Event("telnyx/call_recording_saved"),
        ),
        ended=by_upload(telnyx(coval_simulation_id="simulation-1")),
        fetched={TELNYX_AUDIO: (200,)},
    ),
    Call(
        name="telnyx, own bucket",
        id=SESSION,
        steps=(
            Object("telnyx/recording_created", AGENT_RIGHT),
            Event("telnyx/call_recording_transcription_saved"),
            Event("telnyx/call_hangup"),
        ),
        ended=by_upload(telnyx()),
    ),
    Call(name="telnyx, not answered", id=SESSION, steps=(Event("telnyx/call_hangup_no_answer"),), ended=UNSAID),
    nothing("telnyx, transcription", SESSION, Event("telnyx/call_recording_transcription_saved")),
)

# --- a relay of one's own

WORDS = [agent(HELLO, 0.9, 2.9), caller(MOVE, 3.35, 6.47)]


def custom(call_id: str, parts: str, *words: Any, **facts: Any) -> dict[str, Any]:
    return submit(call_id, parts, ANSWERED, *words, provider="custom", direction="inbound", **facts)


CANONICAL = (
    Call(
        name="canonical, inline",
        id="acme-8842",
        steps=(
            Object("s3_object_created", Audio()),
            Event("recording_ready"),
            Until("NEW", "UPLOADED"),
            Event("call_ended_inline"),
        ),
        ended=by_upload(
            {
                **custom(
                    "acme-8842",
                    TEXT_AND_AUDIO,
                    *WORDS,
                    *tool("call_1", 7.0, 7.4),
                    agent("Monday at nine is free.", 8.1, 10.2),
                    end_reason="customer-ended-call",
                    campaign="autumn",
                    disconnect_side="customer",
                ),
                "tags": ["appointments"],
            }
        ),
    ),
    Call(
        name="canonical, reference",
        id="acme-8843",
        steps=(Object("transcripts/acme-8843.json", WORDS, TRANSCRIPTS), Event("call_ended_reference")),
        ended=Ended(submits=(custom("acme-8843", TEXT, *WORDS),), state=SUBMITTED),
    ),
    Call(
        name="canonical, pending",
        id="acme-8844",
        steps=(Event("call_ended_pending"), Object("transcripts/acme-8844.json", WORDS, TRANSCRIPTS)),
        ended=Ended(submits=(custom("acme-8844", TEXT, *WORDS),), state=SUBMITTED),
    ),
    Call(
        name="canonical, without transcript",
        id="acme-8845",
        steps=(Event("call_ended_without_transcript"), Object("recordings/acme-8845.wav", Audio())),
        ended=by_upload(custom("acme-8845", AUDIO)),
    ),
    Call(
        name="canonical, not answered",
        id="acme-8846",
        steps=(Event("call_ended_not_answered"),),
        ended=UNSAID,
    ),
    Call(
        name="canonical, odd key without a call's end",
        id="room +1 5%é",
        steps=(Object("s3_object_created_plus_sign", Audio()),),
        ended=by_upload(
            {
                "external_conversation_id": "room +1 5%é",
                "metadata": {"coval_relay_parts": "recording"},
            }
        ),
    ),
)

CALLS = (
    *(
        *CONNECT,
        *CHIME,
        *TWILIO,
        *VAPI,
        *RETELL,
        *ELEVENLABS,
        *LIVEKIT,
        *GENESYS,
        *DAILY,
        *TELNYX,
        *CANONICAL,
    ),
)
