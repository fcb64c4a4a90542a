# Amicable: what people do here. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
DEMO_PORT ?= 8000
MINUTES ?= 10
BIN := .venv/bin
RUN_LOCK := .venv/.run-installed
DEV_LOCK := .venv/.dev-installed
STATIC := portal/static/.compressed
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard translations/*/LC_MESSAGES/messages.po))

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test test-long lint bench faults check pictures translations words static lock chromium stripe-smoke clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

$(RUN_LOCK): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Amicable needs Python 3.11 or later; set PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv lacks ensurepip here: install the package python3-venv and try again"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what Amicable runs on (hashed lock file) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_LOCK): $(RUN_LOCK) requirements-dev.lock
	@echo "Installing what the tests need (hashed lock file) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

%.mo: %.po $(RUN_LOCK)
	@$(BIN)/pybabel -q compile -i $< -o $@

translations: $(CATALOGUES) ## compile the catalogues (done by demo and test as well)

$(STATIC): $(RUN_LOCK) $(shell find portal/static admin/static -name '*.css' -o -name '*.js' -o -name '*.svg')
	@$(BIN)/python -m whitenoise.compress -q portal/static
	@$(BIN)/python -m whitenoise.compress -q admin/static
	@touch $@

words: $(DEV_LOCK) ## bring the catalogues up to date with the words of the code and the templates (developers)
	@$(BIN)/pybabel -q extract -F translations/babel.cfg -k N_ -k pN_:1c,2 --add-location=file -o translations/messages.pot .
	@$(BIN)/pybabel -q update -i translations/messages.pot -d translations --no-fuzzy-matching --ignore-obsolete

static: $(STATIC) ## compress the static files (done by demo and test as well)

demo: $(RUN_LOCK) $(CATALOGUES) $(STATIC) ## everything on this machine, no account needed; DEMO_PORT=… moves it
	@$(BIN)/amicable demo --port $(DEMO_PORT)

demo-reset: $(RUN_LOCK) $(CATALOGUES) $(STATIC) ## the demo, afresh
	@$(BIN)/amicable demo --port $(DEMO_PORT) --reset

chromium: $(DEV_LOCK)
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium …"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-core >/dev/null; \
	elif $(BIN)/playwright install chromium; then :; \
	else echo "The browser tests need Chromium: install the package chromium and try again"; exit 1; fi

test: $(DEV_LOCK) $(CATALOGUES) $(STATIC) chromium ## every test, on SQLite and PostgreSQL, with a real browser
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile

test-long: $(DEV_LOCK) $(CATALOGUES) $(STATIC) chromium ## the same with 50 repeats a race and more property steps
	@AMICABLE_TEST_LONG=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(DEV_LOCK) ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy models receivables presentation gateways portal admin jobs checker sandbox *.py

bench: $(DEV_LOCK) $(CATALOGUES) $(STATIC) ## measure; prints tables
	@$(BIN)/python -m bench

faults: $(DEV_LOCK) $(CATALOGUES) $(STATIC) ## the long fault run on both databases; MINUTES=60 each, SEED=…
	@AMICABLE_TEST_LONG=1 $(BIN)/python -m pytest -q -n 0 tests/faults
	@AMICABLE_TEST_LONG=1 $(BIN)/python -m tests.faults.long --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

check: $(RUN_LOCK) ## prove the invariants of the demo's books, without our own code
	@$(BIN)/python -m checker

pictures: $(DEV_LOCK) $(CATALOGUES) $(STATIC) chromium ## the README's pictures, from a demo of their own
	@$(BIN)/python -m tests.pictures

stripe-smoke: $(DEV_LOCK) ## the gateway and the stand-in's claims against real Stripe in test mode (STRIPE_TEST_KEY)
	@$(BIN)/python -m tests.stripe_smoke

lock: $(DEV_LOCK) ## write both lock files anew from pyproject.toml (developers)
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock --extra build
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra build --extra dev -o requirements-dev.lock

clean: ## forget the demo, caches and the environment
	@rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
