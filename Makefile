# make run      the main job: installs what it needs on the first call, then runs the quickstart and prints its table
# make test     the whole test suite: installs what it needs on the first call
# make unit     its quick part, without Ray: about a minute on two cores
# make explore  the property tests with many new examples, other ones each time: for a developer's machine, not for CI
# make chaos    a hundred kills and more, of drivers, workers, nodes and Ray itself: a quarter of an hour on two cores
# make docs     the pages and the reference as a site: build/site/docs/index.html
# make check    what CI runs: lint, types, tests
# make dist     a release's files in dist/: the source archive, and the wheel that is built from it

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test unit explore chaos docs check lint types format pins dist

run: $(READY)
	@$(BIN)/sharptune run quickstart

# What was compiled is kept, whatever the shell says: each of the processes that tests start would compile it anew. Of what
# is installed, a quarter is ever imported: it is compiled then.
export PYTHONDONTWRITEBYTECODE :=

test: $(READY)
	$(BIN)/python -m pytest -n 3 --dist loadgroup --durations 40

# Without Ray nothing is logged, so nothing watches for logs.
unit: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -p no:logging -m "not ray and not slow" --ignore tests/integration

# What it finds it tries again first, the next time; the failure also prints a line that reproduces it anywhere.
explore: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "hypothesis and not ray and not slow" --hypothesis-profile explore

# Not for CI either. Its table stands in docs/reliability.md.
chaos: $(READY)
	PYTHONPATH=tests/support OMP_NUM_THREADS=1 $(BIN)/python tests/support/chaos.py

# A warning, such as a link that leads nowhere, is an error. It needs no network but to install the generator, once.
docs: $(READY)
	@$(BIN)/python -c 'import furo, myst_parser' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs]'
	$(BIN)/python -m sphinx -W --keep-going -q -b html -c docs . build/site

check: lint types docs test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/basedpyright

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

dist: $(READY)
	rm -rf dist build
	$(BIN)/python -c "from setuptools import build_meta; build_meta.build_sdist('dist')"
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir dist dist/*.tar.gz
	@ls dist

pins:
	$(BIN)/python -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9_.-]+==' | sort -f > constraints.new
	(head -1 constraints.txt; cat constraints.new) > constraints.sorted
	mv constraints.sorted constraints.txt && rm constraints.new

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sharptune needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 run")'
	@echo "Installing sharptune and what it needs into .venv (PyTorch alone is some gigabytes: this takes minutes, once)."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	@touch $@
