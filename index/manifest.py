"""What the vector index on disk was built with, and which generation of it is in use.

``index/current.json`` names the generation; replacing that one file is the swap, so a reader sees the old index whole or
the new one whole.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from index.cards import CARD_VERSION
from index.embedder import TOKEN_DIMENSION
from kb.errors import VectorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """``model``, ``card_version`` and ``token_dimension`` decide whether vectors are comparable; ``chroma`` is the server,
    "" for embedded."""

    model: str
    chroma: str = ""
    card_version: int = CARD_VERSION
    token_dimension: int = TOKEN_DIMENSION
    generation: str = ""

    def fits(self, wanted: Manifest) -> bool:
        """Whether this index can serve what is wanted, whichever generation it is."""
        return replace(self, generation="") == replace(wanted, generation="")

    @property
    def collection(self) -> str:
        """The Chroma collection's name."""
        return f"cards-{self.generation}"


def fresh(wanted: Manifest) -> Manifest:
    """A new generation of ``wanted``."""
    return replace(wanted, generation=secrets.token_hex(4))


def read(folder: Path) -> Manifest | None:
    """The manifest in use; None where nothing was built yet.

    Raises:
        VectorError: the file is there and cannot be understood.
    """
    path = folder / "current.json"
    try:
        return Manifest(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise VectorError(f"{path} cannot be read: {error}", remedy="run `kb reindex`: it builds the index anew") from error


def write(folder: Path, manifest: Manifest) -> None:
    """Put a manifest into use, atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f"current.{manifest.generation}.tmp"
    scratch.write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    os.replace(scratch, folder / "current.json")
