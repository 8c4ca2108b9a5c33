"""Field types of webhooks: what they take as what."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

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
        (fields.Json, [1], "[1]"),
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


@pytest.mark.parametrize("value", [None, "", "many", True, [], {}, "nan", 10**400, endless(), "\ud800", "-"])
@pytest.mark.parametrize("kind", [fields.Time, fields.Number])
def test_what_is_no_number_and_no_time_counts_as_absent(kind: Any, value: Any) -> None:
    assert TypeAdapter[Any](kind).validate_python(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "2026-10-02T14:31:07Z",
        "2026-10-02T16:31:07+02:00",
        "2026-10-02 14:31:07",
        "2026-10-02T14:31:07",
        "20261002T143107Z",
        "Fri, 02 Oct 2026 14:31:07 GMT",
        1790951467,
        1790951467.0,
        "1790951467",
        1790951467000,
        "1790951467000",
        1790951467000000,
        "1790951467000000000",
        ANSWERED,
    ],
)
def test_a_time_in_any_spelling(value: Any) -> None:
    assert TypeAdapter[Any](fields.Time).validate_python(value) == ANSWERED


@pytest.mark.parametrize("value", ["1970-01-01T00:00:00.001Z", "0001-01-01T00:00:00Z", 0, 7, "9999-12-31T00:00:00Z"])
def test_a_time_that_stands_for_none(value: Any) -> None:
    assert TypeAdapter[Any](fields.Time).validate_python(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("true", True), ("1", True), (0, False), ("False", False), (None, None), ("yes", None), ([], None)],
)
def test_a_flag(value: Any, expected: bool | None) -> None:
    assert TypeAdapter[Any](fields.Flag).validate_python(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [(None, ()), ("ab", ()), ({"a": 1}, ()), ([1, "x", None, 2], (1, 2)), ((3,), (3,))]
)
def test_of_a_list_what_can_be_read(value: Any, expected: tuple[int, ...]) -> None:
    assert TypeAdapter[Any](fields.Several[int]).validate_python(value) == expected


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
