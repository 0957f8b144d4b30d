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
    "" for embedded.

    ``catalog`` is the identity of the record store whose numbers the vectors go by ("" where it is not known): in another
    store, made anew after the old file was lost, say, the same numbers mean other records.
    """

    model: str
    chroma: str = ""
    card_version: int = CARD_VERSION
    token_dimension: int = TOKEN_DIMENSION
    generation: str = ""
    catalog: str = ""

    def fits(self, wanted: Manifest, *, catalog: str = "") -> bool:
        """Whether this index can serve what is wanted for this record store, whichever generation it is."""
        same = replace(self, generation="", catalog="") == replace(wanted, generation="", catalog="")
        return same and (not catalog or self.catalog in ("", catalog))

    @property
    def collection(self) -> str:
        """The Chroma collection's name."""
        return f"cards-{self.generation}"


def fresh(wanted: Manifest, *, catalog: str = "") -> Manifest:
    """A new generation of ``wanted`` for a record store."""
    return replace(wanted, generation=secrets.token_hex(4), catalog=catalog)


def read(folder: Path) -> Manifest | None:
    """The manifest in use; None where nothing was built yet.

    Raises:
        VectorError: the file is there and cannot be understood.
    """
    path = folder / "current.json"
    try:
        found = Manifest(**json.loads(path.read_text(encoding="utf-8")))
        if not found.generation:
            raise ValueError("it names no generation")
        return found
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
