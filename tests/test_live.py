"""The real services, for people with network access: `pytest --live tests/test_live.py`. Left out otherwise.

One or two requests each, anonymous, within every service's terms of use.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest import arxiv_papers, git_commits, github_releases, github_threads, huggingface_models, rss_feed
from kb.protocols import Source, SourceContext
from kb.types import Batch

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]

REPO = "deepseek-ai/DeepGEMM"
MONTH_AGO = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()


@pytest.fixture(autouse=True)
def _as_people_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def first(source: Source) -> Batch:
    """The first batch that has a record, each of which says what every record has to say."""
    batch = next(batch for batch in source.pull(None) if batch.records)
    for record in batch.records:
        assert record.title.strip()
        assert record.url.startswith("https://")
        assert record.events
    return batch


def test_github_threads(tmp_path: Path) -> None:
    context = SourceContext(tmp_path)
    batch = first(github_threads.Source(repo=REPO, since="all", context=context))
    assert {record.kind for record in batch.records} <= {"issue", "pull"}
    assert context.meter.reading.reset is not None


def test_github_releases(tmp_path: Path) -> None:
    batch = first(github_releases.Source(repo="flashinfer-ai/flashinfer", context=SourceContext(tmp_path)))
    assert any(record.ref == "v0.2.0" for record in batch.records)


def test_arxiv(tmp_path: Path) -> None:
    source = arxiv_papers.Source(categories=("cs.DC",), since=MONTH_AGO, max_papers=20, context=SourceContext(tmp_path))
    assert all("cs.DC" in record.labels for record in first(source).records)


def test_huggingface(tmp_path: Path) -> None:
    source = huggingface_models.Source(authors=("deepseek-ai",), limit=3, card=False, context=SourceContext(tmp_path))
    assert all(record.ref.startswith("deepseek-ai/") for record in first(source).records)


def test_a_feed(tmp_path: Path) -> None:
    first(rss_feed.Source(url="https://github.com/flashinfer-ai/flashinfer/releases.atom", context=SourceContext(tmp_path)))


def test_a_repository(tmp_path: Path) -> None:
    first(git_commits.Source(url=f"https://github.com/{REPO}", history=MONTH_AGO, context=SourceContext(tmp_path)))
