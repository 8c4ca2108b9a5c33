"""The NOTICE: every locked package, every library in PyAV's wheel, and what the wheel says of its licence."""

import pytest
from av._core import library_meta

from local.pages import licences

PERMISSIVE = {"MIT", "MIT-0", "BSD-3-Clause", "Apache-2.0 OR BSD-3-Clause", "PSF-2.0", "MPL-2.0"}
"""MPL-2.0 is certifi's, which is Python and so its own source."""


def test_every_layer_with_a_lock_is_in_the_notice() -> None:
    locks = (licences.PROJECT / "layers").glob("*/requirements.txt")
    assert {lock.parent.name for lock in locks} == {*licences.LAYERS}


def test_every_locked_package_is_named_with_its_licence() -> None:
    notice = licences.notice()
    for layer in licences.LAYERS:
        lock = (licences.PROJECT / "layers" / layer / "requirements.txt").read_text(encoding="utf-8")
        locked = [line.split(" ")[0].replace("==", " ") for line in lock.splitlines() if "==" in line]
        assert locked
        assert [name for name in locked if f": {name}\n" not in notice] == []


@pytest.mark.parametrize("layer", sorted({*licences.LAYERS} - {"audio"}))
def test_no_library_of_the_functions_has_a_licence_that_nobody_has_looked_at(layer: str) -> None:
    found = {licence for _, _, licence in licences.packages(layer)}
    assert found <= PERMISSIVE


def test_the_wheel_carries_the_libraries_that_are_named() -> None:
    carried = licences.bundled_libraries()
    if not carried:
        pytest.skip("PyAV's libraries lie elsewhere on this system")
    named = {library for _, libraries in licences.PROJECTS.values() for library in libraries}
    assert carried | licences.ONLY_ON_X86 == named


def test_ffmpeg_calls_itself_lgpl_though_libraries_under_the_gpl_are_linked_to_it() -> None:
    """docs/licences.md stands on both; where one changes, it has to be written anew."""
    assert licences.ffmpeg_licence() == "LGPL version 3 or later"
    configuration = library_meta["libavcodec"]["configuration"]
    assert {"--enable-libx264", "--enable-libx265", "--enable-version3"} <= {*configuration.split()}
    assert "--enable-gpl" not in configuration
    assert {licences.PROJECTS[name][0] for name in (licences.X264, licences.X265)} == {"GPL-2.0-or-later"}
