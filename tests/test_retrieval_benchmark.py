"""The retrieval benchmark survives any file of questions: a line for every question, scores over those that can be asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import retrieval
from benchmarks.questions import questions
from kb.config import load_config
from kb.wiring import open_kb
from tests.gitrepo import GitRepo, day

SHA = "0123456789" * 4
ODD = (
    '{"id": 1, "query": "Which commit added the valve?", "kind": "needle", "as_of": "2026-02-01", "gold": ["GOLD"]}',
    "",
    '{"id": 2, "query": "What changed?", "kind": "window", "as_of": "2026-02-01T12:00:00Z", "gold": [], "repo": "acme/widget",'
    ' "window": {"start": "2026-01-01", "end": "2026-01-31"}, "borderline": null}',
    '{"id": 3, "query": "valve", "kind": "window", "window": null, "repo": "acme/elsewhere", "gold": ["GOLD"]}',
    '{"id": 4, "query_zh": "谁加了阀门？", "kind": "riddle", "as_of": null, "gold": null, "gold_repo": null}',
    '{"id": 5, "query": "valve", "window": {"start": "2026-02-01", "end": "2026-01-01"}}',
    '{"query": "no id", "kind": "unanswerable", "as_of": "someday"}',
    '{"id": 7, "query": "  "}',
    "[1, 2",
    '"text"',
    '{"id": 8, "query": "one\u2028line", "kind": "unanswerable", "window": {"start": "2026-01-01"}, "repo": ["acme/widget"]}',
)


def test_every_question_has_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    repo = GitRepo.create(tmp_path / "widget")
    gold = repo.commit("Add the valve", {"valve.py": "VALVE = 1\n"}, when=day(3))
    config = tmp_path / "kb.toml"
    config.write_text(
        '[[sources]]\nuse = "git_commits"\nurl = "widget"\nrepo = "acme/widget"\nhistory = "all"\n', encoding="utf-8"
    )
    with open_kb(load_config(config), data_dir=tmp_path / "data") as kb:
        assert kb.sync().ok
    asked, out = tmp_path / "odd.jsonl", tmp_path / "out.jsonl"
    asked.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(ODD).replace("GOLD", gold).encode())
    data = ["--config", str(config), "--data-dir", str(tmp_path / "data"), "--scoped"]
    monkeypatch.setattr(sys, "argv", ["retrieval", "--queries", str(asked), "--out", str(out), *data])
    retrieval.main()
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == [1, 2, 3, 4, 5, "line 7", 7, "line 9", "line 10", 8]
    assert [line["id"] for line in lines if "problem" in line] == [3, 5, "line 7", 7, "line 9", "line 10"]
    assert all({"results", "status", "answer_ids", "ms"} <= set(line) for line in lines)
    assert lines[0]["results"] == lines[1]["results"] == [f"commit:acme/widget@{gold}"]
    told = capsys.readouterr().out
    assert "needle hit@1                 1.0" in told
    assert "window answer F1             0.0" in told  # a repository that is not there is a miss
    assert "not asked: 3: unknown repository 'acme/elsewhere'" in told


def test_a_question_is_asked_in_the_other_language_where_it_has_no_words_in_this_one(tmp_path: Path) -> None:
    path = tmp_path / "two.jsonl"
    path.write_text(f'{{"query": "en", "query_zh": "中", "gold": ["{SHA.upper()}"]}}\n{{"query": "en"}}', encoding="utf-8")
    assert [(question.text, question.language) for question in questions(path, language="zh")] == [("中", "zh"), ("en", "en")]
    assert questions(path)[0].gold == {SHA}
