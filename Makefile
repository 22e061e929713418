# `make` alone says what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3 || command -v python)
UV := $(shell command -v uv 2>/dev/null)
# Machines behind a company's proxy trust it through the system's certificates.
export UV_SYSTEM_CERTS ?= 1
PIP := $(if $(UV),$(UV) tool run --quiet --python $(BIN)/python pip,$(BIN)/python -m pip)
STAMP := $(VENV)/.installed
INPUTS := pyproject.toml requirements.lock frontend/hatch_build.py frontend/package-lock.json frontend/vite.config.js frontend/world.js $(shell find frontend/src -type f 2>/dev/null)

##@ start

.PHONY: setup
setup: $(STAMP) ## make the environment (.venv) and build the pages' styles and scripts

$(STAMP): $(INPUTS)
ifneq ($(UV),)
	test -x $(BIN)/python || $(UV) venv --quiet --python '>=3.11' $(VENV)
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
else
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
endif
	$(BIN)/python -m compileall -q src  # else every start compiles everything where Python may write nothing
	@touch $@

.PHONY: run
run: setup ## start everything: gateway, tracker, worker, pages (OWNER=you@example.com for the first start)
	@exec $(BIN)/seenby up $(if $(OWNER),--owner $(OWNER))

.PHONY: demo
demo: setup ## one email's whole story in a temporary folder, printed as its timeline
	@$(BIN)/seenby demo

##@ check

.PHONY: format
format: setup ## put the code in the house's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

.PHONY: lint
lint: setup ## form, lint, spelling
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/typos

.PHONY: types
types: setup ## mypy --strict
	$(BIN)/mypy

.PHONY: imports
imports: setup ## who may import whom
	$(BIN)/lint-imports --no-cache

.PHONY: fast
fast: setup ## the fast tests
	$(BIN)/pytest -q -n 2 -m "not slow and not browser and not thunderbird"

.PHONY: check
check: lint types imports fast ## all of these: under a minute once installed

##@ test

.PHONY: test
test: setup ## every test, against real servers and programs where it needs one
	$(BIN)/pytest -q -n 2 --dist loadgroup

FUZZED ?= message html markup url prose headers token journal report
SECONDS ?= 60

.PHONY: fuzz
fuzz: setup ## what atheris finds in SECONDS=60 for each of FUZZED="message html ..."
	@for target in $(FUZZED); do $(BIN)/python -m tests.fuzz $$target $(SECONDS) || exit 1; done

CORPORA := dkimpy,flufl-bounce,html5lib,mail-parser,talon

.PHONY: corpora
corpora: setup ## fetch other people's mail and HTML for the tests, into .corpora
	PIP_CONSTRAINT=$(CURDIR)/tests/corpora/build.txt PIP_BUILD_CONSTRAINT=$(CURDIR)/tests/corpora/build.txt $(PIP) download --quiet --disable-pip-version-check --no-deps --no-binary $(CORPORA) \
		--require-hashes --dest .corpora -r tests/corpora/sdists.txt

.PHONY: faults
faults: setup ## the tracker under every fault, at full length: half an hour
	SEENBY_FAULTS_AWAY=60 SEENBY_FAULTS_DAMAGES=2000 SEENBY_FAULTS_KILLS=50 SEENBY_FAULTS_POWER=25 \
	SEENBY_FAULTS_REQUESTS=100000 SEENBY_FAULTS_SLOW=500 $(BIN)/pytest -q -s -n 0 --timeout 1200 tests/faults
	$(BIN)/python -m tests.faults.load

##@ measure

.PHONY: accuracy
accuracy: setup ## the judge's two error rates on our own cases, without each family, and beside published rules
	@$(BIN)/python -m tests.accuracy

.PHONY: bench
bench: setup ## speed, as ratios within one run
	@$(BIN)/seenby bench instrument
	@$(BIN)/seenby bench tracker
	@$(BIN)/seenby bench gateway
	@$(BIN)/seenby bench live
	@$(BIN)/seenby bench pages

##@ keep

.PHONY: screenshots
screenshots: setup ## the pictures of the pages in docs/images, made anew of a day of real mail
	@$(BIN)/python docs/pictures.py

.PHONY: lock
lock: ## write requirements.lock anew from pyproject.toml (needs uv)
	uv lock --quiet --upgrade
	uv export --quiet --no-emit-project --all-groups --format requirements-txt --no-header --output-file requirements.lock
	rm -f uv.lock

.PHONY: clean
clean: ## remove what was made here, but not your data
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist build frontend/node_modules src/seenby/web/static

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
