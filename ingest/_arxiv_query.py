"""What a person wrote into ``kb.toml``, as a query in arXiv's language. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from ingest._arxiv_server import is_arxiv
from kb.errors import ConfigError

LEAST_DELAY = 3.0  # arXiv's terms of use: no more than one request every three seconds
_CATEGORY = re.compile(r"[A-Za-z-]+(?:\.(?:[A-Za-z-]+|\*))?")
_NAME = re.compile(r"[^\x00-\x1f\x7f\"()]*\w[^\x00-\x1f\x7f\"()]*")
_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(?:/[\w./~-]*)?", re.ASCII)


def combined(query: str, categories: Sequence[str], authors: Sequence[str]) -> str:
    """The three in one: any of the categories, by any of the authors, and what the query says.

    Raises:
        ConfigError: none is given, or one cannot be right.
    """
    text = " ".join(query.split())
    if not (text or categories or authors):
        remedy = 'give at least one, as query = \'all:"speculative decoding"\' or categories = ["cs.DC"]'
        raise ConfigError("none of query, categories and authors says what to read", remedy=remedy)
    if not _balanced(text):
        raise ConfigError(f"query {query!r} has a quotation mark or a bracket without its partner", remedy="add it")
    for category in categories:
        if not _CATEGORY.fullmatch(category):
            raise ConfigError(
                f"categories: {category!r} is no category of arXiv", remedy='for example "cs.LG", or "cs.*" for all'
            )
    for author in authors:
        if not _NAME.fullmatch(author):
            raise ConfigError(f"authors: {author!r} is no name", remedy='for example "Tri Dao", without quotation marks in it')
    groups = (
        text,
        " OR ".join(f"cat:{category}" for category in categories),
        " OR ".join(f'au:"{" ".join(author.split())}"' for author in authors),
    )
    given = [group for group in groups if group]
    return given[0] if len(given) == 1 else " AND ".join(f"({group})" for group in given)


def check_server(base_url: str, delay: float) -> None:
    """Refuse an address that is none, and to ask arXiv faster than it allows.

    Raises:
        ConfigError: see above.
    """
    if not _URL.fullmatch(base_url):
        remedy = "give http(s)://host/path, with no user and no query in it; leave it out for arXiv's own"
        raise ConfigError("base_url is not an address of arXiv's query interface", remedy=remedy)
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError as error:
        raise ConfigError(f"base_url {base_url!r} is not well formed", remedy="leave it out for arXiv's own") from error
    if not 0 <= delay <= 3600 or (delay < LEAST_DELAY and is_arxiv(host)):
        least = LEAST_DELAY if is_arxiv(host) else 0
        raise ConfigError(
            f"delay = {delay:g}: arXiv's terms of use want at least {LEAST_DELAY:g} seconds between two requests",
            remedy=f"use {least:g} to 3600",
        )


def _balanced(text: str) -> bool:
    outside = re.sub(r'"[^"]*"', "", text)
    depth = 0
    for sign in re.findall(r"[()]", outside):
        depth += 1 if sign == "(" else -1
        if depth < 0:
            return False
    return depth == 0 and '"' not in outside
