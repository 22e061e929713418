"""The pictures of the pages in `docs/images`, made anew: `make screenshots`.

A day of real mail is sent, read and walked through (tests/story/test_walk.py); what that looks like at each width,
light and dark, is kept here, small. Names are page, width and scheme.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parent / "images"
NARROW, TALLEST, WIDE_TALLEST = 400, 2400, 1500  # pixels; a page goes on for longer than anybody looks
QUALITY = 70


def shrink(picture: Path) -> None:
    """One of the pictures, cut and small."""
    with Image.open(picture) as opened:
        most = TALLEST if opened.width <= NARROW else WIDE_TALLEST
        seen = opened.convert("RGB").crop((0, 0, opened.width, min(opened.height, most)))
        seen.save(IMAGES / f"{picture.stem}.webp", quality=QUALITY, method=6)


def main() -> int:
    """Walk, and keep what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        walked = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/story/test_walk.py", "-k", "quiet_and_fits"],
            env={**os.environ, "SEENBY_SCREENSHOTS": folder},
            check=False,
        )
        if walked.returncode:
            return walked.returncode
        for picture in sorted(Path(folder).glob("*.png")):
            shrink(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
