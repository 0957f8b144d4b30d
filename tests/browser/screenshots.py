"""Pictures of the app in each of its states, for people to look at; a few of them are shown in the README.

    python -m tests.browser.screenshots --out docs/images [--config FILE] [--data-dir DIR] [--en TEXT] [--zh TEXT]

writes ``STATE-SCREEN-THEME-LANGUAGE.png`` (``ask-desktop-dark-en.png``), each with at most 256 colours so that it stays small.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.browser import chromium, driving
from tests.browser.server import serving

SCREENS: dict[str, ViewportSize] = {"desktop": {"width": 1360, "height": 850}, "phone": {"width": 390, "height": 844}}
THEMES = ("light", "dark")
LOCALES = {"en": "en-US", "zh": "zh-CN"}
QUESTIONS = {"en": "What changed in flashinfer this month?", "zh": "flashinfer 本月有什么变化？"}
_COLOURS = 256
_STILL = 400  # ms for what fades or grows to come to rest


@dataclass(frozen=True)
class State:
    """How to get there from the app's first page. ``question`` is in the language of the picture."""

    name: str
    go: Callable[[Page, str], object]


def _asked(page: Page, question: str) -> None:
    driving.ask(page, question)


def _drawer(page: Page, question: str) -> None:
    _asked(page, question)
    driving.open_chip(page)


def _tab(name: str) -> Callable[[Page, str], object]:
    return lambda page, question: driving.tab(page, name)


def _found(page: Page, question: str) -> None:
    driving.search(page, "attention")


STATES = (
    State("welcome", lambda page, question: None),
    State("ask", _asked),
    State("drawer", _drawer),
    State("reports", _tab("reports")),
    State("activity", _tab("activity")),
    State("browse", _found),
    State("sources", _tab("sources")),
    State("connect", _tab("connect")),
)


def small(png: bytes) -> bytes:
    """The same picture with a palette."""
    with Image.open(io.BytesIO(png)) as image:
        reduced = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        held = io.BytesIO()
        reduced.save(held, "PNG", optimize=True)
    return held.getvalue()


def take(url: str, out: Path, *, questions: Mapping[str, str], only: Sequence[str] = ()) -> list[Path]:
    """Every picture of a running server; the files that were written. ``questions`` are by language; ``only``: those pictures
    whose name has one of these parts."""
    written = []
    program = chromium.found()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        for (screen, size), theme, (language, locale) in itertools.product(SCREENS.items(), THEMES, LOCALES.items()):
            for state in STATES:
                name = f"{state.name}-{screen}-{theme}-{language}.png"
                if only and not any(part in name for part in only):
                    continue
                context = browser.new_context(
                    viewport=size, color_scheme="dark" if theme == "dark" else "light", locale=locale, reduced_motion="reduce"
                )
                context.set_default_timeout(30_000)
                page = context.new_page()
                page.goto(url)
                driving.ready(page)
                state.go(page, questions[language])
                driving.settled(page)
                page.wait_for_timeout(_STILL)
                (out / name).write_bytes(small(page.screenshot()))
                written.append(out / name)
                context.close()
        browser.close()
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path("kb.toml"))
    parser.add_argument("--data-dir", type=Path)
    for language, question in QUESTIONS.items():
        parser.add_argument(f"--{language}", default=question, metavar="TEXT", help="what is asked in that language")
    parser.add_argument("--only", nargs="*", default=(), metavar="PART", help="only pictures whose name has one of these")
    parser.add_argument("--url", default="", help="a server that runs already")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    questions = {language: getattr(options, language) for language in QUESTIONS}
    if options.url:
        written = take(options.url, options.out, questions=questions, only=options.only)
    else:
        data = ("--data-dir", str(options.data_dir)) if options.data_dir else ()
        with tempfile.TemporaryDirectory() as folder, serving(options.config, Path(folder) / "log", *data) as server:
            written = take(server.url, options.out, questions=questions, only=options.only)
    for path in written:
        print(f"{path} ({path.stat().st_size // 1024} kB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
