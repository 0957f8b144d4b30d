"""Every piece of the web app's pages with made-up records, in one file to look at.

    python -m benchmarks.gallery --out DIR

writes ``gallery-en.html``, ``gallery-zh.html`` and ``gallery-en-dark.html``. The charts are drawn by the plotly.js that the
plotly package brings.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import plotly
from markupsafe import Markup

from kb.answer import answer
from kb.catalog import Catalog, Filter
from kb.judge import judge
from kb.types import (
    Answer,
    Batch,
    Event,
    FileChange,
    Found,
    Hit,
    LedgerRow,
    Link,
    Note,
    Quote,
    Record,
    Scope,
    Window,
)
from kb.web.activity import Activity
from kb.web.answer_html import answer_html
from kb.web.browse import Browser, Wanted
from kb.web.browse_html import browse_html
from kb.web.charts import CONFIG, FIGURES
from kb.web.ledger_html import ledger_html
from kb.web.markup import join, tag
from kb.web.reader import Reader
from kb.web.record_html import missing_html, open_record, record_html

REPO = "acme/kernels"
NOW = datetime(2026, 2, 20, 9, 30, tzinfo=UTC)
_TITLES = (
    "feat: paged decode for MLA",
    "fix(moe): guard the routing table against an empty batch",
    "perf: tune split-K for small M",
    "[ci] Move the nightly build to Python 3.12",
    "docs: how a cache page is laid out",
    "refactor: one launcher for every decode kernel",
    "test: cover FP8 e5m2 outputs",
    'Revert "perf: tune split-K for small M"',
)
_PATCH = """@@ -12,7 +12,9 @@ def route(table, batch):
     \"\"\"Where each token goes.\"\"\"
-    rows = table[batch]
-    return rows.argmax(-1)
+    if batch.numel() == 0:
+        return batch.new_empty(0, dtype=torch.int32)
+    rows = table.index_select(0, batch)
+    return rows.argmax(-1).to(torch.int32)
\x20
 def spread(rows):
@@ -80,3 +82,4 @@ def spread(rows):
     return rows
