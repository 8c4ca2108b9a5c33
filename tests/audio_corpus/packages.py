"""`make audio-packages`: downloads the packages in packages.toml once, unpacks them, and judges their audio files.

None is installed; of a source distribution pip runs what tells its metadata.
"""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import tests.audio_corpus.__main__ as corpus

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build/audio-packages"
PYTHON = ROOT / ".venv-bootstrap/bin/python"
"""Has pip."""
LIST = Path(__file__).with_name("packages.toml")
ARCHIVES = ("*.deb", "*.tar.gz", "*.whl", "*.tgz")
Fetch = Callable[[str, Path], None]


def _debian(package: str, folder: Path) -> None:
    _run(folder, "apt-get", "download", package)
    _run(folder, "dpkg-deb", "-x", str(_one(folder, "*.deb")), ".")


def _pypi(package: str, folder: Path, *kind: str) -> None:
    _run(folder, str(PYTHON), "-m", "pip", "download", "--quiet", "--no-deps", *kind, package)


def _sources(package: str, folder: Path) -> None:
    _pypi(package, folder, "--no-binary", ":all:")
    _run(folder, "tar", "xzf", str(_one(folder, "*.tar.gz")))


def _wheel(package: str, folder: Path) -> None:
    _pypi(package, folder, "--only-binary", ":all:")
    _run(folder, sys.executable, "-m", "zipfile", "-e", str(_one(folder, "*.whl")), ".")


def _npm(package: str, folder: Path) -> None:
    _run(folder, "npm", "pack", "--silent", "--ignore-scripts", package)
    _run(folder, "tar", "xzf", str(_one(folder, "*.tgz")))


FETCHES: dict[str, Fetch] = {"debian": _debian, "pypi": _sources, "pypi_wheels": _wheel, "npm": _npm}


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _one(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def unpack(registry: str, package: str) -> None:
    """Into a folder of its own, without the archive."""
    folder = CACHE / registry / package
    done = folder / ".unpacked"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    FETCHES[registry](package, folder)
    for archive in (found for pattern in ARCHIVES for found in folder.glob(pattern)):
        archive.unlink()
    done.touch()


def main() -> int:
    listed: dict[str, list[str]] = tomllib.loads(LIST.read_text(encoding="utf-8"))
    for registry, packages in listed.items():
        for package in packages:
            unpack(registry, package)
    return corpus.main(str(CACHE))


if __name__ == "__main__":
    sys.exit(main())
