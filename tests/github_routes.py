"""The local GitHub's endpoints below one repository: what they list, in which order, on which page."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

from tests.github_data import Comment, Repo, Thread
from tests.github_faults import DOCS, Reply, reply_error, reply_json
from tests.github_payloads import Json, Payloads

_T = TypeVar("_T")
_Key = tuple[float, int]
# What GitHub can filter by and this server cannot.
_UNSERVED = ("milestone", "assignee", "type", "creator", "mentioned", "labels", "issue_field_values")


class _RefusedError(Exception):
    """This reply in place of the right one."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body)
        self.reply = reply


@dataclass(frozen=True)
class _View:
    """A request to one repository."""

    repo: Repo
    rest: str
    query: Mapping[str, str]
    payloads: Payloads

    def link(self, **query: str) -> str:
        """The address of another page of the same listing: GitHub names the repository by its number."""
        return f"{self.payloads.api}/repositories/{self.repo.id}{self.rest}?{urlencode({**self.query, **query})}"

    def choice(self, name: str, *allowed: str) -> str:
        """A parameter of a few values, the first of which is the default."""
        value = self.query.get(name, allowed[0])
        if value not in allowed:
            raise _RefusedError(_invalid(name, value))
        return value

    def number(self, name: str, default: int, most: int) -> int:
        value = self.query.get(name, "")
        return min(max(int(value), 1), most) if re.fullmatch(r"-?\d{1,9}", value) else default

    @property
    def since(self) -> datetime:
        """``since``, or the beginning of time."""
        value = self.query.get("since", "1970-01-01T00:00:00Z")
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise _RefusedError(_invalid("since", value)) from None
        return at if at.tzinfo else at.replace(tzinfo=UTC)


def answer(repo: Repo, rest: str, query: Mapping[str, str], *, api: str, site: str) -> Reply:
    """The reply to a GET of ``rest`` below a repository; ``api`` and ``site`` as in ``github_payloads``."""
    if repo.blocked:
        notice = f"https://github.com/github/{repo.blocked}/blob/master/2026/01/2026-01-15-acme.md"
        block = {"reason": repo.blocked, "created_at": "2026-01-15T00:00:00Z", "html_url": notice}
        return reply_json(451, {"message": "Repository access blocked", "block": block})
    if not repo.has_issues and rest.startswith("/issues"):
        return reply_error(410, "Issues are disabled for this repo", "https://docs.github.com/v3/issues/")
    unserved = [name for name in _UNSERVED if name in query]
    if unserved:
        return reply_error(501, f"The test server does not serve the parameter {unserved[0]}")
    view = _View(repo, rest, query, Payloads(repo, api, site))
    for pattern, handler in _ROUTES:
        if match := pattern.fullmatch(rest):
            try:
                return handler(view, *map(unquote, match.groups()))
            except _RefusedError as refused:
                return refused.reply
    return reply_error(404, "Not Found")


# -- endpoints ----------------------------------------------------------------------------------------------------------


def _repository(view: _View) -> Reply:
    return reply_json(200, view.payloads.repository)


def _issues(view: _View) -> Reply:
    since = view.since
    threads = [thread for thread in _in_state(view, view.repo.threads.values()) if thread.updated >= since]
    sort = view.choice("sort", "created", "updated", "comments")
    descending = view.choice("direction", "desc", "asc") == "desc"

    def key(thread: Thread) -> _Key:
        values = {"created": thread.created.timestamp(), "updated": thread.updated.timestamp()}
        return values.get(sort, len(thread.comments)), thread.number

    threads.sort(key=key, reverse=descending)
    limit = view.repo.cursors_above
    if "after" in view.query or "before" in view.query or (limit is not None and len(threads) > limit):
        return _by_cursor(view, threads, key, descending=descending)
    return _by_page(view, threads, view.payloads.issue)


def _issue(view: _View, number: str) -> Reply:
    thread = _thread(view, number)
    return _single(view.payloads.issue(thread, single=True), thread.updated)


def _issue_comments(view: _View, number: str) -> Reply:
    thread, since = _thread(view, number), view.since
    found = [(thread, comment) for comment in thread.comments if comment.updated >= since]
    return _by_page(view, found, lambda pair: view.payloads.comment(*pair))


