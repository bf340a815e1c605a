# The two commands: `make run` (the app on localhost:8501) and `make test`.
# May be set: PORT=8502, PYTHON=python3.12, TORCH=… (where to take PyTorch from), ACCEPT_CUDA=1, AT_ONCE=1 (test files).

PYTHON ?= python3
PORT ?= 8501
PYTEST ?=
# Test files at once, one more than two cores: those of the browser and of workers wait for most of their time.
AT_ONCE ?= 3
BIN := .venv/bin
LINT := $(BIN)/ruff format --check . && $(BIN)/ruff check --quiet . && $(BIN)/mypy
export TORCH ACCEPT_CUDA

.PHONY: run test lint bench proof tree setup setup-dev

run: setup
	@exec $(BIN)/workbench app --port $(PORT) --sample

test: setup-dev
	@start=$$(date +%s); $(LINT) && \
	LINT_SECONDS=$$(($$(date +%s) - start)) OMP_NUM_THREADS=1 \
	$(BIN)/python -m pytest -p tests.timing -n $(AT_ONCE) --dist loadfile $(PYTEST)

lint: setup-dev
	@$(LINT)

# Minutes; each appends a dated entry to its LOG.md, the good and the bad.
bench: setup-dev
	@$(BIN)/python -m tests.bench

proof: setup-dev
	@$(BIN)/python -m tests.proof

# Writes the tree of the README anew, from the first lines of the modules.
tree: setup-dev
	@$(BIN)/python -m tests.tree

setup:
	@$(PYTHON) -I workbench/setup_environment.py

setup-dev:
	@$(PYTHON) -I workbench/setup_environment.py --dev
