# cachewise: every verb works on a fresh machine with Python 3.11+, pip and make; what a verb needs, it installs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Debian and Ubuntu ship Python without the module that makes environments.
SUDO := $$(command -v sudo) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
APT := $(SUDO) apt-get update --quiet && $(SUDO) apt-get install --yes --quiet

# How many processes run the tests (0: this one); tests/conftest.py says which tests never run at once.
JOBS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help demo test servers suite browser lint proof bench clean

help:  ## list these verbs
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

demo: $(VENV)/.core  ## compare every strategy on three workloads; the page is out/demo/report.html
	@$(BIN)/cachewise demo

test: servers  ## run the whole test suite
	$(PYTEST)

servers: $(VENV)/.test  ## install what the tests of real servers need: Redis, Memcached, PostgreSQL, libfaketime (apt)
	@missing="$$($(BIN)/python -c 'from cachewise.sim.daemons.programs import missing_packages; print(*missing_packages())')"; \
	[ -z "$$missing" ] || { $(APT) $$missing </dev/null >&2; } \
	  || echo "could not install $$missing: tests that need them will be skipped (and fail where CI=true)" >&2

lint: $(VENV)/.lint  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@rm -rf build/typed && mkdir -p build/typed/cachewise
	@cd build/typed/cachewise && ln -s $(addprefix ../../../,src/cachewise/__init__.py src/cachewise/__main__.py sim strategies scenarios reports) .
	$(BIN)/mypy

suite: $(VENV)/.test  ## fetch Django's own cache tests, which the proofs run: the source of the installed release (pip)
	@$(BIN)/python -m tests.django_source \
	  || echo "could not fetch Django's own tests: proofs that need them will be skipped (and fail where CI=true)" >&2

browser: $(VENV)/.test  ## install Chromium, in which the proofs look at the pages (apt)
	@$(BIN)/python -m tests.browser || { $(APT) chromium </dev/null >&2; } || { \
	  echo "could not install Chromium (on Ubuntu it is a snap; $(BIN)/python -m playwright install --with-deps chromium may do):" >&2; \
	  echo "proofs that need it will be skipped (and fail where CI=true)" >&2; }

proof: servers suite browser  ## run the slow proofs: mutations, coverage of intervals, repeated kills, Django's own tests
	$(PYTEST) -m proof

bench: servers  ## compare with bare cache calls, textbook SimPy, Django's test client and bare runs (not a test: timings are noisy)
	$(BIN)/python -m bench
	$(BIN)/python -m bench.servers
	$(BIN)/python -m bench.app
	$(BIN)/python -m bench.sweeps

clean:  ## remove what these verbs have made
	rm -rf $(VENV) out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "cachewise needs Python 3.11 or newer; set PYTHON, for instance: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@echo "installing into $(VENV) (once)" >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); $(APT) python3-venv && $(PYTHON) -m venv $(VENV); }
	@touch $@

$(VENV)/.core: $(VENV)/.made pyproject.toml constraints.txt
	@rm -rf *.egg-info  # of an earlier build: Python would take it for what is installed
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.core
	@$(PIP) --editable '.[test]'
	@touch $@

$(VENV)/.lint: $(VENV)/.core
	@$(PIP) --editable '.[lint]'
	@touch $@
