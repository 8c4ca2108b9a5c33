"""Field types of webhooks: what they take as what."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from coval_relay.platforms.shared import fields

ANSWERED = datetime(2026, 10, 2, 14, 31, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (fields.Text, "", None),
        (fields.Text, 7, "7"),
        (fields.Text, True, None),
        (fields.Text, ["x"], None),
        (fields.Text, "x" * 1001, "x" * 1000),
        (fields.Url, "x" * 4097, None),
        (fields.Json, {"day": "mön"}, '{"day": "mön"}'),
        (fields.Json, "as it is", "as it is"),
        (fields.Number, "330", 330.0),
        (fields.Number, "", None),
        (fields.EpochSeconds, "1790951467", ANSWERED),
        (fields.EpochMilliseconds, 1790951467000, ANSWERED),
        (fields.EpochNanoseconds, "1790951467000000000", ANSWERED),
        (fields.EpochSeconds, "0", None),
        (fields.Rfc2822, "Fri, 02 Oct 2026 14:31:07 +0000", ANSWERED),
        (fields.Rfc2822, "Fri, 02 Oct 2026 16:31:07 +0200", ANSWERED),
        (fields.Rfc2822, "Fri, 02 Oct 2026 14:31:07 -0000", ANSWERED),
        (fields.Rfc2822, "", None),
    ],
)
def test_what_is_taken(kind: Any, value: object, expected: object) -> None:
    assert TypeAdapter[Any](kind).validate_python(value) == expected


def endless() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    ("kind", "value", "rule"),
    [
        (fields.Number, "many", "must be a number"),
        (fields.Number, True, "must be a number"),
        (fields.Number, [], "must be a number"),
        (fields.Number, "nan", "must be a number"),
        (fields.Number, 10**400, "must be a number"),
        (fields.EpochSeconds, 1790951467000, "must be within the years 1 to 9999"),
        (fields.Rfc2822, "2026-10-02T14:31:07Z", "must be an RFC 2822 date"),
        (fields.Rfc2822, "Fri, 31 Dec 9999 23:59:59 -1400", "must be an RFC 2822 date"),
        (fields.Json, endless(), "is nested too deeply"),
    ],
)
def test_what_is_rejected(kind: Any, value: object, rule: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter[Any](kind).validate_python(value)
    assert caught.value.errors()[0]["msg"] == f"Value error, {rule}"


@pytest.mark.parametrize(
    ("moment", "seconds", "expected"),
    [
        (ANSWERED, -17, datetime(2026, 10, 2, 14, 30, 50, tzinfo=UTC)),
        (ANSWERED, 1e15, None),
        (ANSWERED, None, None),
        (None, 1, None),
    ],
)
def test_later(moment: datetime | None, seconds: float | None, expected: datetime | None) -> None:
    assert fields.later(moment, seconds) == expected


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://acme-recordings/a/b.wav", ("acme-recordings", "a/b.wav")),
        ("https://acme.recordings.s3.us-east-1.amazonaws.com/a%20b.wav", ("acme.recordings", "a b.wav")),
        (
            "https://s3.amazonaws.com/acme-recordings/a+b.wav?X-Amz-Expires=600",
            ("acme-recordings", "a+b.wav"),
        ),
        ("https://s3.amazonaws.com/acme-recordings", None),
        ("https://storage.acme.example/a.wav", None),
        ("s3://acme-recordings", None),
        (None, None),
    ],
)
def test_places_in_s3(url: str | None, place: tuple[str, str] | None) -> None:
    assert fields.s3_place(url) == place
