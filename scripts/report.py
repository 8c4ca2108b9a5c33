"""What the scripts that look say: a line for each thing, and what could not be looked at."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from botocore.exceptions import BotoCoreError, ClientError

DENIED = {"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation", "AuthorizationError"}
MISSING = {"404", "NoSuchBucket", "ResourceNotFoundException", "NotFoundException", "NotFound"}


class Mark(Enum):
    """What a line begins with."""

    WELL = "ok   "
    MEND = "MEND "
    UNSEEN = "?    "


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    mark: Mark
    subject: str
    said: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.mark.value} {self.subject}: {self.said}" + (f"\n        -> {self.mend}" if self.mend else "")


def asked(subject: str, look: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    """What cannot be looked at is said, and the rest goes on."""
    try:
        yield from look()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in MISSING:
            yield Line(Mark.MEND, subject, "is not there", "create it, or name another one")
        elif code in DENIED:
            yield Line(Mark.UNSEEN, subject, f"these credentials may not {error.operation_name}")
        else:
            yield Line(Mark.UNSEEN, subject, f"{error.operation_name} answers {code}")
    except BotoCoreError as error:
        yield Line(Mark.UNSEEN, subject, str(error))


def printed(lines: Iterable[Line]) -> int:
    """Each line as soon as it is known; the command's exit status."""
    marks = []
    for line in lines:
        marks.append(line.mark)
        print(line, flush=True)
    return 1 if Mark.MEND in marks else 0
