# Two commands for a fresh machine: `make demo` and `make test`. Both need Python 3.11 or newer with venv, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench clean

$(VENV)/.run: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

demo: $(VENV)/.run  ## run a workload live; audit and rank it beside the bundled submissions
	$(BIN)/joulemark demo --out out/demo

test: $(VENV)/.dev  ## the tests
	$(BIN)/python -m pytest -n auto

check: $(VENV)/.dev  ## style, types, layers, tests with coverage; TESTS chooses some of them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto $(TESTS) --cov --cov-report=term:skip-covered --cov-fail-under=90

bench: $(VENV)/.bench  ## speed, as ratios to peers and limits
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) out build dist *.egg-info
