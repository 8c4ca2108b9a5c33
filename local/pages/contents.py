"""Every generated file, as it should be."""

from pathlib import Path

from local.pages import licences

PROJECT = Path(__file__).parents[2]


def generated() -> dict[Path, str]:
    return {PROJECT / "NOTICE": licences.notice()}
