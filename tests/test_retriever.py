"""The llama-index retriever, with llama-index's own types, no language model, and the page that shows how to use it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core import Settings
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import MetadataMode, QueryBundle, TextNode

from index.retriever import ChangeRetriever
from kb.errors import QueryError
from kb.types import FileChange
from tests.history import History
from tests.indexing import RECORDS, Library, build, library
from tests.records import commit, put

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "llama-index.md").read_text(encoding="utf-8")
HUNK = "@@ -1,2 +1,3 @@ def launch():\n a\n+ACME_DEBUG = read()\n b\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = build(tmp_path_factory.mktemp("retriever"))
    with library(folder) as made:
        put(made.catalog, commit(8, "Read a variable", files=(FileChange(path="src/env.py", additions=1, patch=HUNK),)))
        made.indexer.index()
        yield made


@pytest.fixture
def retriever(kept: Library) -> ChangeRetriever:
    return ChangeRetriever(kept.search, kept.scope, limit=3)


def test_a_query_bundle_gives_scored_nodes_best_first(retriever: ChangeRetriever) -> None:
    assert isinstance(retriever, BaseRetriever)
    nodes = retriever.retrieve(QueryBundle("which commit stopped pages of the KV cache from leaking?"))
    assert len(nodes) == 3
    scores = [node.score for node in nodes]
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    best = nodes[0].node
    record = RECORDS[0]
    assert isinstance(best, TextNode)
    assert best.node_id == record.id
    assert best.text == f"{record.title}\n\nPages were never returned to the pool.\nThe pool now counts them."
    assert best.metadata == {
        "key": f"kernels@{record.ref[:7]}",
        "id": record.id,
        "kind": "commit",
        "repo": record.repo,
        "ref": record.ref,
        "title": record.title,
        "url": record.url,
        "at": record.at.isoformat(),
        "quote": best.metadata["quote"],
        "path": "",
        "line": 0,
        "degraded": "",
    }
    assert best.metadata["quote"] in (record.title, *record.body.split("\n"))
    assert json.loads(json.dumps(best.metadata)) == best.metadata


def test_a_set_question_gives_the_whole_set_whatever_the_limit(kept: Library) -> None:
    one = ChangeRetriever(kept.search, kept.scope, limit=1)
    nodes = one.retrieve("what changed between 2026-02-01 and 2026-02-08?")
    assert [node.node.node_id for node in nodes] == [record.id for record in reversed(RECORDS)]
    moe = one.retrieve("what changed in MoE routing between 2026-02-01 and 2026-02-08?")
    assert {RECORDS[1].id, RECORDS[5].id} <= {node.node.node_id for node in moe}
    assert one.retrieve("what changed in January 2020?") == []


def test_a_quote_from_a_diff_is_part_of_the_text_and_placed(retriever: ChangeRetriever) -> None:
    node = retriever.retrieve("which commit introduced ACME_DEBUG?")[0].node
    assert node.metadata["path"] == "src/env.py"
    assert node.metadata["line"] == 2
    assert "+ACME_DEBUG = read()" in node.get_content()


def test_a_model_is_shown_what_a_citation_needs_and_an_embedding_only_the_text(retriever: ChangeRetriever) -> None:
    node = retriever.retrieve("KV cache leak")[0].node
    shown = node.get_content(MetadataMode.LLM)
    assert f"key: {node.metadata['key']}" in shown
    assert "degraded" not in shown
    assert node.get_content(MetadataMode.EMBED) == node.get_content(MetadataMode.NONE)


def test_without_vectors_it_says_so(kept: Library, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(kept.folder, tmp_path / "copy"))
    shutil.rmtree(folder / "index")
    with library(folder) as made:
        nodes = ChangeRetriever(made.search, made.scope).retrieve("KV cache leak")
        assert nodes[0].node.node_id == RECORDS[0].id
        assert "no vectors yet" in nodes[0].node.metadata["degraded"]


def test_it_works_asynchronously_and_never_resolves_a_language_model(
    retriever: ChangeRetriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert asyncio.run(retriever.aretrieve("KV cache leak"))[0].node.node_id == RECORDS[0].id
    assert Settings._llm is None
    assert Settings._embed_model is None


def test_an_error_of_the_question_comes_through(kept: Library) -> None:
    def refuse(question: str) -> object:
        raise QueryError(f"not a question: {question}")

    with pytest.raises(QueryError, match="not a question"):
        ChangeRetriever(kept.search, refuse).retrieve("anything")  # type: ignore[arg-type]


def test_the_page_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    history = History(tmp_path / "rocket")
    history.commit("Add the KV cache", {"cache.py": "pages = []\n"}, at="2026-02-03T12:00:00Z")
    sha = history.commit("Fix a memory leak in the KV cache", {"cache.py": "pages = pool()\n"}, at="2026-02-04T12:00:00Z")
    (tmp_path / "kb.toml").write_text(
        f'data_dir = "data"\n[[sources]]\nuse = "git_commits"\nurl = "{history.folder}"\nhistory = "all"\n'
    )
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    exec(
        "from pathlib import Path\nfrom kb.config import load_config\nfrom kb.wiring import open_kb\n"
        'with open_kb(load_config(Path("kb.toml"))) as base:\n    assert base.sync().ok',
        names,
    )
    for block in blocks:
        exec(block, names)
    said = capsys.readouterr().out
    assert said.startswith(f"1.00 rocket@{sha[:7]} Fix a memory leak in the KV cache\n")
    assert "KV cache" in said.split("\n", 2)[2]
