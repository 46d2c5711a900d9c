# Two commands do everything on a machine with CPython >= 3.11 (with venv), make and git:
#   make turn   sets up .venv and runs the main job on the bundled example and a small invented group
#   make test   sets up .venv and runs all tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --require-virtualenv
EXAMPLE_WORKSPACE := examples/.workspace
SMALL_GROUP := examples/.group
DEMO := examples/.demo
CONSOLE := carewheel-workspace

# Where the shared third-party data are, if they are; tests that need them skip loudly without.
CAREWHEEL_DATA ?= $(abspath $(wildcard ../shared/data))
export CAREWHEEL_DATA
# Compiled modules are kept: else every command compiles the package anew, and every worker of the tests their assertions.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help serve turn demo test check bench validate lock clean format
help:
	@echo "make serve     set everything up and show the console in the browser, filled with an invented group"
	@echo "make turn      run one turn of the wheel on the bundled example and a small invented group"
	@echo "make demo      make a larger invented group with its truth, and turn its wheel"
	@echo "make test      run all tests"
	@echo "make check     format, lint, types, imports, docs"
	@echo "make bench     benchmarks against peers (throw-away environments)"
	@echo "make validate  long validations"

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "CareWheel needs CPython 3.11 or later; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The light, default install. The stamp of the development install stands for it as well.
$(VENV)/.core: locks/core.lock pyproject.toml | $(BIN)/python
	@echo "Setting up CareWheel in $(VENV) (once) ..."
	@test -e $(VENV)/.dev || $(PIP) install --require-hashes -r locks/core.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# What is only for tests is compiled as it is imported: most of it never is.
$(VENV)/.dev: locks/dev.lock pyproject.toml | $(BIN)/python
	@echo "Setting up the development tools in $(VENV) (once; Spark alone is 450 MB) ..."
	@test -e $(VENV)/.core || $(PIP) install --require-hashes -r locks/core.lock
	@$(PIP) install --no-compile --require-hashes -r locks/dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.core

# What the console holds stays in CONSOLE from start to start; `make clean` leaves it alone.
serve: $(VENV)/.core
	@$(BIN)/carewheel serve --workspace $(CONSOLE) $(SERVE_ARGS)

turn: $(VENV)/.core
	@rm -rf $(SMALL_GROUP) $(EXAMPLE_WORKSPACE)
	@$(BIN)/carewheel demo $(SMALL_GROUP) --locations 2 --months 30 > /dev/null
	@$(BIN)/carewheel turn $(SMALL_GROUP)/exports examples/practice --workspace $(EXAMPLE_WORKSPACE)

demo: $(VENV)/.core
	@rm -rf $(DEMO)
	@$(BIN)/carewheel demo $(DEMO) --locations 6 --months 36 --faults real --truth links
	@$(BIN)/carewheel turn $(DEMO)/exports --workspace $(DEMO)/workspace

# On SQLite, and what has a database on a PostgreSQL of its own as well, where there is one.
test: $(VENV)/.dev
	@$(BIN)/python -m tests.both_engines $(PYTEST_ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff format --check src tests benchmarks
	@$(BIN)/ruff check src tests benchmarks
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/docs tests/architecture

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix src tests benchmarks; $(BIN)/ruff format src tests benchmarks

bench: $(VENV)/.dev
	@$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

validate: $(VENV)/.dev
	@$(BIN)/python -m tests.validation.write $(SECTIONS)

# Needs uv. Hashes for every platform, no hosts: see docs/decisions.
lock:
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group build pyproject.toml -o locks/core.lock
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --all-extras --group dev pyproject.toml -o locks/dev.lock

clean:
	rm -rf $(VENV) build $(EXAMPLE_WORKSPACE) $(SMALL_GROUP) $(DEMO)
