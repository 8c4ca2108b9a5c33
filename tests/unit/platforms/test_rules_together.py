"""All platforms' key rules at once: none takes another's recording, in whatever order they are listed."""

import itertools
import json
from pathlib import Path

import pytest

from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.platforms import registry
from coval_relay.platforms.shared.contract import PlatformOptions

EVENTS = Path(__file__).parents[3] / "events"
NAMES = tuple(listing.name for listing in registry.PLATFORMS)


def keys() -> list[tuple[str, str]]:
    """The platform and the key of every sample of an S3 event."""
    found = []
    for path in sorted(EVENTS.glob("*/*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("source") == "aws.s3":
            found.append((path.parent.name, content["detail"]["object"]["key"]))
    return found


@pytest.mark.parametrize("shift", range(len(NAMES)))
@pytest.mark.parametrize("backwards", [False, True])
def test_a_key_is_known_by_its_own_platform_only(shift: int, backwards: bool) -> None:
    order = tuple(itertools.islice(itertools.cycle(NAMES[::-1] if backwards else NAMES), shift, shift + len(NAMES)))
    book = registry.key_rule_set(order, PlatformOptions(), (), ())
    for owner, key in keys():
        matched = book.match(ObjectVersion("acme-recordings", key, ""))
        assert matched is None or matched[0].platform == owner, (key, matched[0].name)
