"""Write this version's moments: make frozen."""

import os
import sys
import warnings
from pathlib import Path

from coval_relay import __version__

if __name__ == "__main__":
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    warnings.simplefilter("ignore", DeprecationWarning)  # of libraries
    from tests.frozen.writer import written

    path = Path(__file__).parent / f"{__version__}.jsonl"
    moments = written()
    path.write_text("".join(f"{moment.to_line()}\n" for moment in moments), encoding="utf-8")
    sys.stdout.write(f"{path.name}: {len(moments)} moments, {path.stat().st_size // 1024} KB\n")