+# \u202etxet neddih
"""
HOSTILE = "<script>alert(1)</script> [click](javascript:alert(1)) ![x](https://evil.example/x.png) \u202egnp.exe \"' onload=x"


def _at(days: float) -> datetime:
    return NOW - timedelta(days=days)


def _commit(number: int, title: str, days: float, **fields: object) -> Record:
    sha = f"{number * 2654435761 % 2**32:08x}{number:032x}"
    values = {
        "body": "An empty batch read past the end of the table, because its length was taken from the one before.\n\n"
        "Now the launcher returns early.",
        "author": "Ada Byron",
        "events": (Event("authored", _at(days + 0.4)), Event("landed", _at(days))),
        "files": (
            FileChange(path=f"src/moe/part{number % 5}.py", additions=5, deletions=2, patch=_PATCH),
            FileChange(path="tests/test_moe.py", status="A", additions=1, patch="@@ -0,0 +1 @@\n+def test_it(): ...\n"),
        ),
        "url": f"https://example.org/{REPO}/commit/{sha}",
        "links": (Link("pull", f"pull:{REPO}#{number}"),),
        **fields,
    }
    return Record(id=f"commit:{REPO}@{sha}", kind="commit", repo=REPO, ref=sha, title=title, **values)  # type: ignore[arg-type]


def _thread(kind: str, number: int, title: str, opened: float, closed: float | None = None, **fields: object) -> Record:
    ended = () if closed is None else (Event("closed", _at(closed)),)
    values = {
        "body": f"## What happens\n\nIt **crashes** with `{title}`:\n\n```python\nroute(table, [])\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "author": "eve",
        "state": "open" if closed is None else "closed",
        "labels": ("bug", "moe"),
        "events": (Event("opened", _at(opened)), *ended),
        "url": f"https://example.org/{REPO}/{'pull' if kind == 'pull' else 'issues'}/{number}",
        **fields,
    }
    return Record(id=f"{kind}:{REPO}#{number}", kind=kind, repo=REPO, ref=str(number), title=title, **values)  # type: ignore[arg-type]


def records() -> list[Record]:
    """Some of every kind, among them hostile ones."""
    commits = [_commit(n, f"{_TITLES[n % len(_TITLES)]} (#{n})", n * 0.7) for n in range(1, 90)]
    said = (
        Note(
            kind="comment",
            at=_at(8),
            author="bo",
            text="I see it, too. It needs an *empty* batch.",
            url="https://example.org/9#1",
        ),
        Note(kind="review", at=_at(7), author="cy", text=HOSTILE, verdict="approved"),
    )
    pages = tuple(Note(kind="page", at=_at(20), text="Tables are paged in 64 kB. " * 30, verdict=str(n)) for n in range(1, 4))
    return [
        *commits,
        *(_thread("issue", 200 + n, f"Crash number {n}", 60 - n, 40 - n if n % 3 else None) for n in range(1, 30)),
        _thread("issue", 9, "Crash with an empty batch", 9, 2, notes=said),
        _thread("issue", 10, HOSTILE, 3, body=HOSTILE, author=HOSTILE, labels=(HOSTILE,), notes=said),
        _commit(
            91,
            HOSTILE,
            0.2,
            body=HOSTILE,
            author=HOSTILE,
            url="javascript:alert(1)",
            files=(FileChange(path=HOSTILE, patch=_PATCH),),
        ),
        Record(
            id="paper:arxiv:2602.02061",
            kind="paper",
            repo="",
            ref="2602.02061",
            title="Paging attention tables",
            body="We page tables. Decoding gets 2.5x faster.",
            author="A. Uthor",
            meta=(("author", "A. Uthor"), ("author", "B. Eta")),
            events=(Event("published", _at(20)), Event("revised", _at(3))),
            url="https://arxiv.org/abs/2602.02061",
            notes=pages,
        ),
        Record(
            id=f"release:{REPO}@v0.6.2",
            kind="release",
            repo=REPO,
            ref="v0.6.2",
            title="v0.6.2",
            body="### Fixes\n- Guards the table (#2)",
            author="Ada Byron",
            events=(Event("released", _at(1)),),
            url="https://example.org/acme/kernels/releases/v0.6.2",
        ),
    ]


def ledger() -> list[LedgerRow]:
    """A source in every state."""
    ok = LedgerRow(
        source="kernels",
        use="git_commits",
        repo=REPO,
        status="ok",
        ended=_at(0.1),
        last_success=_at(0.1),
        latest=_at(0.2),
        since=_at(200),
        kinds=("commit",),
    )
    error = "https://api.example.org: 403 rate limit exceeded; set token_env, or wait until the limit resets"
    return [
        ok,
        LedgerRow(
            source="threads",
            use="github_threads",
            repo=REPO,
            status="failed",
            ended=_at(0.2),
            last_success=_at(3),
            error=f"threads: {error}",
            limit_reset=NOW + timedelta(minutes=12),
        ),
        LedgerRow(source="papers", use="arxiv_papers", repo="", status="ok", last_success=_at(4)),
        LedgerRow(
            source="releases",
            use="github_releases",
            repo=REPO,
            status="ok",
            last_success=_at(0.1),
            truncated="the first 500 of 900 releases",
        ),
        LedgerRow(source="feed", use="rss_feed", repo="", status="running", fetched=120, expected=400, last_success=_at(0.6)),
        LedgerRow(source=HOSTILE, use="git_commits", repo=REPO, status="interrupted", last_success=_at(1), error=HOSTILE),
        LedgerRow(source="models", use="huggingface_models", repo=""),
    ]


class _Lately:
    """A searcher that finds what the filter lets through, latest first; the first with a hunk for a quote."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def find(self, scope: Scope, *, limit: int = 10) -> Found:
        docs = self._catalog.select(Filter(window=scope.window, repos=scope.repos, kinds=scope.kinds, once=True))
        found = self._catalog.records(docs[:limit])
        hits = [Hit(record, 0.5, _quote(record, at)) for at, record in enumerate(found)]
        return Found(hits=tuple(hits), in_window=len(docs))


