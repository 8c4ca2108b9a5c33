"""The pages that the code writes: up to date, and the codes in them are those of the code, both ways."""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import coval_relay
from coval_relay.domain.faults import AWS_SERVICES, WAIT_REASONS, Fault, fault_of, waiting_event
from coval_relay.domain.log_events import LogEvent
from scripts import write_docs

PACKAGE = Path(coval_relay.__file__).parent
RAISED = {"RetryableError", "NotReadyError", "PermanentError", "UnknownOutcomeError", "Waits", "_unclear"}
"""What makes something wait, with its code first; `_unclear` has it second."""
SAID_BY_NAME = {"BUSY", "AUDIO_FETCH_FAILED"}
"""Constants of codes that no error carries."""
HANDED_ON = {
    ("adapters/aws/claim_checks.py", "_code(error)"),
    ("adapters/aws/secrets.py", "self._failed[0]"),
    ("adapters/coval/error_mapping.py", "code"),
    ("adapters/coval/error_mapping.py", "failure.value"),
    ("adapters/coval/error_mapping.py", "configured"),
    ("adapters/coval/error_mapping.py", "code or RATE_LIMITED"),
    ("adapters/coval/error_mapping.py", "code or PERMISSION_DENIED"),
    ("adapters/web/transcript_urls.py", "error.code"),
    ("entrypoints/consumer.py", "error.code"),
    ("entrypoints/consumer.py", "outcome.code"),
    ("services/submission.py", "error.code"),
}
"""Codes that are made elsewhere, where this test sees them, or that are the call's own."""
FINAL = {"transcript_too_long", "document_too_large", "waited_too_long"}
"""What ends: a call's text, whose reason is kept on the item, and what was pending for 12 days beyond its time."""
AWS_CODE = re.compile(r"(KMS\.|AWS\.)?[A-Z]\w+(\.\w+)?")


def test_pages_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert write_docs.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_what_is_stale_is_named_and_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("old")
    monkeypatch.setattr(write_docs, "PROJECT", tmp_path)
    monkeypatch.setattr(write_docs, "pages", lambda: {page: "new"})
    assert (write_docs.main(["--check"]), page.read_text()) == (1, "old")
    assert (write_docs.main([]), page.read_text()) == (0, "new")
    assert write_docs.main(["--check"]) == 0
    assert capsys.readouterr().out.splitlines() == ["page.md: is not up to date", "page.md: written"]


def test_every_code_that_makes_something_wait_is_in_the_table() -> None:
    known = {code for reason in WAIT_REASONS for code in reason.codes}
    assert {code for code in raised() if code not in known} == FINAL


def test_every_code_of_the_table_is_raised_or_is_one_of_aws_s_own() -> None:
    listed = [code for reason in WAIT_REASONS for code in reason.codes]
    assert len(listed) == len(set(listed))
    assert [code for code in listed if code not in raised() and not AWS_CODE.fullmatch(code)] == []


def test_codes_of_aws_are_looked_up_after_their_service() -> None:
    assert {fault_of(f"{service}_AccessDenied") for service in AWS_SERVICES} == {Fault.OPERATOR}
    assert {fault_of(f"{service}_ThrottlingException") for service in AWS_SERVICES} == {Fault.NOBODY}
    assert fault_of("elsewhere_AccessDenied") is Fault.NOBODY
    assert waiting_event("secretsmanager_ResourceNotFoundException") is LogEvent.OPERATOR_NEEDED
    assert waiting_event("rate_limited") is LogEvent.MESSAGE_WAITING


def test_every_reason_says_what_it_means_and_what_to_do() -> None:
    for reason in WAIT_REASONS:
        assert re.fullmatch(r"[^|]+\.", reason.meaning), reason
        assert re.fullmatch(r"[^|]+\.", reason.mend), reason
        assert reason.mend.startswith("Nothing") == (reason.fault is Fault.NOBODY), reason


# --- the codes in the source


@cache
def raised() -> frozenset[str]:
    """Without the service's name before them, where they come from AWS."""
    return frozenset({code for path in sorted(PACKAGE.rglob("*.py")) for code in codes_of(path)})


def codes_of(path: Path) -> Iterator[str]:
    place = str(path.relative_to(PACKAGE))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func).split(".")[-1]) in RAISED:
            if any(keyword.arg == "status" for keyword in node.keywords):
                continue
            yield from code_in(place, node.args[1 if name == "_unclear" else 0])
        elif isinstance(node, ast.Name) and node.id in SAID_BY_NAME and isinstance(node.ctx, ast.Load):
            yield str(resolved(place, node.id))
    if place == "adapters/coval/error_mapping.py":
        yield from constants(place)


def code_in(place: str, node: ast.expr) -> Iterator[str]:
    text = ast.unparse(node)
    if (place, text) in HANDED_ON:
        return
    match node:
        case ast.Constant(value=str() as code):
            yield re.sub(f"^({'|'.join(AWS_SERVICES)})_(?=unreachable$)", "", code)
        case ast.Name() | ast.Attribute():
            yield str(resolved(place, text))
        case ast.IfExp():
            yield from code_in(place, node.body)
            yield from code_in(place, node.orelse)
        case ast.JoinedStr():
            assert text[2:].startswith(tuple(f"{service}_" for service in AWS_SERVICES)) or place == CONSUMER, text
        case _:
            raise AssertionError((place, text))


CONSUMER = "entrypoints/consumer.py"
"""Where an unforeseen error is named by its kind and its line."""


def resolved(place: str, dotted: str) -> object:
    module = importlib.import_module(f"coval_relay.{place.removesuffix('.py').replace('/', '.')}")
    found: object = module
    for name in dotted.split("."):
        found = getattr(found, name)
    return found


def constants(place: str) -> Iterator[str]:
    """Codes that a function of the module chooses from: its constants in lower case, with no blank."""
    module = importlib.import_module(f"coval_relay.{place.removesuffix('.py').replace('/', '.')}")
    for name, value in vars(module).items():
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[a-z_]+", value):
            yield value
