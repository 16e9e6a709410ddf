# Each target sets up what it needs: a virtual environment in .venv with the locked versions.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SHELL := /bin/bash
FAST := tests/test_house.py $(addprefix tests/,core config plan methods results figures audit cli provenance)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: setup demo test test-fast test-all lint bench lock

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 12) else f"Python 3.11 or 3.12 is needed; $(PYTHON) is {v[0]}.{v[1]}. Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	$(BIN)/python -m compileall -q avbench  # jobs start faster where Python may not write bytecode itself
	@touch $@

# The whole study on generated media: tables, claims, figures, report.
demo: $(READY)
	snakemake --cores all --configfile config/demo.yaml
	@python -m avbench summary --results results/demo

test: $(READY)
	pytest -n 2 --dist loadfile

# While a change is being made: what runs without Snakemake, training or media files.
test-fast: $(READY)
	pytest -n 2 --dist loadfile -m "not slow" $(FAST)

# Also what takes minutes: a cluster with SLURM, where it is installed; faults at many moments.
test-all: $(READY)
	pytest -n 2 --dist loadfile -m ""

lint: $(READY)
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint --configfile config/demo.yaml
	snakemake --lint
	lint-imports
	mypy
	python -m pytest -q tests/config/test_schemas.py

bench: $(READY)
	python -m benchmarks

# Pin the versions that pyproject.toml allows; needs uv.
lock:
	uv pip compile pyproject.toml --extra dev --universal --fork-strategy fewest --python-version 3.11 --no-annotate --no-header \
		--no-emit-index-url --output-file requirements.lock
