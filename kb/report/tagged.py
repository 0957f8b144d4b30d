"""The versions that were tagged in a window and have no release of their own: what is known where only git is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from kb.catalog import Catalog
from kb.releases import is_nightly, is_release
from kb.report.types import Entry, Frame, Tagged
from kb.types import Tag

_COMMIT_PAGE = re.compile(r"(?P<site>https?://.+?)(?P<gitlab>/-)?/commit/[0-9a-f]{7,64}$")


def tagged(catalog: Catalog, frame: Frame, entries: Sequence[Entry]) -> tuple[Tagged, ...]:
    """Versions tagged in the window, by repository, latest first; not those of builds made by the clock.

    Raises:
        CatalogError: the record store cannot be read.
    """
    sites = _sites(entries)
    return tuple(
        Tagged(
            repo=repo,
            name=tag.name,
            at=tag.at,
            previous=tag.previous,
            commits=len(catalog.tag_commits(_release(repo, tag))) + tag.beyond,
            url=f"{sites[repo]}/{quote(tag.name)}" if repo in sites else "",
        )
        for repo in frame.repos or catalog.repos()
        for tag in _news(catalog, frame, repo)
    )


def _news(catalog: Catalog, frame: Frame, repo: str) -> Iterator[Tag]:
    for tag in catalog.tags(repo):
        named = is_release(tag.name) and not is_nightly(tag.name)
        if named and frame.holds(tag.at) and catalog.record(_release(repo, tag)) is None:
            yield tag


def _release(repo: str, tag: Tag) -> str:
    return f"release:{repo}@{tag.name}"


def _sites(entries: Sequence[Entry]) -> Mapping[str, str]:
    """Repository -> where its tags have their pages, as far as the page of a commit tells."""
    pages = {entry.view.record.repo: _COMMIT_PAGE.match(entry.view.record.url) for entry in entries}
    return {
        repo: f"{page['site']}/-/tags" if page["gitlab"] else f"{page['site']}/releases/tag"
        for repo, page in pages.items()
        if page
    }
