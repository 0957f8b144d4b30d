"""The browser of the tests: one that is there, else Playwright's own.

    python -m tests.browser.chromium

says which one it is, after it has installed one where there is none: the system's package where it may, else Playwright's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VARIABLE = "CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
MISSING = (
    "no browser for tests/browser: install chromium (apt install chromium) or Chrome, "
    f"or name one in ${VARIABLE}, or run: PLAYWRIGHT_BROWSERS_PATH=0 playwright install chromium"
)

# Playwright's own browser lies within the environment, so that `make clean` takes it away, whatever the home is.
os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", "0")


def found() -> str | None:
    """The path of a browser's program: the one that the variable names, one of the system's, or Playwright's. Not to be called
    while Playwright runs."""
    named = os.environ.get(VARIABLE)
    if named:
        return shutil.which(named)
    system = (path for path in (*map(shutil.which, _NAMES), *_PLACES) if path and Path(path).exists())
    return next(system, None) or _own()


def _own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def required() -> bool:
    """Whether there has to be one: continuous integration must not pass over these tests in silence."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def _install() -> None:
    """Debian's package, where this process may install one; Playwright's build, where its server can be reached."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("No Chromium or Chrome is there: installing the package chromium …", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in ("update", "install --yes --no-install-recommends chromium"):
            subprocess.run(["apt-get", "-qq", *command.split()], check=False, env=environment, stdout=subprocess.DEVNULL)
    if found() is None:
        print("No Chromium or Chrome is there: fetching Playwright's …", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> int:
    browser = found()
    if browser is None:
        _install()
        browser = found()
    if browser is None:
        print(MISSING[0].upper() + MISSING[1:], file=sys.stderr)
        return int(required())
    told = subprocess.run([browser, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    print(f"Browser of the tests: {browser} ({told or 'version unknown'})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
