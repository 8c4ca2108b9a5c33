"""What a deployed stack carries besides this project's own code, and under which licences.

Names and versions are the locks'; a package's licence is what its metadata says. The libraries in PyAV's wheel say
nothing of theirs, so it is written down here, as their projects publish it.
"""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import av
from av._core import library_meta

PROJECT = Path(__file__).parents[2]
LAYERS = {"dependencies": "every function", "audio": "upload_recording alone", "webhooks": "receive_webhook alone"}
LOCKED = re.compile(r"^([\w-]+)==([\w.]+)", re.MULTILINE)
BUNDLED = re.compile(r"(.+?)-[0-9a-f]{8}\.so")
"""A library in a wheel: its name, and the digest that the wheel's maker puts behind it."""

FFMPEG, X264, X265 = "FFmpeg", "x264", "x265"
PROJECTS: dict[str, tuple[str, tuple[str, ...]]] = {
    FFMPEG: (
        "LGPL-3.0-or-later by its own word",
        ("libavcodec", "libavdevice", "libavfilter", "libavformat", "libavutil", "libswresample", "libswscale"),
    ),
    X264: ("GPL-2.0-or-later", ("libx264",)),
    X265: ("GPL-2.0-or-later", ("libx265",)),
    "ALSA": ("LGPL-2.1-or-later", ("libasound",)),
    "dav1d": ("BSD-2-Clause", ("libdav1d",)),
    "GMP": ("LGPL-3.0-or-later or GPL-2.0-or-later", ("libgmp",)),
    "GnuTLS": ("LGPL-2.1-or-later", ("libgnutls",)),
    "LAME": ("LGPL-2.0-or-later", ("libmp3lame",)),
    "libdrm": ("MIT", ("libdrm",)),
    "libunistring": ("LGPL-3.0-or-later or GPL-2.0-or-later", ("libunistring",)),
    "libvpl": ("MIT", ("libvpl",)),
    "libvpx": ("BSD-3-Clause", ("libvpx",)),
    "libwebp": ("BSD-3-Clause", ("libsharpyuv", "libwebp", "libwebpmux")),
    "Nettle": ("LGPL-3.0-or-later or GPL-2.0-or-later", ("libhogweed", "libnettle")),
    "opencore-amr": ("Apache-2.0", ("libopencore-amrnb", "libopencore-amrwb")),
    "Opus": ("BSD-3-Clause", ("libopus",)),
    "SVT-AV1": ("BSD-3-Clause-Clear", ("libSvtAv1Enc",)),
    "X.Org": ("MIT", ("libXau", "libxcb", "libxcb-shape", "libxcb-shm", "libxcb-xfixes")),
}
ONLY_ON_X86 = frozenset({"libvpl"})
HEADER = """Coval Relay
Copyright 2026 the authors of Coval Relay

Licensed under the Apache License, Version 2.0: see LICENSE.

This repository holds none of the works below. `sam build` fetches them from the Python package index, by the
hashes in layers/*/requirements.txt, and they are deployed with the functions. What follows for who passes a
built stack on: docs/licences.md.
"""


def packages(layer: str) -> Iterator[tuple[str, str, str]]:
    """Name, version and licence of each package in a layer's lock."""
    lock = (PROJECT / "layers" / layer / "requirements.txt").read_text(encoding="utf-8")
    for name, version in LOCKED.findall(lock):
        found = metadata.metadata(name)
        if found["Version"] != version:
            raise LookupError(f"{name} {version} is locked, but not installed: make setup")
        yield name, version, found["License-Expression" if "License-Expression" in found else "License"]


def bundled_libraries() -> frozenset[str]:
    """The libraries that this machine's wheel of PyAV carries; none where wheels are made in another way."""
    folder = Path(av.__file__).parents[1] / "av.libs"
    return frozenset(found[1] for path in folder.glob("*.so*") if (found := BUNDLED.match(path.name)))


def ffmpeg_licence() -> str:
    """What FFmpeg's libraries in the wheel say of themselves."""
    (licence,) = {library["license"] for library in library_meta.values()}
    return str(licence)


def notice() -> str:
    """The NOTICE file."""
    parts = [HEADER]
    for layer, carried_by in LAYERS.items():
        rows = [(f"{name} {version}", licence) for name, version, licence in packages(layer)]
        parts.append(_table(f"layers/{layer}, carried by {carried_by}", rows))
    carried = [(f"{name} ({', '.join(libraries)})", licence) for name, (licence, libraries) in PROJECTS.items()]
    parts.append(_table("inside the wheel of av (PyAV), shared libraries", carried))
    return "\n".join(parts)


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    return "\n".join([f"{title}:", "", *(f"  {licence}: {name}" for name, licence in rows), ""])
