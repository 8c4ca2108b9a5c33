"""What the relay makes of a payload: a call end that names its call is never lost, nothing else is ever rejected."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.messages import AliasesKnown, CallEnded
from coval_relay.domain.messages import Message as RelayMessage
from coval_relay.domain.submit_request import Submit, encode
from coval_relay.platforms.registry import translate
from coval_relay.platforms.shared.contract import PlatformOptions
from local.simulator.errors import ApiError
from local.simulator.transcripts import UploadedMessage, check_tool_calls
from tests.support.platform_samples import NOW

ROOT: Final = Path(__file__).parents[2]
PYTHON: Final = ROOT / ".venv-vendors/bin/python"
PLATFORMS: Final = tuple(sorted(path.stem for path in (Path(__file__).parent / "generators").glob("[a-z]*.py")))
OPTIONS: Final = PlatformOptions(recording_hosts=("media.example.com", "api.elevenlabs.io"))
MOST_BYTES: Final = 250_000


@dataclass
class Report:
    """What became of a platform's payloads; `faults` keeps a payload of each."""

    platform: str
    payloads: int = 0
    call_ends: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    def add(self, line: str) -> None:
        payload = json.loads(line)
        fault = None if payload["nameless"] else fault_of(payload["event"], payload["call"])
        self.payloads += 1
        self.call_ends += payload["call"] is not None
        self.outcomes[fault or "right"] += 1
        if fault:
            self.faults.setdefault(fault, line)

    def __str__(self) -> str:
        wrong = self.payloads - self.outcomes["right"]
        return f"{self.platform:16}{self.payloads:8} payloads{self.call_ends:8} call ends{wrong:8} wrong"


def judged(platform: str, count: int, seed: int) -> Report:
    """The report on so many payloads, which the vendors' environment makes."""
    report = Report(platform)
    for line in _payloads(platform, count, seed):
        report.add(line)
    return report


def _payloads(platform: str, count: int, seed: int) -> Iterator[str]:
    if not PYTHON.exists():
        raise RuntimeError("the vendors' types are not here: make .venv-vendors/installed")
    command = (str(PYTHON), "-m", "tests.vendors.generate", platform, str(count), str(seed))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8") as made:
        assert made.stdout is not None
        yield from made.stdout
    if made.returncode:
        raise RuntimeError(f"the generator of {platform} ended with {made.returncode}")


# --- one payload -------------------------------------------------------------------------------------


def fault_of(event: Mapping[str, Any], call: str | None) -> str | None:
    """What is wrong with what the relay makes of this event; None where all is right."""
    try:
        messages = translate(event, OPTIONS, NOW)
    except InvalidInputError as error:
        return f"rejected: {error.field}: {error.rule}"
    ended = next((message for message in messages if isinstance(message, CallEnded)), None)
    if call is None or ended is None:
        return None if call is None else "lost"
    if call not in names_of(messages, ended):
        return "ended under another name"
    call_id, facts, words = ended.external_conversation_id, ended.facts, ended.transcript
    return _fault_of_submit(Submit(external_conversation_id=call_id, facts=facts, transcript=words))


def names_of(messages: tuple[RelayMessage, ...], ended: CallEnded) -> set[str]:
    """The id that a call ends under, and its aliases."""
    known = (alias.value for message in messages if isinstance(message, AliasesKnown) for alias in message.aliases)
    return {ended.external_conversation_id, *known}


def _fault_of_submit(submit: Submit) -> str | None:
    """What Coval's own model of a transcript would reject."""
    body = json.loads(encode(submit, limit=MOST_BYTES, policy="truncate").body)
    try:
        check_tool_calls([UploadedMessage.model_validate(message) for message in body.get("transcript", ())])
    except ValidationError as error:
        return f"Coval rejects: {error.errors()[0]['msg']}"
    except ApiError as error:
        return f"Coval rejects: {error}"
    return None
