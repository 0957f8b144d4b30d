"""What a model has said once, kept in files, so that it costs nothing again: one JSON file a key, written whole or not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LARGEST = 256 * 1024  # bytes of an entry
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Cache:
    """Values by a key of 64 hexadecimal digits, in ``folder``; ``most`` of them are kept, those used last."""

    folder: Path
    most: int = 20_000

    def get(self, key: str) -> Mapping[str, Any] | None:
        """The value; None where there is none, or one that cannot be read: it is asked for again, and written anew."""
        path = self._path(key)
        try:
            if path.stat().st_size > _LARGEST:
                return None
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return value if isinstance(value, dict) else None

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep a value.

        Raises:
            OSError: the folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".new-", suffix=".json")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(value, file, ensure_ascii=False, sort_keys=True)
            os.replace(name, self._path(key))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def prune(self) -> None:
        """Throw away what is too much: what was used longest ago, and what killed runs left half written."""
        with contextlib.suppress(OSError):
            found = [(entry.stat().st_mtime, entry.path) for entry in os.scandir(self.folder) if entry.name.endswith(".json")]
            for _, path in sorted(found, reverse=True)[self.most :]:
                os.unlink(path)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"no key of a cache: {key!r}")
        return self.folder / f"{key}.json"
