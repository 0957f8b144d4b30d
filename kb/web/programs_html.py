"""The page that shows how a program connects: the addresses, and what to paste. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from inspect import Parameter
from typing import Any

from markupsafe import Markup

from kb.web.markup import join, scrolling, tag
from kb.web.reader import Reader

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_QUESTION = "What changed in flashinfer this week?"


def base_url(headers: Mapping[str, str], *, scheme: str, root: str = "") -> str:
    """The server's address as its user sees it, also behind a proxy that says so; without a slash at its end.

    >>> base_url({"host": "127.0.0.1:7860"}, scheme="http")
    'http://127.0.0.1:7860'
    """
    forwarded = headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    host = headers.get("x-forwarded-host", "").partition(",")[0].strip() or headers.get("host", "")
    path = root.rstrip("/") if re.fullmatch(r"[A-Za-z0-9/._~-]{0,200}", root) else ""
    named = host if _HOST.fullmatch(host) else "127.0.0.1:7860"
    return f"{forwarded if forwarded in ('http', 'https') else scheme}://{named}{path}"


def programs_html(
    url: str, functions: Mapping[str, Mapping[str, Any]], reader: Reader, *, example: str = "", password: bool = False
) -> Markup:
    """How to connect to the server at ``url``. ``functions`` maps each function to its parameters with their defaults."""
    words, question = reader.ui.programs, example or _QUESTION
    mcp = f"{url}/gradio_api/mcp/"
    parts = [
        tag("h2", words["title"]),
        tag("p", words["intro"]),
        tag("p", words["password"], class_="kb-wrong") if password else None,
        tag("h3", words["mcp"]),
        *_sample(words["mcp hint"], _configuration(mcp, password), reader),
        *_sample(words["mcp address"], mcp, reader),
        tag("h3", words["python"]),
        *_sample(words["python hint"], _python(url, question, password), reader),
        tag("h3", words["curl"]),
        *_sample(words["curl hint"], _curl(url, question, password), reader),
        tag("h3", words["functions"]),
        _table(functions, reader),
        tag("p", words["errors"], class_="kb-dim"),
    ]
    return tag("div", *parts, class_="kb kb-programs", lang=reader.language)


def _configuration(mcp: str, password: bool) -> str:
    headers = {"headers": {"Authorization": "Basic CREDENTIALS"}} if password else {}
    return json.dumps({"mcpServers": {"infra-kb": {"type": "http", "url": mcp, **headers}}}, indent=2)


def _python(url: str, question: str, password: bool) -> str:
    auth = ', auth=("NAME", "PASSWORD")' if password else ""
    return "\n".join(
        (
            "from gradio_client import Client",
            "",
            f'kb = Client("{url}"{auth})',
            f'answer = kb.predict({_quoted(question)}, api_name="/ask")',
            'print(answer["answer"])',
        )
    )


def _curl(url: str, question: str, password: bool) -> str:
    login = f"curl -c kb.cookies -d 'username=NAME' -d 'password=PASSWORD' {url}/login\n" if password else ""
    data = json.dumps({"data": [question]}, ensure_ascii=False).replace("'", "'\\''")
    cookies = " -b kb.cookies" if password else ""
    return f"{login}curl{cookies} -H 'Content-Type: application/json' \\\n  -d '{data}' \\\n  {url}/gradio_api/run/ask"


def _quoted(question: str) -> str:
    return json.dumps(question, ensure_ascii=False)


def _sample(hint: str, code: str, reader: Reader) -> tuple[Markup, Markup]:
    words = reader.ui.programs
    copy = tag(
        "button",
        words["copy"],
        type="button",
        class_="kb-more kb-copy",
        data_copy=True,
        data_done=words["copied"],
        aria_label=words["copy what"].format(what=hint.rstrip(":：")),
    )
    block = tag("pre", tag("code", code), class_="kb-pre", tabindex=0, role="region", aria_label=hint.rstrip(":："))
    return tag("p", hint), tag("div", block, copy, class_="kb-sample")


def _table(functions: Mapping[str, Mapping[str, Any]], reader: Reader) -> Markup:
    words = reader.ui.programs
    head = tag("tr", *(tag("th", words[name], scope="col") for name in ("function", "does", "arguments")))
    rows = [
        tag("tr", tag("td", tag("code", name)), tag("td", words[name]), tag("td", _arguments(parameters)))
        for name, parameters in functions.items()
    ]
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="kb-functions")
    return scrolling(table, words["functions"], class_="kb-scroll")


def _arguments(parameters: Mapping[str, Any]) -> Markup:
    """Their names; what has to be given is marked by standing in bold."""
    shown = [
        tag("strong", tag("code", name)) if default is Parameter.empty else tag("code", name)
        for name, default in parameters.items()
    ]
    return join(shown, ", ")
