# make demo = set-up, sample data, whole pipeline, browser; make check = lint, types, fast tests; make test = every test.
PYTHON ?= python3
DB ?= sqlite:///demo.db
PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

PYTEST := $(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: demo check test lint types format clean

demo: .venv/installed
	$(PY) -m precompute demo --db "$(DB)"
	$(PY) -m app --db "$(DB)" $(if $(PORT),--port "$(PORT)")

check: lint types
	$(PYTEST) -m "not slow and not postgresql and not shared" tests/unit $(ARGS)

test: .venv/installed-tests
	$(PY) -m tests.system
	$(PYTEST) $(ARGS)

lint: .venv/installed-tests
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/oxlint assets tests

types: .venv/installed-tests
	$(PY) -m mypy

format: .venv/installed-tests
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean:
	rm -rf .venv *.egg-info demo demo.db demo.artifacts

.venv/installed: pyproject.toml requirements-app.txt requirements-precompute.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shelf Lens needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	test -x $(PY) || $(PYTHON) -m venv .venv
	@echo "Installing Shelf Lens and what it needs (some minutes, once) ..."
	$(PIP) --editable .
	touch $@

.venv/installed-tests: .venv/installed tests/requirements.txt
	$(PIP) -r tests/requirements.txt
	touch $@
