"""The versions that were tagged in a window and have no release of their own: what is known where only git is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from kb.catalog import Catalog
from kb.lines import shown_title
from kb.releases import is_nightly, is_release, version_key
from kb.report.points import is_announcement
from kb.report.types import Entry, Frame, Tagged
from kb.types import Tag

_NUMBER = re.compile(r"[vV]?\d+\.\d")
_NUMBERED = re.compile(r"[vV]\d+(?![0-9A-Za-z])")  # a whole number, whatever stands behind it
_COMMIT_PAGE = re.compile(r"(?P<site>https?://.+?)(?P<gitlab>/-)?/commit/[0-9a-f]{7,64}$")


def tagged(catalog: Catalog, frame: Frame, entries: Sequence[Entry]) -> tuple[Tagged, ...]:
    """Versions tagged in the window, by repository: final ones before others, then the latest first; prereleases of one version
    are one. Not those of builds made by the clock.

    Raises:
        CatalogError: the record store cannot be read.
    """
    sites = _sites(entries)
    return tuple(
        one for repo in frame.repos or catalog.repos() for one in _of_repo(catalog, frame, repo, site=sites.get(repo, ""))
    )


def announced(entry: Entry, tags: Sequence[Tagged]) -> bool:
    """Whether an entry does no more than set the version of one of some tags: the tag tells of it."""
    if entry.group != "versions" or not is_announcement(entry.view):
        return False
    own = {tag.name for tag in tags if tag.repo == entry.view.record.repo}
    versions = {version[0] for name in own if (version := version_key(name))}
    words = shown_title(entry.view.subject, entry.view.pull).split()
    said = [version[0] for word in words if (version := version_key(word))]
    return bool(said) and said[-1] in versions  # "from 1.0 to 1.1"


def _of_repo(catalog: Catalog, frame: Frame, repo: str, *, site: str) -> list[Tagged]:
    known = catalog.tags(repo)
    shas = {tag.name: tag.sha for tag in known}
    news = [tag for tag in known if _is_version(tag.name) and frame.holds(tag.at) and not catalog.record(_release(repo, tag))]
    found: list[Tagged] = []
    for series in _series(news):
        newest, oldest = series[0], series[-1]
        same = oldest.previous if shas.get(oldest.previous) == newest.sha else ""
        found.append(
            Tagged(
                repo=repo,
                name=newest.name,
                at=newest.at,
                previous="" if same else oldest.previous,
                commits=sum(len(catalog.tag_commits(_release(repo, tag))) + tag.beyond for tag in series),
                url=f"{site}/{quote(newest.name)}" if site else "",
                dated=_is_dated(catalog, repo, newest),
                early=_is_early(newest.name),
                also=tuple(tag.name for tag in series[1:]),
                same=same,
            )
        )
    return sorted(found, key=lambda one: one.early)


def _series(tags: Sequence[Tag]) -> list[list[Tag]]:
    """The tags, latest first as they come; prereleases of one version together."""
    found: dict[object, list[Tag]] = {}
    for tag in tags:
        version = version_key(tag.name)
        together = (_NUMBER.split(tag.name)[0], version[0]) if version and _is_early(tag.name) else tag.name
        found.setdefault(together, []).append(tag)
    return list(found.values())


def _is_version(name: str) -> bool:
    return bool(is_release(name) or _NUMBERED.match(name)) and not is_nightly(name)


def _is_early(name: str) -> bool:
    version = version_key(name)
    return version is not None and not version[1]


def _is_dated(catalog: Catalog, repo: str, tag: Tag) -> bool:
    """Whether the date of a tag is its own: a lightweight one has its commit's."""
    commit = catalog.record(f"commit:{repo}@{tag.sha}")
    return commit is None or all(event.at != tag.at for event in commit.events if event.kind == "committed")


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