def _quote(record: Record, at: int) -> Quote:
    if at % 2 and record.files:
        return Quote("\n".join(_PATCH.split("\n")[2:8]), record.files[0].path, 13)
    return Quote("An empty batch read past the end of the table, because its length was taken from the one before.")


def asked(catalog: Catalog, language: str) -> Answer:
    """An answer about the last week."""
    scope = Scope(
        question="What changed?",
        window=Window(_at(7), NOW, "the last 7 days"),
        repos=(REPO,),
        intent="window",
        language=language,
    )
    return answer(
        scope, catalog=catalog, searcher=_Lately(catalog), judge=judge, now=NOW, zone=UTC, language=language, ledger=ledger()
    )


def pieces(catalog: Catalog, reader: Reader) -> list[tuple[str, Markup]]:
    """Name and HTML of everything that the pages are made of."""
    told = answer_html(asked(catalog, reader.language), reader)
    found = [("answer", told.whole), ("evidence", told.evidence)]
    for id in (
        f"issue:{REPO}#9",
        f"issue:{REPO}#10",
        "paper:arxiv:2602.02061",
        f"release:{REPO}@v0.6.2",
        _commit(1, "", 1).id,
        _commit(91, "", 1).id,
    ):
        opened = open_record(catalog, id)
        if opened is None:
            raise SystemExit(f"the gallery's store has no {id}")
        found.append((id, record_html(opened, reader, quote=_quote(opened.record, 1) if opened.record.files else None)))
    browser = Browser(catalog)
    return [
        *found,
        ("missing", missing_html(HOSTILE, reader)),
        ("sources", ledger_html(ledger(), reader, counts=catalog.counts())),
        ("no sources", ledger_html([], reader)),
        ("browse", browse_html(browser.page(Wanted(text="crash", size=25)), reader)),
        ("browse hostile", browse_html(browser.page(Wanted(text="<script", size=25)), reader)),
        ("nothing found", browse_html(browser.page(Wanted(text="zzzz")), reader)),
    ]


def charts(catalog: Catalog, reader: Reader) -> Markup:
    """Every chart, and the script that draws it."""
    activity = Activity(catalog, UTC)
    figures = {name: figure(getattr(activity, name)(Filter()), reader) for name, figure in FIGURES.items()}
    value = json.dumps(figures).replace("<", "\\u003c")
    script = f"""for (const [name, figure] of Object.entries({value}))
        Plotly.newPlot(name, figure.data, figure.layout, {json.dumps(dict(CONFIG))})"""
    return join([*(tag("div", id=name) for name in figures), tag("script", Markup(script))])


def page(catalog: Catalog, reader: Reader, *, dark: bool) -> Markup:
    """The whole gallery."""
    style = resources.files("kb.web").joinpath("style.css").read_text(encoding="utf-8")
    library = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    plain = "body { margin: 0; padding: 12px; background: #fff } body.dark { background: #0b0f19 } section > h2 { color: #888 }"
    sections = [tag("section", tag("h2", name), html) for name, html in pieces(catalog, reader)]
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width"),
        tag("style", Markup(style + plain)),
        tag("script", Markup(library)),
    ]
    body = tag("main", *sections, charts(catalog, reader), class_="kb")
    return Markup("<!doctype html>") + tag(
        "html", tag("head", *head), tag("body", body, class_="dark" if dark else None), lang=reader.language
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Catalog.open(Path(folder) / "catalog.db") as catalog:
        catalog.begin("kernels", use="git_commits", repo=REPO)
        catalog.store("kernels", Batch(records=tuple(records()), cursor="1"))
        catalog.finish("kernels")
        for name, language, dark in (("en", "en", False), ("zh", "zh", False), ("en-dark", "en", True)):
            html = page(catalog, Reader(NOW, UTC, language), dark=dark)
            (options.out / f"gallery-{name}.html").write_text(html, encoding="utf-8")


if __name__ == "__main__":
    main()
