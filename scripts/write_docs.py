"""Write the pages of docs/ that the code knows: docs/errors.md, from domain/faults.py.

python3 -m scripts.write_docs            # writes them
python3 -m scripts.write_docs --check    # only says which ones are not as they should be
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "layers" / "shared"))

from coval_relay.domain.faults import AWS_SERVICES, WAIT_REASONS, Fault, WaitReason  # noqa: E402 - by the path above

ERRORS = """\
<!-- Written by `python3 -m scripts.write_docs` from layers/shared/coval_relay/domain/faults.py: do not edit. -->

# Errors

What cannot be done now waits, for 12 days at most, and goes on by itself. The `code` on its log line says why. AWS's
own codes stand after the service that they come from, as in `table_AccessDeniedException`:
{services}.
A code that is not listed here waits too. What is wrong with a call itself (its words, its audio) is final: the reason
stands on its item, in Coval's own words.

## What you have to mend

Logged as `OPERATOR_NEEDED`, which raises `OperatorNeededAlarm` at once. No call ends by it.

{operator}

## What nobody can mend

Logged as `MESSAGE_WAITING`, which raises `WaitingShareAlarm` and `WaitingAlarm` when it is much, `OldestWaitAlarm` when
it is long.

{nobody}
"""


def pages() -> Mapping[Path, str]:
    """The text of each page, by its place."""
    services = ", ".join(f"`{service}`" for service in AWS_SERVICES)
    tables = {fault.value: "\n".join(_table(fault)) for fault in Fault}
    return {PROJECT / "docs" / "errors.md": ERRORS.format(services=services, **tables)}


def _table(fault: Fault) -> Iterator[str]:
    yield "| Code | Means | Do |"
    yield "| --- | --- | --- |"
    yield from (_row(reason) for reason in WAIT_REASONS if reason.fault is fault)


def _row(reason: WaitReason) -> str:
    codes = ", ".join(f"`{code}`" for code in reason.codes)
    return f"| {codes} | {reason.meaning} | {reason.mend} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: with --check, 1 where a page is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    check = parser.parse_args(arguments).check
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if not check:
            path.write_text(pages()[path], encoding="utf-8")
        print(f"{path.relative_to(PROJECT)}: {'is not up to date' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
