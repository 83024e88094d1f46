# Two commands matter: `make run` (the main job) and `make test` (everything that must be green).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test test-slow check bench docs clean

run: $(READY)
	@$(BIN)/scaling-tui run quickstart --app

test: check
	$(BIN)/pytest -m "not slow" -n auto --dist loadfile

test-slow: $(READY)
	$(BIN)/pytest -m slow

# Do the intervals hold the truth as often as they say? Simulation from known laws, a quarter of an hour.
bench: $(READY)
	$(BIN)/python benchmarks/laws_coverage.py 100
	$(BIN)/python benchmarks/laws_isoflop.py 50
	$(BIN)/python benchmarks/laws_tasks.py 50

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The stamp is written last: an install that was cut short is taken up again.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# The site of docs/, in build/site; whatever mkdocs warns of is an error.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
