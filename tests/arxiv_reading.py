"""Sources of the local arXiv server, for tests: without delay, in the week after its newest papers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.arxiv_papers import Source
from kb.protocols import SourceContext
from tests.arxiv_search import NEWEST
from tests.arxiv_server import ArxivServer

NOW = NEWEST + timedelta(days=2)


def source(server: ArxivServer, folder: Path, *, now: datetime = NOW, **keys: Any) -> Source:
    """All papers of the server that have a category, if ``keys`` say nothing else."""
    if not {"query", "categories", "authors"} & keys.keys():
        keys["categories"] = ("cs.*", "math.*")
    defaults: dict[str, Any] = {"base_url": server.url, "delay": 0.0, "timeout": 5.0, "context": SourceContext(folder, now=now)}
    return Source(**{**defaults, **keys})
