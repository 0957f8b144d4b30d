"""What somebody browses, or looks at the activity of, as an address: the page's own, or what its form sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlencode

from kb.catalog import Catalog, Filter
from kb.errors import EmptyCatalogError, KbError
from kb.safe import one_line
from kb.web.browse import LONGEST_QUERY, SIZES, SORTS
from kb.web.filters import Filters, asked_by
from kb.wiring import Asked, KnowledgeBase

STATES = ("open", "merged", "closed")
WINDOWS = ("7d", "30d", "90d", "365d")
CUSTOM = "custom"
_LARGEST = 20_000  # characters
_MOST_PAGES = 100_000


@dataclass(frozen=True)
class Browsing:
    """What is looked at: filters, and of a table of records the words, the order and the page. ``sort`` is one of SORTS."""

    filters: Filters = field(default_factory=Filters)
    text: str = ""
    states: tuple[str, ...] = ()
    sort: str = "relevance"
    descending: bool = True
    page: int = 1
    size: int = 50


@dataclass(frozen=True)
class Behind:
    """The records behind a bar: what the bar is, and their numbers."""

    label: str
    docs: tuple[int, ...]


def browsing_by(address: str) -> Browsing:
    """What an address asks to see; what is no value of it is left out, what is too long cut.

    >>> browsing_by("?tab=browse&text=top_k&sort=nonsense&part=2").page
    2
    """
    address = address[:_LARGEST]
    values = address_values(address)

    def first(name: str) -> str:
        return one_line(values.get(name, [""])[0], limit=LONGEST_QUERY)

    _, filters = asked_by(address)
    window = first("window")
    if window in ("", *WINDOWS) and "window" in values:
        filters = Filters(since=window, repos=filters.repos, kinds=filters.kinds)
    page = first("part")
    size = first("size")
    return Browsing(
        filters=filters,
        text=first("text"),
        states=tuple(state for state in STATES if state in values.get("state", [])),
        sort=first("sort") if first("sort") in SORTS else "relevance",
        descending=first("order") != "ascending",
        page=min(int(page), _MOST_PAGES) if page.isdecimal() and page.isascii() and len(page) < 9 else 1,
        size=int(size) if size in map(str, SIZES) else 50,
    )


def address_values(address: str) -> Mapping[str, list[str]]:
    """Name -> values of an address; none where it cannot be read."""
    try:
        return parse_qs(address[:_LARGEST].removeprefix("?"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return {}


def browsing_address(tab: str, shown: Browsing) -> str:
    """The address that shows the same again."""
    filters = shown.filters
    pairs = [("tab", tab), ("text", shown.text), ("since", filters.since), ("until", filters.until)]
    pairs += [("repo", repo) for repo in filters.repos] + [("kind", kind) for kind in filters.kinds]
    pairs += [("state", state) for state in shown.states]
    pairs += [("sort", shown.sort)] if shown.sort != "relevance" else []
    pairs += [] if shown.descending else [("order", "ascending")]
    pairs += [("part", str(shown.page))] if shown.page > 1 else []
    return "?" + urlencode([(name, value) for name, value in pairs if value])


def named(base: KnowledgeBase, shown: Browsing) -> Browsing:
    """The same with the full name of each repository ("flashinfer" may stand in an address); as it is where one is unknown."""
    try:
        return replace(shown, filters=replace(shown.filters, repos=base.scope(Asked("", repos=shown.filters.repos))[0].repos))
    except KbError:
        return shown


def stored(base: KnowledgeBase) -> Catalog:
    """The records, of which there are some.

    Raises:
        CatalogError: there is none (EmptyCatalogError), or they cannot be read.
    """
    if not base.catalog.size():
        raise EmptyCatalogError("there are no records", remedy="read the sources")
    return base.catalog


def narrowed(base: KnowledgeBase, shown: Browsing) -> Filter:
    """The filter that somebody set, resolved now.

    Raises:
        QueryError: a day or a repository that cannot be resolved.
        CatalogError: nothing has been read yet.
    """
    chosen = shown.filters
    asked = Asked("", repos=chosen.repos, kinds=chosen.kinds, since=chosen.since or None, until=chosen.until or None)
    scope, _ = base.scope(asked)
    window = scope.window if chosen.since or chosen.until else Filter().window
    return Filter(window=window, repos=scope.repos, kinds=chosen.kinds, states=shown.states)
