"""The archive of reports for feed readers: ``/reports/feed.xml``, and the pages that its entries lead to."""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from kb.errors import KbError
from kb.reports import archive_of
from kb.web.service import Service
from kb.web.shelf import Shelf

_FILE = re.compile(r"(?P<name>[A-Za-z0-9._+-]{1,200})\.(?P<ending>md|json)")
_TYPES = {"md": "text/markdown; charset=utf-8", "json": "application/json"}


def report_routes(service: Service) -> list[BaseRoute]:
    """``/reports/feed.xml``, and a report's two files by its name; nothing else of the archive's folder is given."""
    shelf = Shelf(lambda: archive_of(service.base.config))

    async def feed(request: Request) -> Response:
        base = str(request.url_for("kb-feed")).removesuffix("feed.xml")
        try:
            content = await run_in_threadpool(shelf.feed, base)
        except KbError as error:
            return PlainTextResponse(error.message, 503)
        return Response(content, media_type="application/atom+xml")

    async def file(request: Request) -> Response:
        asked = request.path_params["file"]
        if asked == "README.md":  # where the feed says that it is to be read
            return RedirectResponse("../?tab=reports")
        named = _FILE.fullmatch(asked)
        if named is None:
            return PlainTextResponse("There is no such report.", 404)
        try:
            opened = await run_in_threadpool(shelf.open, named["name"])
        except KbError as error:
            return PlainTextResponse(error.message, 404)
        return Response(opened.page if named["ending"] == "md" else opened.sidecar, media_type=_TYPES[named["ending"]])

    return [Route("/reports/feed.xml", feed, name="kb-feed"), Route("/reports/{file}", file)]
