"""Results that are never too large for who asked: lists and texts cut, and each cut told. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

LONGEST = 4_000  # characters of a text that has no bound of its own: a title, a quote


@dataclass
class Cut:
    """What was left out, once for each place."""

    _told: dict[str, None] = field(default_factory=dict)

    def say(self, sentence: str) -> None:
        self._told[sentence] = None

    def sentences(self) -> list[str]:
        return list(self._told)


def cut_text(text: str, limit: int, name: str, cut: Cut, *, remedy: str) -> str:
    """At most ``limit`` characters of a text of lines, cut at a line's end where there is one."""
    if len(text) <= limit:
        return text
    shown = text[:limit]
    cut.say(f"{name}: the first {limit:,} of {len(text):,} characters; {remedy}")
    return shown[: shown.rfind("\n") + 1] or shown


def bounded(value: Any, cut: Cut, *, most: int, whole: Collection[str] = (), name: str = "") -> Any:
    """A JSON value with ``most`` items of each list and LONGEST characters of each text at most, but for keys in ``whole``."""
    if isinstance(value, str):
        if len(value) > LONGEST:
            cut.say(f"{name}: texts of more than {LONGEST:,} characters are cut")
        return value[:LONGEST]
    if isinstance(value, list | tuple):
        if len(value) > most:
            cut.say(f"{name}: the first {most:,} of {len(value):,}")
        return [bounded(item, cut, most=most, whole=whole, name=name) for item in value[:most]]
    if isinstance(value, dict):
        return {
            key: item if key in whole else bounded(item, cut, most=most, whole=whole, name=f"{name}.{key}".lstrip("."))
            for key, item in value.items()
        }
    return value


def without_paths(value: Any) -> Any:
    """The value with "file" for each key "path": gradio_client takes an object with a path for a file that it has to fetch."""
    if isinstance(value, dict):
        return {"file" if key == "path" else key: without_paths(item) for key, item in value.items()}
    return [without_paths(item) for item in value] if isinstance(value, list) else value
