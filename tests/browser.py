"""Chromium, in which the proofs look at the pages: where it is. `make browser` installs it on Debian."""

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
MEND = (
    "apt-get install --yes chromium; on Ubuntu, where it is a snap: python -m playwright install --with-deps chromium"
)


def find(playwright: Playwright) -> str | None:
    """Return the path of a Chromium that starts, Playwright's own or the system's, or None.

    On Ubuntu `chromium-browser` may be a script that only says where to get the snap.
    """
    own = Path(playwright.chromium.executable_path)
    paths = [str(own) if own.is_file() else None, *map(shutil.which, NAMES)]
    return next((path for path in paths if path is not None and _starts(path)), None)


def _starts(path: str) -> bool:
    return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    with sync_playwright() as playwright:
        sys.exit(find(playwright) is None)
