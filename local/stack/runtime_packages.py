"""The packages that Lambda's Python runtime brings, and nothing else."""

from importlib.metadata import distribution
from pathlib import Path

RUNTIME = (
    *("awslambdaric", "simplejson", "snapshot-restore-py"),
    *("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"),
)


def link_runtime(folder: Path) -> Path:
    """Link the runtime's own packages into an empty folder."""
    for name in RUNTIME:
        found = distribution(name)
        tops = {Path(str(file)).parts[0] for file in found.files or () if ".." not in Path(str(file)).parts}
        for top in tops - {"__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(found.locate_file(top))))
    return folder