def _comments(view: _View) -> Reply:
    """Of all threads; the direction counts only beside a sort, and without one the oldest come first."""
    since = view.since
    said = ((thread, comment) for thread in view.repo.threads.values() for comment in thread.comments)
    found = [(thread, comment) for thread, comment in said if comment.updated >= since]
    sort = view.choice("sort", "", "created", "updated")

    def key(pair: tuple[Thread, Comment]) -> tuple[float, int]:
        comment = pair[1]
        return {"": 0.0, "created": comment.at.timestamp()}.get(sort, comment.updated.timestamp()), comment.id

    found.sort(key=key, reverse=bool(sort) and view.choice("direction", "desc", "asc") == "desc")
    return _by_page(view, found, lambda pair: view.payloads.comment(*pair))


def _events(view: _View) -> Reply:
    newest = sorted(view.repo.happenings, key=lambda happening: (happening.at, happening.id), reverse=True)
    return _by_page(view, newest, view.payloads.event)


def _pulls(view: _View) -> Reply:
    """There is no ``since`` here: GitHub takes no notice of it, and neither does this."""
    pulls = _in_state(view, (thread for thread in view.repo.threads.values() if thread.is_pull))
    pulls = [pull for pull in pulls if view.query.get("base", pull.base) == pull.base]
    owner = view.repo.name.partition("/")[0]
    pulls = [pull for pull in pulls if view.query.get("head") in (None, f"{owner}:{pull.head}")]
    sort = view.choice("sort", "created", "updated", "popularity", "long-running")
    direction = view.choice("direction", *(("desc", "asc") if sort == "created" else ("asc", "desc")))

    def key(pull: Thread) -> _Key:
        values = {"updated": pull.updated.timestamp(), "popularity": float(len(pull.comments))}
        return values.get(sort, pull.created.timestamp()), pull.number

    pulls.sort(key=key, reverse=direction == "desc")
    return _by_page(view, pulls, view.payloads.pull)


def _pull(view: _View, number: str) -> Reply:
    pull = _thread(view, number, pull=True)
    return _single(view.payloads.pull(pull, single=True), pull.updated)


def _reviews(view: _View, number: str) -> Reply:
    pull = _thread(view, number, pull=True)
    return _by_page(view, pull.reviews, lambda review: view.payloads.review(pull, review))


def _releases(view: _View) -> Reply:
    shown = [release for release in view.repo.releases.values() if not release.draft or view.repo.drafts_visible]
    shown.sort(key=lambda release: (release.created, release.id), reverse=True)
    return _by_page(view, shown, view.payloads.release)


def _release(view: _View, tag: str) -> Reply:
    release = view.repo.releases.get(tag)
    if release is None or release.draft:
        return reply_error(404, "Not Found", f"{DOCS}/releases/releases#get-a-release-by-tag-name")
    return _single(view.payloads.release(release), release.updated)


def _tags(view: _View) -> Reply:
    return _by_page(view, sorted(view.repo.tags.items(), reverse=True), lambda tag: view.payloads.tag(*tag))


_ROUTES: tuple[tuple[re.Pattern[str], Callable[..., Reply]], ...] = (
    (re.compile(r""), _repository),
    (re.compile(r"/issues"), _issues),
    (re.compile(r"/issues/(\d+)"), _issue),
    (re.compile(r"/issues/(\d+)/comments"), _issue_comments),
    (re.compile(r"/issues/comments"), _comments),
    (re.compile(r"/issues/events"), _events),
    (re.compile(r"/pulls"), _pulls),
    (re.compile(r"/pulls/(\d+)"), _pull),
    (re.compile(r"/pulls/(\d+)/reviews"), _reviews),
    (re.compile(r"/releases"), _releases),
    (re.compile(r"/releases/tags/(.+)"), _release),
    (re.compile(r"/tags"), _tags),
)


# -- pages --------------------------------------------------------------------------------------------------------------


