# On a fresh machine, `make demo` and `make test` install all they need. Both need only Python 3.11+ and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUTPUT ?= labelnoise-output

.PHONY: demo test check package docs benchmarks clean

demo: $(VENV)/.demo  ## run the main job on bundled data and print where its report is
	$(BIN)/labelnoise demo --output-dir $(OUTPUT)/demo

test: $(VENV)/.test  ## run the quick test suite
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(VENV)/.test  ## lint, formatting, types, docstrings, spelling, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/numpydoc lint $$(find src -name '*.py')
	$(BIN)/codespell
	$(BIN)/mkdocs build --strict --quiet --site-dir build/site

package: $(BIN)/python  ## build sdist and wheel, install the wheel into an empty environment, run the demo there
	rm -rf build/dist build/builder build/installed build/demo
	$(PYTHON) -m venv build/builder
	build/builder/bin/python -m pip install --quiet --disable-pip-version-check build
	build/builder/bin/python -m build --outdir build/dist .
	$(PYTHON) -m venv build/installed
	build/installed/bin/python -m pip install --quiet --disable-pip-version-check build/dist/labelnoise-*.whl
	cd build && installed/bin/labelnoise demo --output-dir demo

docs: $(VENV)/.test  ## serve the documentation
	$(BIN)/mkdocs serve

benchmarks: $(VENV)/.test  ## run every benchmark; print its tables and save them in build/benchmarks
	@for script in $(filter-out %/harness.py,$(wildcard benchmarks/*.py)); do \
	  echo "== $$script"; $(BIN)/python $$script --output build/$${script%.py}.json || exit 1; done

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "labelnoise needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[cnn]"
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,docs]"
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) build labelnoise-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
