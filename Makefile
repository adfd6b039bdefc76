# make demo      set up and make a first release
# make test      set up and run the tests, the quick ones first
# make test-all  the same and the slow ones
# make check     set up and run format, lint, types, layers, and check the generated documents
# make coverage  set up and run all tests with line coverage; fails below 90 %
# make docs      write the generated documents
# make site      build the site of the documents in site/; a broken link fails
# make dist      build and check the source distribution and the wheel, in dist/
# make clean     remove what these commands made
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PARALLEL := -n 2 --dist loadgroup --no-loadscope-reorder
READY := $(VENV)/.ready
HEADLESS := $(shell grep '^opencv-python-headless==' constraints.txt)

.PHONY: setup demo test test-all check coverage docs dist site clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or newer is needed, {v.major}.{v.minor} found. Run: make PYTHON=/path/to/python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing datagen and its dependencies into $(VENV) (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@# Extras install OpenCV wheels that need a display's libraries: reinstall the headless one last.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(HEADLESS)
	@touch $@

demo: $(READY)
	@$(BIN)/datagen generate recipes/quickstart.yaml -o demo-out
	@$(BIN)/datagen verify demo-out
	@echo "the report: $$($(BIN)/datagen show demo-out)"
	@echo "try next:"
	@echo "  $(BIN)/datagen plan recipes/quickstart.yaml --set splits.train=2000"
	@echo "  $(BIN)/datagen generate recipes/benchmark-procedural.yaml -o bench --limit 500"
	@echo "  $(BIN)/python -c \"import pandas as pd; print(pd.read_parquet('demo-out/manifest').groupby(['split', 'method', 'kind']).size())\""

test: $(READY)
	@$(BIN)/python -m pytest $(PARALLEL) -m "not slow"

test-all: $(READY)
	@$(BIN)/python -m pytest $(PARALLEL)

coverage: $(READY)
	@$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/docs.py --check

docs: $(READY)
	@$(BIN)/python tools/docs.py

site: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "the site: site/index.html; with search: $(PYTHON) -m http.server -d site"

dist: $(READY)
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation
	@$(BIN)/python -m twine check --strict dist/*

clean:
	rm -rf $(VENV) demo-out site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
