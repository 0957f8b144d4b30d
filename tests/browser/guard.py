"""What a page must never do, recorded while it is used: errors in the console, requests that leave this machine, failures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, Response, WebError

_LOCAL = {"127.0.0.1", "localhost", "[::1]", "::1"}
_WITHIN = {"data", "blob", "about"}
_LEAVING = ("console: AbortError", "console: Unexpected error Connection errored out")  # Gradio, of a page that is left


@dataclass
class Guard:
    """``problems`` of every page of a context so far; what matches one of ``expected`` is none, and where a page was left for
    another or read again, neither is what Gradio says of the connection that ended with it."""

    problems: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    opened: int = 0  # pages

    @classmethod
    def of(cls, context: BrowserContext) -> Guard:
        guard = cls()
        context.on("page", guard._page)
        context.on("console", guard._console)
        context.on("weberror", guard._error)
        context.on("request", guard._request)
        context.on("response", guard._response)
        context.on("dialog", guard._dialog)
        return guard

    def unexpected(self) -> list[str]:
        faults = [problem for problem in self.problems if not any(re.search(form, problem) for form in self.expected)]
        left = sum(request.is_navigation_request() for request in self.requests) > self.opened
        return [fault for fault in faults if not (left and fault.startswith(_LEAVING))]

    def check(self, pages: Sequence[Page]) -> None:
        """Nothing went wrong, and no text of a record has run in any of the pages."""
        for page in pages:
            if not page.is_closed() and page.evaluate("window.__pwned") is not None:
                self.problems.append(f"a script of a record ran in {page.url}")
        if self.unexpected():
            raise AssertionError("\n".join(self.unexpected()))

    def _page(self, _: Page) -> None:
        self.opened += 1

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _error(self, error: WebError) -> None:
        self.problems.append(f"page error: {error.error.stack or error.error.message}")

    def _request(self, request: Request) -> None:
        self.requests.append(request)
        parts = urlsplit(request.url)
        if parts.scheme not in _WITHIN and parts.hostname not in _LOCAL:
            self.problems.append(f"request to elsewhere: {request.url[:300]}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.problems.append(f"HTTP {response.status}: {response.url[:300]}")

    def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message[:300]}")
        dialog.dismiss()
