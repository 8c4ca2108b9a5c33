"""`sam build`: what is in the artifacts, and that a second build makes the same bytes."""

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.template.tools import PROJECT, SAM, TEMPLATE, run

FUNCTIONS = {
    "SubmitTranscriptFunction": "submit_transcript",
    "UploadRecordingFunction": "upload_recording",
    "AttachRecordingFunction": "attach_recording",
    "ReceiveWebhookFunction": "receive_webhook",
}
LIBRARIES = ("DependenciesLayer", "AudioLayer", "WebhooksLayer")
PROCESSORS = {"arm64": "aarch64", "x86_64": "x86_64"}
"""By the template's word, what wheels call it."""
MACHINES = {"arm64": 183, "x86_64": 62}
"""ELF: e_machine, at offset 18."""
MAX_BYTES = 250 * 1024 * 1024
"""Lambda: a function and all its layers, unzipped."""


def build(folder: Path, project: Path = PROJECT) -> Path:
    result = run(SAM, "build", "--build-dir", folder, folder=project)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("built with a space"))


@pytest.fixture(scope="module")
def built_for(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By processor: that of the template, and the other, for which one word is changed in a copy."""
    copy = copied(tmp_path_factory.mktemp("project"))
    text = TEMPLATE.read_text(encoding="utf-8")
    assert text.count("&processor arm64]") == 1
    (copy / "template.yaml").write_text(text.replace("&processor arm64]", "&processor x86_64]"), encoding="utf-8")
    return {"arm64": built, "x86_64": build(copy / "built", copy)}


def copied(folder: Path) -> Path:
    """What a build reads of the project."""
    for part in ("functions", "layers", "scripts"):
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (TEMPLATE, *PROJECT.glob("*.toml")):
        shutil.copy(file, folder)
    return folder


def files(folder: Path) -> dict[str, str]:
    """Each file's digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "template.yaml"
    }


def test_a_second_build_makes_the_same_bytes(built: Path, tmp_path: Path) -> None:
    again = files(build(tmp_path))
    assert files(built) == again


def test_a_fault_in_relay_toml_stops_the_build_by_name(tmp_path: Path) -> None:
    project = copied(tmp_path)
    (project / "relay.toml").write_text("[deadlines]\ngrace_secnods = 5\n")
    result = run(SAM, "build", "SharedLayer", "--build-dir", tmp_path / "built", folder=project)
    assert result.returncode == 1
    assert "relay.toml: deadlines.grace_secnods: is not known; is grace_seconds meant?" in result.stderr


@pytest.mark.parametrize(("function", "source"), FUNCTIONS.items())
def test_a_function_is_one_file(built: Path, function: str, source: str) -> None:
    (app,) = (path for path in (built / function).rglob("*") if path.is_file())
    assert app.name == "app.py"
    assert app.read_bytes() == (PROJECT / "functions" / source / "app.py").read_bytes()


def test_the_shared_layer_is_the_package_and_nothing_else(built: Path) -> None:
    package = PROJECT / "layers" / "shared" / "coval_relay"
    sources = {f"coval_relay/{path.relative_to(package)}" for path in package.rglob("*.py")}
    found = {name for name in files(built / "SharedLayer" / "python") if "__pycache__" not in name}
    assert found == {*sources, "coval_relay/py.typed", "coval_relay/relay.toml"}


each_processor = pytest.mark.parametrize("processor", PROCESSORS)


@each_processor
def test_dependencies_are_for_the_runtime(built_for: Mapping[str, Path], processor: str) -> None:
    (runtime,) = re.findall(r"^    Runtime: python(\d)\.(\d+)$", TEMPLATE.read_text(encoding="utf-8"), re.MULTILINE)
    libraries = [path.name for path in (built_for[processor] / "DependenciesLayer").rglob("pydantic_core/*.so")]
    assert libraries == [f"_pydantic_core.cpython-{''.join(runtime)}-{PROCESSORS[processor]}-linux-gnu.so"]


@each_processor
@pytest.mark.parametrize("layer", LIBRARIES)
def test_compiled_code_is_for_the_processor(built_for: Mapping[str, Path], layer: str, processor: str) -> None:
    libraries = [path for path in (built_for[processor] / layer).rglob("*.so*") if path.is_file()]
    machines = {int.from_bytes(path.read_bytes()[18:20], "little") for path in libraries}
    assert machines == {MACHINES[processor]}


@each_processor
def test_functions_and_layers_say_which_processor_they_are_for(built_for: Mapping[str, Path], processor: str) -> None:
    text = (built_for[processor] / "template.yaml").read_text(encoding="utf-8")
    named = re.findall(r"^ +(?:Compatible)?Architectures:\n((?: +- \w+\n)+)", text, re.MULTILINE)
    assert {tuple(re.findall(r"\w+", words)) for words in named} == {(processor,), ("arm64", "x86_64")}


@each_processor
def test_what_the_largest_function_carries_fits_into_lambda(built_for: Mapping[str, Path], processor: str) -> None:
    parts = ("DependenciesLayer", "AudioLayer", "SharedLayer", "UploadRecordingFunction")
    files_of = (path for part in parts for path in (built_for[processor] / part).rglob("*") if path.is_file())
    assert sum(path.stat().st_size for path in files_of) < MAX_BYTES * 3 / 4


@pytest.mark.parametrize("layer", LIBRARIES)
def test_dependencies_are_the_locked_ones_without_boto3(built: Path, layer: str) -> None:
    folder = layer.removesuffix("Layer").lower()
    lock = (PROJECT / "layers" / folder / "requirements.txt").read_text(encoding="utf-8")
    locked = {
        (name.replace("-", "_"), version) for name, version in re.findall(r"^([\w-]+)==([\w.]+)", lock, re.MULTILINE)
    }
    folders = [path.stem for path in (built / layer / "python").glob("*.dist-info")]
    assert {tuple(folder.split("-")) for folder in folders} == locked
    assert not {"boto3", "botocore"} & {name for name, _ in locked}


@pytest.mark.parametrize("layer", [*LIBRARIES, "SharedLayer"])
def test_bytecode_is_whole_and_never_checked_against_its_source(built: Path, layer: str) -> None:
    """PEP 552: bit 0 says hash-based, bit 1 says checked. Without Python 3.13 there is none at all."""
    compiled = list((built / layer).rglob("*.pyc"))
    assert {path.read_bytes()[4:8] for path in compiled} <= {b"\x01\x00\x00\x00"}
    assert len(compiled) in (0, len(list((built / layer).rglob("*.py"))))
