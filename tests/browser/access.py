"""What axe-core finds on a page, as far as it keeps somebody from using it."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_GRAVE = {"serious", "critical"}


def violations(page: Page) -> list[str]:
    """One line for each element with a violation of level serious or above."""
    # Of the rest only one node for each rule is told: a page of an answer has thousands.
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['impact']} {rule['id']}: {_why(node)} in {node['html'][:200]}"
        for rule in found
        if rule["impact"] in _GRAVE
        for node in rule["nodes"]
    ]


def _why(node: dict[str, list[dict[str, str]]]) -> str:
    return next((check["message"] for part in ("any", "all", "none") for check in node[part]), "")
