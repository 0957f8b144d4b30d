# Needs make, git and Python 3.11 or newer with pip. Every target sets up .venv by itself; `make PYTHON=python3.12 …` picks another Python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run screenshots test check check-protocol fmt bench clean
.DELETE_ON_ERROR:

# A fresh clone is self-contained: the store, the clones and the index of `make run` lie in .data/, which git ignores.
run: export INFRA_KB_DATA_DIR ?= $(CURDIR)/.data
run: $(VENV)/.run.stamp
	@$(BIN)/kb sync || echo "Not every source could be read (see above); going on with what is there."
	@$(BIN)/kb ask "What changed in infra-kb since $$(git log -1 --date=format-local:%Y-%m-%d --format=%cd)?"
	@$(BIN)/kb report --date today --window 7d
	@if [ -n "$$INFRA_KB_NO_SERVE" ]; then echo "INFRA_KB_NO_SERVE is set: the web app is not started."; else $(BIN)/kb serve; fi

# The browser's tests come last, and one after the other; the rest is shared out among the workers.
WORKERS ?= 2
TESTS = $(BIN)/python -m pytest -q -n $(WORKERS) --no-loadscope-reorder

test: $(VENV)/.dev.stamp
	@$(BIN)/python -m tests.browser.chromium
	$(TESTS)

check: $(VENV)/.dev.stamp
	@$(BIN)/python -m tests.browser.chromium
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TESTS)

# Holds the tests' local GitHub against GitHub's own description. Needs node 18.20.1 or newer, and the network the first time only.
check-protocol: $(VENV)/.dev.stamp tests/protocol/node_modules/.stamp
	$(BIN)/python -m pytest -q tests/protocol/check_github.py

tests/protocol/node_modules/.stamp: tests/protocol/package.json tests/protocol/package-lock.json
	npm ci --prefix tests/protocol --ignore-scripts --no-audit --no-fund
	@touch $@

# The app's pictures in docs/images/, of what DATA holds: make screenshots CONFIG=kb.toml DATA=.data
CONFIG ?= kb.toml
DATA ?= .data
screenshots: $(VENV)/.dev.stamp
	@$(BIN)/python -m tests.browser.chromium
	$(BIN)/python -m tests.browser.screenshots --out docs/images --config $(CONFIG) --data-dir $(DATA)

fmt: $(VENV)/.dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Any history will do: make bench REPO=../flashinfer
REPO ?= .
bench: $(VENV)/.bench.stamp
	$(BIN)/python -m benchmarks.ingest_reading --repo $(REPO)

clean:
	rm -rf $(VENV) .data .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps .run, .dev and .bench name what is installed: nothing more, or that extra.
$(VENV)/.%.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing infra-kb into $(VENV) (about 2 GB with torch; minutes the first time, then nothing) …"
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then pip="$(BIN)/python -m pip"; \
	else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi; \
	$$pip install -qq --disable-pip-version-check -c constraints.txt -e '.$(if $(filter run,$*),,[$*])'
	@touch $@

# Debian's python3 has no ensurepip unless python3-venv is installed: an environment without pip, filled from outside, does as well.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "infra-kb needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
	$(PYTHON) -m pip --version >/dev/null 2>&1 && $(PYTHON) -m venv --without-pip $(VENV); } || { rm -rf $(VENV); \
	echo "Cannot make $(VENV): install your system's python3-venv (or python3-pip) package, then run make again." >&2; exit 1; }
