# Works with GNU make 3.81 and later. `make help` lists the targets.

SHELL := /bin/sh
PYTHON ?= python3
UV := .venv-bootstrap/bin/uv
BIN := .venv/bin
PYTHON_FOLDERS := functions layers/shared local scripts tests

export SAM_CLI_TELEMETRY := 0
# the system's certificates, as pip uses them, and no complaint about folders on two disks
export UV_SYSTEM_CERTS ?= true
export UV_LINK_MODE ?= copy

# A Python 3.13 that really runs: pyenv's shim may stand on PATH and refuse.
PYTHON_313 = $(shell for python in python3.13 "$$HOME"/.pyenv/versions/3.13*/bin/python3.13; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && echo "$$python" && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo load test-load up down status test test-unit test-scopes scopes test-fidelity test-contract test-integration test-template \
	test-end-to-end test-313 simulate simulate-seed test-fuzz fuzz mutants lint types imports format lock build validate measure-upload measure-swap measure-conversion \
	measure-cold-start clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: .venv/installed .venv-sam/installed .venv-aws/installed .venv-checkov/installed ## Make all environments

# --- the local stack

demo: stack-tools ## Deploy to a local AWS, run real calls through it, compare
	@$(BIN)/python -m local.demo

CALLS ?= 5000
RATE ?= 20
test-load: stack-tools ## A small load run, with its disturbances
	$(BIN)/pytest tests/load

load: stack-tools ## Send a burst of CALLS while Coval (RATE requests a second) and AWS fail, and count what is left
	@$(BIN)/python -m local.load --calls $(CALLS) --rate $(RATE)

up: stack-tools ## Start the local stack and leave it running
	@$(BIN)/python -m local.stack up

down: .venv/installed ## End the local stack
	@$(BIN)/python -m local.stack down

status: .venv/installed ## Show what of the local stack runs
	@$(BIN)/python -m local.stack status

.PHONY: stack-tools
stack-tools: .venv/installed .venv-sam/installed .venv-aws/installed

# --- tests

test: lint types imports test-unit test-fuzz test-scopes test-fidelity test-contract test-integration test-template test-end-to-end test-load test-313 ## Everything

test-unit: .venv/installed ## Fast tests of the code alone
	$(BIN)/pytest tests/unit

test-fidelity: .venv/installed ## What Coval hears of every platform's every format: the agent on the left, as it was said
	$(BIN)/pytest tests/fidelity

HISTORIES ?= 200000
SEED ?= 0

simulate: .venv/installed ## HISTORIES random histories from SEED on; what fails is told short
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.simulation $(HISTORIES) $(SEED)

simulate-seed: .venv/installed ## The story of SEED, one line a step
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.simulation seed $(SEED)

SCOPES ?=
MOST_STATES ?= 300000

test-scopes: .venv/installed ## The small scopes: every order of every effect
	$(BIN)/pytest tests/scopes

scopes: .venv/installed ## Every order of every effect in SCOPES (all groups), up to MOST_STATES states each
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.scopes $(SCOPES) --most $(MOST_STATES)

INPUTS ?= 1000000
FUZZ_SEED ?= 1
BOUNDARIES ?=

test-fuzz: .venv/installed ## A little of what comes over each boundary
	$(BIN)/pytest tests/fuzz

fuzz: .venv/installed ## INPUTS inputs to all BOUNDARIES, guided by coverage; prints what was not handled
	@PYTHONPATH=layers/shared $(BIN)/python -W ignore -m tests.fuzz --inputs $(INPUTS) --seed $(FUZZ_SEED) $(BOUNDARIES)

MODULES ?=

mutants: .venv/installed ## Change the state and the services (or MODULES) place by place: do the unit tests see it?
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.mutation $(MODULES)

test-contract: .venv/installed ## Requests and simulator against Coval's own SDK; fakes against the real stores
	$(BIN)/pytest tests/contract

test-integration: stack-tools ## Use cases on the emulated AWS
	$(BIN)/pytest tests/integration

test-template: .venv/installed .venv-sam/installed .venv-checkov/installed ## The template, as it deploys
	$(BIN)/pytest tests/template

test-end-to-end: stack-tools ## The deployed stack, locally
	$(BIN)/pytest tests/end_to_end

test-313: ## Unit tests on Python 3.13, where there is one
	@if [ -n "$(PYTHON_313)" ]; then $(MAKE) --no-print-directory .venv-3.13/installed PYTHON="$(PYTHON_313)" \
		&& .venv-3.13/bin/pytest tests/unit; else echo "no Python 3.13 here: its unit tests are left out"; fi

lint: .venv/installed ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed ## Types
	$(BIN)/mypy $(wildcard $(PYTHON_FOLDERS))

imports: .venv/installed ## Which part may import which
	PYTHONPATH=layers/shared $(BIN)/lint-imports

format: .venv/installed ## Format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# --- the package

build: .venv-sam/installed ## Build as for a deployment
	.venv-sam/bin/sam build

validate: .venv-sam/installed ## Let the SAM CLI judge the template
	.venv-sam/bin/sam validate --region us-east-1
	.venv-sam/bin/sam validate --region us-east-1 --lint

measure-upload: stack-tools ## Memory and throughput of a 100 MB upload
	@$(BIN)/python -m local.measure.upload

measure-swap: stack-tools ## What it costs to change the speakers of a 100 MB recording over
	@$(BIN)/python -m local.measure.channel_swap

measure-conversion: .venv/installed ## Size, import, speed and memory of what converts foreign formats
	@$(BIN)/python -m local.measure.conversion

measure-cold-start: stack-tools ## Import and first invocation, beside a bare handler and one on Coval's SDK
	@$(BIN)/python -m local.measure.cold_start

clean: ## Remove what was built and the local stack's files
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local.stack down; fi
	rm -rf .aws-sam .local .coverage htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# --- environments: made from their locks, and again only when the lock has changed

lock: $(UV) ## Resolve requirements/*.in anew
	set -e; for source in layers/dependencies/requirements layers/audio/requirements requirements/bootstrap requirements/development \
		requirements/sam requirements/aws requirements/checkov; do \
		$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
			--no-annotate --no-emit-index-url $$source.in --output-file $$source.txt; done

$(UV): requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@echo "making .venv-bootstrap"
	@$(PYTHON) -m venv .venv-bootstrap
	@.venv-bootstrap/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

# pip comes after uv: it knows registries and certificates that only the user's pip configuration names
define install
@echo "making $(@D)"
@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(@D)
@$(UV) pip sync --quiet --require-hashes --python $(@D)/bin/python $< \
	|| .venv-bootstrap/bin/python -m pip --python $(@D)/bin/python install --require-hashes -r $<
@touch $@
endef

.venv/installed: requirements/development.txt $(UV)
	$(install)

.venv-3.13/installed: requirements/development.txt $(UV)
	$(install)

.venv-sam/installed: requirements/sam.txt $(UV)
	$(install)

.venv-aws/installed: requirements/aws.txt $(UV)
	$(install)

.venv-checkov/installed: requirements/checkov.txt $(UV)
	$(install)
