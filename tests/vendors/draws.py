"""Random values: mostly what a vendor would send, now and then what its types only just allow."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, TypeVar

T = TypeVar("T")
STARTED: Final = 1_790_951_450
"""Around which all moments lie: 2026-10-02T14:30:50Z."""
ENVELOPE: Final = "2026-10-02T14:37:00Z"
ODDNESS: Final = (0.0, 0.05, 0.3)
"""How often a value is odd: one of these for a whole payload."""
TEXTS: Final = (
    "", " ", "0", "-1", "null", "Hi.", "Monday at nine?", "é" * 40, "日本語", "a\u0000b", "a" * 1500,
    '{"day": "mon"}', '{"day": "m', "[]", '"x"', "2026-10-02", "2026-10-02T14:31:07", "+15550100001", "tc_1", "tc_1",
)  # fmt: skip
NUMBERS: Final = (-1, 0, 1, 7, 59, 330, 10**6, 10**10, 10**13, 2**53, 10**19)
FRACTIONS: Final = (-0.5, 0.0, 0.25, 1e-9, 3.5, 329.999, 1.7e9, 1.790951467e12, 1e18, 1e300)


@dataclass(frozen=True, kw_only=True)
class Payload:
    """One event, and the call whose end it reports; None where it ends none.

    What should name a call, and does not, is `nameless`: it alone may be rejected.
    """

    event: Mapping[str, Any]
    call: str | None
    nameless: bool = False

    def line(self) -> str:
        return json.dumps({"event": self.event, "call": self.call, "nameless": self.nameless})


class Draws:
    """All chance of one payload."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)  # noqa: S311 - the same each time
        self.oddness = self.random.choice(ODDNESS)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    @property
    def is_odd(self) -> bool:
        return self.chance(self.oddness)

    def one_of(self, values: Sequence[T]) -> T:
        return self.random.choice(values)

    def text(self) -> str:
        return self.one_of(TEXTS)

    def whole(self) -> int:
        return self.one_of(NUMBERS) if self.is_odd else self.random.randint(0, 400)

    def fraction(self) -> float:
        return self.one_of(FRACTIONS) if self.is_odd else round(self.random.uniform(0, 400), 3)

    def name(self, prefix: str) -> str:
        """An id or a name; some with what ids rarely have."""
        made = prefix + "".join(self.random.choices("0123456789abcdefXY", k=12))
        return self.one_of((f"{made}+1", f"{made}:v3", f"{made} é", f"{made}_/x")) if self.is_odd else made

    def uuid(self) -> str:
        made = f"{self.random.getrandbits(128):032x}"
        return "-".join((made[:8], made[8:12], made[12:16], made[16:20], made[20:]))

    def moment(self) -> float:
        """Epoch seconds, before or after one another; sometimes years away."""
        return self.one_of((0, 1, 4e9, 1e12)) if self.is_odd else STARTED + round(self.random.uniform(0, 400), 3)

    def time(self) -> str:
        """A moment as RFC 3339, in one of its spellings."""
        moment = datetime.fromtimestamp(min(self.moment(), 4e9), UTC)
        spelt = moment.isoformat(timespec="milliseconds")
        return self.one_of((spelt, spelt.replace("+00:00", "Z"), moment.isoformat(timespec="seconds")))

    def json(self) -> Any:
        """A value of a free-form field."""
        return self.one_of((None, True, 0, 1.5, "x", [], {}, {"a": None}, ["a", 1], {"a": {"b": [1]}}))

    def seconds(self) -> float:
        return self.fraction()


def name_in(*values: object) -> str | None:
    """The first value that can be a call's id (docs/platforms.md), as it is after NUL has been replaced."""
    texts = (value.replace("\0", "\N{REPLACEMENT CHARACTER}").strip() for value in values if isinstance(value, str))
    return next((text for text in texts if 0 < len(text) <= 256 and text.isprintable() and '"' not in text), None)


def event(detail_type: str, detail: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The event as a relay puts it on the bus."""
    return {
        "version": "0", "id": "c0ffee00-0000-4000-8000-0000000000ff", "detail-type": detail_type, "source": source,
        "account": "111122223333", "time": ENVELOPE, "region": "us-east-1", "resources": [], "detail": detail,
    }  # fmt: skip
