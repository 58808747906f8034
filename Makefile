# `make` alone lists what there is. Everything runs in .venv, which the first target sets up.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-all fresh bench lint format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# torch first: once its CPU build is there, nothing asks for another.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(READY) ## Try Lorebot: a Slack-like page over a sample company, on this machine alone
	$(BIN)/lorebot demo $(ARGS)

test: lint ## Check style, types, imports, and run the tests
	$(BIN)/pytest $(ARGS)

test-all: $(READY) ## Run every test, the slow ones on real data and the fresh clone too
	$(BIN)/pytest -m '' --timeout 7200 $(ARGS)

fresh: $(READY) ## Clone into an empty folder and run the README's two commands there
	$(BIN)/pytest -m fresh --timeout 3600 tests/acceptance $(ARGS)

bench: $(READY) ## Print the figures: start, indexing, search, answers, memory
	$(BIN)/python tests/benchmarks $(ARGS)

lint: $(READY) ## Check style, types and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the environment and what the demo stored
	rm -rf $(VENV) .lorebot
