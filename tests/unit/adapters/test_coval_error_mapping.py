"""What Coval's errors and the transport's failures mean, case by case."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from coval_relay.adapters.coval.error_mapping import (
    Failure,
    RequestKind,
    Response,
    error_of,
    failed,
    retry_after,
    unreadable,
)
from coval_relay.domain.errors import (
    AudioFetchError,
    PermanentError,
    RelayError,
    RetryableError,
    UnknownOutcomeError,
)

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
AUDIO_TOO_SHORT = "Audio too short: 3.0 seconds. Minimum duration is 5 seconds."


def answer(status: int, body: Any = None, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def envelope(code: Any, message: Any, *fields: str) -> dict[str, Any]:
    details = [{"field": field, "description": "private"} for field in fields]
    return {"error": {"code": code, "message": message, "details": details}}


@pytest.mark.parametrize(
    ("given", "effect", "read"),
    [
        (answer(401), RetryableError("unauthenticated"), RetryableError("unauthenticated")),
        (answer(403), RetryableError("permission_denied"), RetryableError("permission_denied")),
        (answer(429), RetryableError("rate_limited"), RetryableError("rate_limited")),
        (
            answer(429, retry_after="7"),
            RetryableError("rate_limited", 7.0),
            RetryableError("rate_limited", 7.0),
        ),
        (answer(408), UnknownOutcomeError("unavailable"), RetryableError("unavailable")),
        (answer(500), UnknownOutcomeError("unavailable"), RetryableError("unavailable")),
        (
            answer(503, retry_after="3"),
            UnknownOutcomeError("unavailable"),
            RetryableError("unavailable", 3.0),
        ),
        (answer(100), UnknownOutcomeError("unavailable"), RetryableError("unavailable")),
    ],
)
def test_what_may_pass_by_itself(given: Response, effect: RelayError, read: RelayError) -> None:
    assert [error_of(kind, given, NOW) for kind in (RequestKind.EFFECT, RequestKind.READ, RequestKind.HARMLESS)] == [
        effect,
        read,
        read,
    ]


@pytest.mark.parametrize("kind", list(RequestKind))
@pytest.mark.parametrize(
    ("given", "error"),
    [
        (
            answer(400, envelope("INVALID_ARGUMENT", AUDIO_TOO_SHORT, "audio_url")),
            PermanentError("INVALID_ARGUMENT", AUDIO_TOO_SHORT, "audio_url", 400),
        ),
        (
            answer(404, envelope("NOT_FOUND", "Upload not found: upl_1", "", "upload_id", "other")),
            PermanentError("NOT_FOUND", "Upload not found: upl_1", "upload_id", 404),
        ),
        (
            answer(409, envelope("ALREADY_EXISTS", "Conversation 'c' already has audio attached.", "audio")),
            PermanentError("ALREADY_EXISTS", "Conversation 'c' already has audio attached.", "audio", 409),
        ),
        (
            answer(413, envelope("PAYLOAD_TOO_LARGE", "Request payload exceeds maximum size limit", "metadata")),
            PermanentError("PAYLOAD_TOO_LARGE", "Request payload exceeds maximum size limit", "metadata", 413),
        ),
        (
            answer(422, {"error": {"code": "OTHER", "message": "m", "details": None, "x": 1}}),
            PermanentError("OTHER", "m", None, 422),
        ),
        (
            answer(400, envelope("not a code", None)),
            PermanentError("http_400", "Coval answered with status 400.", None, 400),
        ),
        (
            answer(400, envelope("C", "Cannot read 'https://b.s3/k.wav?X-Amz-Signature=1' or s3://b/k, sorry")),
            PermanentError("C", "Cannot read '[URL]' or [URL] sorry", None, 400),
        ),
        (answer(400, envelope("C", "x" * 600, "f" * 200)), PermanentError("C", "x" * 500, "f" * 100, 400)),
        (
            answer(400, envelope("INVALID_ARGUMENT", "Audio URL not found (404)")),
            AudioFetchError("Audio URL not found (404)"),
        ),
        (
            answer(
                400, envelope("INVALID_ARGUMENT", "Failed to retrieve audio from URL: timed out at https://b/k?s=1")
            ),
            AudioFetchError("Failed to retrieve audio from URL: timed out at [URL]"),
        ),
        (
            answer(400, envelope("INVALID_ARGUMENT", "Metrics agent_id", "metrics_note")),
            PermanentError("INVALID_ARGUMENT", "Metrics agent_id", "metrics_note", 400),
        ),
    ],
)
def test_what_is_rejected(kind: RequestKind, given: Response, error: RelayError) -> None:
    assert error_of(kind, given, NOW) == error


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (answer(404, envelope("NOT_FOUND", "Agent not found: a1")), "agent_unknown"),
        (answer(400, envelope("INVALID_ARGUMENT", "m", "audio_url", "agent_id")), "agent_unknown"),
        (answer(400, envelope("INVALID_ARGUMENT", "m", "metrics[2].id")), "metrics_unknown"),
        (answer(422, envelope("INVALID_ARGUMENT", "m", "metric_ids")), "metrics_unknown"),
        (answer(400, envelope("INVALID_ARGUMENT", "Unknown metric: abc")), "metrics_unknown"),
        (answer(400, envelope("INVALID_ARGUMENT", "metric_ids are not unique")), "metrics_unknown"),
        (answer(400, envelope("INVALID_ARGUMENT", "Malformed agent_id")), "agent_unknown"),
    ],
)
def test_what_the_operator_has_configured_ends_no_call(given: Response, code: str) -> None:
    """Only where it goes along with a call: to ask for an agent that is not there is a question."""
    assert error_of(RequestKind.EFFECT, given, NOW) == RetryableError(code)
    assert isinstance(error_of(RequestKind.READ, given, NOW), PermanentError)


NOT_FOUND = envelope("NOT_FOUND", "Not found")


@pytest.mark.parametrize("kind", list(RequestKind))
@pytest.mark.parametrize(
    ("given", "code"),
    [
        (answer(308, b""), "no_such_path"),
        (answer(302, NOT_FOUND), "no_such_path"),
        (answer(400, {"message": "Bad Request"}), "no_such_path"),
        (answer(400, {"error": "plain words"}), "no_such_path"),
        (answer(400, []), "no_such_path"),
        (answer(400, envelope("", "Unknown metric: abc")), "no_such_path"),
        (answer(404, NOT_FOUND), "no_such_path"),
        (answer(404, {"message": "Agent not found: a1"}), "no_such_path"),
        (answer(405, b"<html>"), "no_such_path"),
        (answer(405, NOT_FOUND), "no_such_path"),
        (answer(407, b"<html>"), "no_such_path"),
        (answer(409, b"<html>"), "no_such_path"),
        (answer(410, b"<html>"), "no_such_path"),
        (answer(410, NOT_FOUND), "no_such_path"),
        (answer(413, {"message": "Request Entity Too Large"}), "no_such_path"),
        (answer(422, b"<html>"), "no_such_path"),
        (answer(402, b"<html>"), "quota_exceeded"),
        (answer(402, envelope("PAYMENT_REQUIRED", "m")), "quota_exceeded"),
        (answer(400, envelope("QUOTA_EXCEEDED", "m")), "quota_exceeded"),
        (answer(403, envelope("QUOTA_EXCEEDED", "m")), "quota_exceeded"),
        (answer(429, envelope("QUOTA_EXCEEDED", "m")), "quota_exceeded"),
        (answer(400, envelope("FAILED_PRECONDITION", "m")), "precondition_failed"),
        (answer(412, envelope("OTHER", "m")), "precondition_failed"),
        (answer(412, b"<html>"), "precondition_failed"),
        (answer(451, envelope("OTHER", "m")), "precondition_failed"),
    ],
)
def test_what_says_nothing_of_the_call_is_the_operators(kind: RequestKind, given: Response, code: str) -> None:
    assert error_of(kind, given, NOW) == RetryableError(code)


def test_what_a_path_names_may_be_gone() -> None:
    assert error_of(RequestKind.EFFECT, answer(404, NOT_FOUND), NOW, of_one=True) == PermanentError(
        "NOT_FOUND", "Not found", None, 404
    )
    for given in (answer(404, {"message": "Not Found"}), answer(410, NOT_FOUND)):
        assert error_of(RequestKind.EFFECT, given, NOW, of_one=True) == RetryableError("no_such_path")


@pytest.mark.parametrize(
    ("failure", "effect", "read"),
    [
        (Failure.NOT_SENT, RetryableError("unreachable"), RetryableError("unreachable")),
        (Failure.TIMEOUT, UnknownOutcomeError("timeout"), RetryableError("timeout")),
        (Failure.BROKEN, UnknownOutcomeError("broken_connection"), RetryableError("broken_connection")),
    ],
)
def test_failures_without_an_answer(failure: Failure, effect: RelayError, read: RelayError) -> None:
    assert [failed(kind, failure) for kind in (RequestKind.EFFECT, RequestKind.READ, RequestKind.HARMLESS)] == [
        effect,
        read,
        read,
    ]


def test_an_unreadable_success_is_unknown_where_it_had_an_effect() -> None:
    assert [unreadable(kind) for kind in (RequestKind.EFFECT, RequestKind.READ, RequestKind.HARMLESS)] == [
        UnknownOutcomeError("unreadable_answer"),
        RetryableError("unreadable_answer"),
        RetryableError("unreadable_answer"),
    ]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("999999999", 3_600.0),
        ("9" * 400, None),
        ("-1", None),
        ("1.5", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90.0),
        ("Sat, 21 Nov 2026 12:01:30 -0000", 90.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2099 11:00:00 GMT", 3_600.0),
        ("Sat, 99 Nov 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_no_retry_after() -> None:
    assert retry_after({}, NOW) is None
