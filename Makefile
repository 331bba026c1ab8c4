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
UNFINISHED := .venv/.unfinished

.PHONY: run test unit explore chaos docs check lint types format pins dist

run: $(READY)
	@$(BIN)/sharptune run quickstart

# What was compiled is kept, whatever the shell says: each of the processes that tests start would compile it anew. Of what
# is installed, a quarter is ever imported: it is compiled then.
export PYTHONDONTWRITEBYTECODE :=

test: $(READY)
	$(BIN)/python -m pytest -n 4 --dist loadgroup --no-loadscope-reorder --durations 40

# Without Ray nothing is logged, so nothing watches for logs.
unit: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -p no:logging -m "not ray and not slow" --ignore tests/integration

# What it finds it tries again first, the next time; the failure also prints a line that reproduces it anywhere.
explore: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "hypothesis and not ray and not slow" --hypothesis-profile explore

# Not for CI either. Its table stands in docs/reliability.md.
chaos: $(READY)
	PYTHONPATH=tests/support OMP_NUM_THREADS=1 $(BIN)/python tests/support/chaos.py

# A warning, such as a link that leads nowhere, is an error.
docs: $(READY)
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

# GB: 7 are unpacked; until then pip holds 3 of archives beside them, and as many in its cache, which it can do without.
define ROOM
import os, shutil, sys
free, need = shutil.disk_usage(".").free / 1e9, int(sys.argv[1])
place = os.path.join(os.getcwd(), ".venv")
sys.exit(free < need and f"sharptune needs about {need} GB in {place}, {free:.1f} GB are free; nothing was installed")
endef
export ROOM

# Where an installation was cut off, it is made anew: what is half unpacked, pip would take for whole.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sharptune needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 run")'
	@if test -e $(UNFINISHED); then $(PYTHON) -m venv --clear --without-pip .venv; fi
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then $(PYTHON) -c "$$ROOM" 10 && $(PYTHON) -m venv .venv; fi
	@echo "Installing sharptune and what it needs into .venv (PyTorch alone is some gigabytes: this takes minutes, once)."
	@mkdir -p .venv/tmp && touch $(UNFINISHED)
	@$(PYTHON) -c "$$ROOM" 13 2>/dev/null || export PIP_NO_CACHE_DIR=1; \
	  TMPDIR="$$PWD/.venv/tmp" $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	  --constraint constraints.txt --editable '.[dev,docs]'
	@rm -rf .venv/tmp && mv $(UNFINISHED) $@ && touch $@
