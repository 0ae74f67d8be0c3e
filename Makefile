# One folder, .venv, holds everything that is needed. Each target below makes it first when it is missing or out of date.
#   make                     what there is
#   make PYTHON=python3.13   with a Python of your choice

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK_VENV := .venv-lock
PIP := -m pip --disable-pip-version-check
LOCK_FLAGS ?=
PORT ?= 5006

.DEFAULT_GOAL := help
.PHONY: help demo app test test-long browser office checks lint bench bench-peers lock interpreter clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# The two commands run side by side, one on each core; fewer children than by default, so that a second look takes seconds.
demo: $(STAMP) ## the main job: 1,000 pre-K seats a year in Memphis, and a deal that pays for them
	@$(BIN)/cradlecast deal memphis-illustrative --scenario memphis-prek-1000-lapse --children 10000 --horizon 6 --quiet \
	  > $(VENV)/demo-deal.txt & deal=$$!; \
	$(BIN)/cradlecast compare memphis-prek-1000-lapse --children 2000 --worlds 1 && wait $$deal && echo && \
	cat $(VENV)/demo-deal.txt

app: $(STAMP) ## a page to try scenarios on, for this computer only (PORT=5006)
	@$(BIN)/cradlecast app --port $(PORT)

test: checks browser office ## style, types, every test that takes less than minutes, and the wheel
	$(BIN)/python -m pytest -rs

test-long: checks browser office ## the same with the long tests
	$(BIN)/python -m pytest -rs -m ""

# The page is tested in Chromium. Where it is missing it is installed, if this user may; else those tests are skipped by name.
browser:
	@command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || { \
	  as_root=""; [ "$$(id -u)" = 0 ] || as_root="sudo -n"; \
	  if command -v apt-get >/dev/null 2>&1 && $$as_root true 2>/dev/null; then \
	    echo "Installing Chromium, in which the page is tested."; \
	    { $$as_root apt-get install -y --no-install-recommends chromium >/dev/null 2>&1 || \
	      { $$as_root apt-get update >/dev/null 2>&1 && \
	        $$as_root apt-get install -y --no-install-recommends chromium >/dev/null 2>&1; }; } || true; \
	  fi; \
	  command -v chromium >/dev/null 2>&1 || \
	    echo "Chromium is missing and cannot be installed here: the tests marked browser will be skipped." >&2; \
	}

# Tests recalculate workbooks in LibreOffice. Where it can be neither found nor installed, they say what they skipped.
office:
	@command -v soffice libreoffice >/dev/null 2>&1 || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "Installing libreoffice-calc, which tests recalculate workbooks in; this takes a minute."; \
	  (apt-get install -y -q --no-install-recommends libreoffice-calc || \
	    (apt-get update -q && apt-get install -y -q --no-install-recommends libreoffice-calc)) >/dev/null 2>&1 || \
	  echo "libreoffice-calc could not be installed; the tests that need it are skipped by name."; \
	fi

checks: $(STAMP) ## style and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint: $(STAMP) ## put right what ruff can put right by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## speed, memory and waiting times on this machine, about ten minutes; tables go to benchmarks/results
	$(BIN)/python -m benchmarks all

bench-peers: $(STAMP) ## the same work in Starsim, mesa-frames and Vivarium, each in a locked environment made here
	$(BIN)/python -m benchmarks peers

clean: ## remove what make, the tools and the builds have made
	rm -rf $(VENV) $(LOCK_VENV) .venv-peers benchmarks/results build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name .git -prune -o \( -name __pycache__ -o -name '*.egg-info' \) -prune -exec rm -rf {} +

# The stamp is written last: an environment whose making was interrupted is made anew.
$(STAMP): requirements.lock pyproject.toml
	@python="$$($(MAKE) -s --no-print-directory interpreter)" || exit 1; \
	echo "Making $(VENV) with $$python; the first time takes a few minutes."; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@$(BIN)/python $(PIP) install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python $(PIP) install --quiet --no-deps --no-build-isolation -e .
	@echo "Compiling the rules of a child's year, once for this processor."; \
	$(BIN)/python -m compileall -q cradlecast model scenarios finance ui; \
	$(BIN)/python -c "from cradlecast.model import compiled, kernels; compiled.compile_all(kernels)"
	@touch $@

# Prints the interpreter to use. A name on the PATH proves nothing (a version manager's shim may answer to it and fail), so
# each candidate is run, and the first that can do the work is taken. PYTHON=... overrides the search.
interpreter:
	@works() { "$$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; }; \
	if [ -n "$(PYTHON)" ]; then \
	  if works "$(PYTHON)"; then echo "$(PYTHON)"; exit 0; fi; \
	  echo "PYTHON=$(PYTHON) is not a Python 3.12 or later that can make environments (venv, ensurepip)." >&2; exit 1; \
	fi; \
	versions="$$(pyenv root 2>/dev/null || echo "$$HOME/.pyenv")/versions"; \
	for candidate in python3.13 python3.12 python3 python \
	    "$$versions"/3.13*/bin/python "$$versions"/3.12*/bin/python "$$versions"/*/bin/python; do \
	  if works "$$candidate"; then echo "$$candidate"; exit 0; fi; \
	done; \
	echo "Cradlecast needs Python 3.12 or later with venv and ensurepip: install one, or name it with make PYTHON=/path/to/python." >&2; \
	exit 1

# uv lives in an environment of its own. What is locked stays at its version unless LOCK_FLAGS=--upgrade asks for newer ones.
lock: ## write requirements.lock anew from pyproject.toml (LOCK_FLAGS=--upgrade for newer versions)
	@python="$$($(MAKE) -s --no-print-directory interpreter)" || exit 1; \
	rm -rf $(LOCK_VENV) && "$$python" -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python $(PIP) install --quiet uv
	$(LOCK_VENV)/bin/uv pip compile pyproject.toml --extra dev --python-version 3.12 --universal --generate-hashes \
	  --no-header --no-annotate --only-binary :all: --quiet --output-file requirements.lock $(LOCK_FLAGS)
	@rm -rf $(LOCK_VENV)