def _by_page(view: _View, values: Sequence[_T], write: Callable[[_T], Json]) -> Reply:
    size = view.number("per_page", 30, 100)
    page = view.number("page", 1, 10**9)
    last = max(-(-len(values) // size), 1)
    links = []
    if page > 1:
        links.append(("prev", min(page - 1, last)))
    if page < last:
        links += [("next", page + 1), ("last", last)]
    if page > 1:
        links.append(("first", 1))
    header = ", ".join(f'<{view.link(page=str(number))}>; rel="{rel}"' for rel, number in links)
    shown = values[(page - 1) * size : page * size]
    return reply_json(200, [write(value) for value in shown], {"Link": header} if header else {})


def _by_cursor(view: _View, threads: list[Thread], key: Callable[[Thread], _Key], *, descending: bool) -> Reply:
    """A page told by the entry that it follows or precedes. Page numbers reach only so far, and there is no last page."""
    size = view.number("per_page", 30, 100)
    page = view.number("page", 1, 10**9)
    limit = view.repo.cursors_above
    if "after" in view.query:
        start = _place(threads, key, _opened(view, "after"), descending=descending, beyond=True)
    elif "before" in view.query:
        start = max(_place(threads, key, _opened(view, "before"), descending=descending, beyond=False) - size, 0)
    elif limit is not None and page > 1 and page * size > limit:
        message = (
            "Pagination with the page parameter is not supported for large datasets, "
            "please use cursor based pagination (after/before)"
        )
        return reply_error(422, message, f"{DOCS}/issues/issues#list-repository-issues")
    else:
        start = (page - 1) * size
    shown = threads[start : start + size]
    plain = _View(view.repo, view.rest, {k: v for k, v in view.query.items() if k not in ("after", "before")}, view.payloads)
    links = []
    if shown and start + size < len(threads):
        links.append(f'<{plain.link(after=_sealed(key(shown[-1])), page=str(page + 1))}>; rel="next"')
    if shown and start:
        links.append(f'<{plain.link(before=_sealed(key(shown[0])), page=str(max(page - 1, 1)))}>; rel="prev"')
    return reply_json(200, [view.payloads.issue(thread) for thread in shown], {"Link": ", ".join(links)} if links else {})


def _place(threads: list[Thread], key: Callable[[Thread], _Key], mark: _Key, *, descending: bool, beyond: bool) -> int:
    """The first position at a mark, or ``beyond`` it."""
    for position, thread in enumerate(threads):
        own = key(thread)
        if own == mark and not beyond:
            return position
        if own != mark and (own < mark) == descending:
            return position
    return len(threads)


def _sealed(key: _Key) -> str:
    return base64.b64encode(b"cursor:v2:" + json.dumps(key).encode()).decode()


def _opened(view: _View, name: str) -> _Key:
    value = view.query[name]
    try:
        at, number = json.loads(base64.b64decode(value, validate=True).removeprefix(b"cursor:v2:"))
        return float(at), int(number)
    except (ValueError, TypeError, binascii.Error):
        raise _RefusedError(_invalid(name, value)) from None


# -- parts --------------------------------------------------------------------------------------------------------------


def _in_state(view: _View, threads: Iterable[Thread]) -> list[Thread]:
    state = view.choice("state", "open", "closed", "all")
    return [thread for thread in threads if state in ("all", thread.state)]


def _thread(view: _View, number: str, *, pull: bool = False) -> Thread:
    if int(number) in view.repo.deleted_numbers and not pull:
        raise _RefusedError(reply_error(410, "This issue was deleted", f"{DOCS}/issues/issues#get-an-issue"))
    thread = view.repo.threads.get(int(number))
    if thread is None or (pull and not thread.is_pull):
        raise _RefusedError(reply_error(404, "Not Found"))
    return thread


def _single(value: Any, changed: datetime) -> Reply:
    return reply_json(200, value, {"Last-Modified": format_datetime(changed.astimezone(UTC), usegmt=True)})


def _invalid(name: str, value: str) -> Reply:
    errors = [{"resource": "Search", "field": name, "code": "invalid", "value": value}]
    return reply_error(422, "Validation Failed", f"{DOCS}/issues/issues#list-repository-issues", errors=errors)
