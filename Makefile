# Two commands matter: `make run` (the main job) and `make test` (everything that must be green).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test test-slow test-install check wheel docs bench bench-long bench-peers bench-gpu gallery clean

run: $(READY)
	@$(BIN)/scaling-tui run quickstart --app

test: check
	$(BIN)/pytest -m "not slow" -n auto --dist loadfile

test-slow: $(READY)
	$(BIN)/pytest -m slow

# The wheel on every Python that is here, with the lowest and the newest dependencies, tried from outside.
test-install: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check 'uv>=0.5'
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/install/matrix.py

# Every figure of README.md, docs/ and benchmarks/README.md, with machine and versions; NAME= chooses some. Those of
# `bench` take a quarter of an hour, those of `bench-long` two hours on two idle cores. The peers are what you bring:
# `make bench-peers NANOGPT=nanoGPT/model.py SCALING_TUI_DATA=DIR`.
bench: $(READY)
	$(BIN)/python benchmarks/figures.py short $(if $(NAME),--only $(NAME))

bench-long: $(READY)
	$(BIN)/python benchmarks/figures.py long

bench-peers: $(READY)
	$(BIN)/python benchmarks/figures.py peers

bench-gpu: $(READY)
	$(BIN)/python benchmarks/figures.py gpu

# The pictures of docs/, of the latest sweep in runs/: `make run` trains one.
gallery: $(READY)
	$(BIN)/python docs/pictures.py

# Wheel and sdist, in dist/; without isolation, so that the build uses what constraints.txt names.
wheel: $(READY)
	$(BIN)/python -m build --no-isolation --outdir dist

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The stamp is written last: an install that was cut short is taken up again.
$(READY): pyproject.toml constraints.txt
	@echo "Installing in $(VENV), which takes a few minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# The site of docs/, in build/site; whatever mkdocs warns of is an error.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
