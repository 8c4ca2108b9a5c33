# Works with GNU make 3.81 and later. `make help` lists the targets.

SHELL := /bin/sh
UV := .venv-bootstrap/bin/uv
BIN := .venv/bin
TIMED := sh tests/timed.sh
CODE := $(wildcard functions layers/shared local scripts tests)

# Suites at once: one more than there are processors, as some wait for servers.
JOBS ?= $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN))
SIDE_BY_SIDE = @$(TIMED) "make $@" $(MAKE) --no-print-directory --keep-going --jobs=$(JOBS) TOGETHER=1

# A Python of a version, on PATH or of pyenv, that really runs: pyenv's shim may stand on PATH and fail.
python = $(shell for python in python$(1) "$$HOME"/.pyenv/versions/$(1)*/bin/python$(1); do \
	"$$python" -c 'import sys; print(sys.executable)' 2>/dev/null && break; done)
# Production's; PYTHON=… takes another one, 3.11 or newer.
PYTHON ?= $(call python,3.13)

export SAM_CLI_TELEMETRY := 0
# the system's certificates, as pip uses them, and no complaint about folders on two disks
export UV_SYSTEM_CERTS ?= true
export UV_LINK_MODE ?= copy
# what is not compiled once is compiled by every run
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo load up down status check test test-aws sandbox-is-named test-deep lint types simulate simulate-seed scopes outages fuzz \
	webhooks vendor-payloads audio-corpus audio-packages mutants coverage format build lock frozen pages docs \
	measure-upload measure-swap measure-conversion measure-writes measure-cold-start clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9%-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: .venv/installed .venv-sam/installed .venv-aws/installed .venv-checkov/installed .venv-vendors/installed ## Make all environments

# --- the local stack

demo: stack-tools ## Deploy to a local AWS, run real calls through it, compare
	@$(BIN)/python -m local.demo

CALLS ?= 5000
RATE ?= 20
OUTAGE ?= 180
KILL ?= 8

load: stack-tools ## Send a burst of CALLS while Coval (RATE requests a second, out for OUTAGE s) and AWS fail, and a worker dies each KILL s
	@$(BIN)/python -m local.load --calls $(CALLS) --rate $(RATE) --outage $(OUTAGE) --kill $(KILL)

up: stack-tools ## Start the local stack and leave it running
	@$(BIN)/python -m local.stack up

down: .venv/installed ## End the local stack
	@$(BIN)/python -m local.stack down

status: .venv/installed ## Show what of the local stack runs
	@$(BIN)/python -m local.stack status

.PHONY: stack-tools
stack-tools: .venv/installed .venv-sam/installed .venv-aws/installed

# --- tests

check: .venv/installed ## At every save: style, types, imports, spelling, and the quick unit tests
	$(SIDE_BY_SIDE) types lint test-unit WORKERS=$(or $(WORKERS),auto) QUICK=yes

test: setup ## Every layer, the deployed local stack included
	$(SIDE_BY_SIDE) test-end-to-end test-unit test-template test-integration test-contract types test-frozen lint

test-deep: setup ## What takes long: all inputs, orders, deaths, histories and formats, outages, load, what is built, and the units on Python 3.11
	$(SIDE_BY_SIDE) test-load test-configurations test-artifacts test-units-on-3.11 test-all-examples test-crashes test-fidelity test-scopes test-simulation test-vendors test-properties test-fuzz test-outages

test-aws: sandbox-is-named setup ## In the sandbox account of AWS_PROFILE: docs/test-aws.md
	@RELAY_LIVE=yes RELAY_BUCKET_SUFFIX="-$(RELAY_SANDBOX_ACCOUNT)" AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 \
		$(BIN)/pytest tests/end_to_end -m "sandbox or aws_only" --force-enable-socket

sandbox-is-named:
	@test -n "$(AWS_PROFILE)" -a -n "$(RELAY_SANDBOX_ACCOUNT)" -a -n "$(RELAY_SIMULATOR_PORT)" -a -n "$(RELAY_SIMULATOR_URL)" \
		|| { echo "make test-aws needs AWS_PROFILE, RELAY_SANDBOX_ACCOUNT, RELAY_SIMULATOR_PORT and RELAY_SIMULATOR_URL: docs/test-aws.md" >&2; exit 2; }

test-unit: .venv/installed ## Each part of the code alone
	@$(TIMED) $@ $(BIN)/pytest tests/unit -n $(or $(WORKERS),0) $(if $(QUICK),-m "not slow")

test-end-to-end: setup ## The deployed local stack; two at once, each with its files of tests
	@$(TIMED) $@ $(BIN)/pytest tests/end_to_end -n 2 --dist loadfile

test-%: setup ## One folder of tests: make test-contract, test-integration, test-template, test-end-to-end, …
	@$(TIMED) $@ $(BIN)/pytest tests/$(subst -,_,$*)

.PHONY: test-end-to-end test-all-examples test-units-on-3.11
test-all-examples: .venv/installed
	@$(TIMED) $@ $(BIN)/pytest tests/unit tests/contract -m hypothesis --hypothesis-profile=full

PYTHON_311 = $(call python,3.11)
test-units-on-3.11:
	@if [ -n "$(PYTHON_311)" ]; then $(MAKE) --no-print-directory .venv-3.11/installed \
		&& $(TIMED) $@ .venv-3.11/bin/pytest tests/unit; else echo "$@: left out, there is no Python 3.11 here"; fi

lint: .venv/installed ## Style, spelling, and which part may import which
	@$(TIMED) $@ sh -c '$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/typos && PYTHONPATH=layers/shared $(BIN)/lint-imports'

types: .venv/installed ## Types
	@$(TIMED) $@ $(BIN)/mypy $(CODE)

coverage: .venv/installed ## What of the code, line and branch, the unit tests run
	$(BIN)/pytest tests/unit -n auto -q --cov --cov-report=term

# --- searches for what no test has thought of

HISTORIES ?= 200000
SEED ?= 0

simulate: .venv/installed ## HISTORIES random histories from SEED on; what fails is shown short
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.simulation $(HISTORIES) $(SEED)

simulate-seed: .venv/installed ## The story of SEED, one line a step
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.simulation seed $(SEED)

SCOPES ?=
MOST_STATES ?= 300000

scopes: .venv/installed ## Every order of every effect in SCOPES (all groups), up to MOST_STATES states each
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.scopes $(SCOPES) --most $(MOST_STATES)

OUTAGE_CALLS ?= 100
LENGTHS ?= 10m 3h 3d 13d
KINDS ?=

outages: .venv/installed ## Outages of Coval and AWS of all LENGTHS (and KINDS, if named) while OUTAGE_CALLS calls come in
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.outages $(KINDS) --calls $(OUTAGE_CALLS) --lengths $(LENGTHS)

INPUTS ?= 1000000
FUZZ_SEED ?= 1
BOUNDARIES ?=

fuzz: .venv/installed ## INPUTS inputs to all BOUNDARIES, guided by coverage; prints what was not handled
	@PYTHONPATH=layers/shared $(BIN)/python -W ignore -m tests.fuzz --inputs $(INPUTS) --seed $(FUZZ_SEED) $(BOUNDARIES)

PAYLOADS ?= 20000
VENDOR_SEED ?= 1
VENDORS ?=

vendor-payloads: .venv/installed .venv-vendors/installed ## PAYLOADS of each platform (or of VENDORS), made of its own published types: none lost, none rejected
	@PYTHONPATH=layers/shared $(BIN)/python -W ignore -m tests.vendors --payloads $(PAYLOADS) --seed $(VENDOR_SEED) $(VENDORS)

FOLDER ?=

audio-corpus: .venv/installed ## Generated recordings, or the files in FOLDER: the relay's verdict beside ffmpeg's full decode
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.audio_corpus $(FOLDER)

audio-packages: .venv/installed $(UV) ## The same of the audio files that the packages in tests/audio_corpus/packages.toml ship, downloaded once
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.audio_corpus.packages

WEBHOOKS ?= 100000

webhooks: .venv/installed ## WEBHOOKS random bodies, signed or verified by the vendors' SDKs, and a change of each
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.support.webhook_rounds $(WEBHOOKS)

MODULES ?=

mutants: .venv/installed ## Change the state and the services (or MODULES) place by place: do the unit tests see it?
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.mutation $(MODULES)

format: .venv/installed ## Format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

frozen: .venv/installed ## Write what this version stores and queues, for later ones to read (docs/upgrade.md)
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.frozen

pages: .venv/installed ## Write what is generated: NOTICE, tables in docs/, the version in the template
	@PYTHONPATH=layers/shared $(BIN)/python -m local.pages

# --- the package

build: .venv-sam/installed ## Build as for a deployment
	.venv-sam/bin/sam build

measure-upload: stack-tools ## Memory and throughput of a 100 MB upload
	@$(BIN)/python -m local.measure.upload

measure-swap: stack-tools ## What it costs to change the speakers of a 100 MB recording over
	@$(BIN)/python -m local.measure.channel_swap

measure-conversion: .venv/installed ## Size, import, speed and memory of what converts foreign formats
	@$(BIN)/python -m local.measure.conversion

measure-writes: stack-tools ## Write units of the table and requests to it, call by call
	@PYTHONPATH=layers/shared $(BIN)/python -m tests.support.write_units

measure-cold-start: stack-tools ## Import and first invocation, beside a bare handler and one on Coval's SDK
	@$(BIN)/python -m local.measure.cold_start

clean: ## Remove what was built and the local stack's files
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local.stack down; fi
	rm -rf .aws-sam .local .cache build .coverage htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

docs: .venv-docs/installed ## The site of docs/, in build/site; an error where a link or an anchor is broken
	@$(TIMED) $@ .venv-docs/bin/zensical build --strict --config-file mkdocs.yml

# --- environments: made from their locks, and again only when the lock has changed

lock: $(UV) ## Resolve requirements/*.in anew
	set -e; for source in layers/dependencies/requirements layers/audio/requirements layers/webhooks/requirements requirements/bootstrap \
		requirements/development requirements/sam requirements/aws requirements/checkov requirements/docs requirements/vendors; do \
		$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
			--no-annotate --no-emit-index-url $$source.in --output-file $$source.txt; done

$(UV): requirements/bootstrap.txt
	@echo "making .venv-bootstrap"
	@python="$(or $(PYTHON),python3)"; \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")' \
	&& "$$python" -m venv --clear .venv-bootstrap
	@.venv-bootstrap/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

WITHOUT_PYTHON := Python 3.13 is not here and cannot be had. Put python3.13 on PATH, or name another one, 3.11 or newer: PYTHON=python3.12

# $(1): a Python; where there is none, uv looks for 3.13, and downloads it.
# pip comes after uv: it knows registries and certificates that only the user's pip configuration names
define install
@echo "making $(@D)"
@$(if $(1),,$(UV) python install --quiet 3.13 || { echo "$(WITHOUT_PYTHON)" >&2; exit 1; })
@$(UV) venv --quiet --clear --python "$(or $(1),3.13)" $(@D)
@$(UV) pip sync --quiet --require-hashes --python $(@D)/bin/python $< \
	|| .venv-bootstrap/bin/python -m pip --python $(@D)/bin/python install --require-hashes -r $<
@touch $@
endef

.venv/installed: requirements/development.txt $(UV)
	$(call install,$(PYTHON))

.venv-3.11/installed: requirements/development.txt $(UV)
	$(call install,$(PYTHON_311))

.venv-sam/installed: requirements/sam.txt $(UV)
	$(call install,$(PYTHON))

.venv-aws/installed: requirements/aws.txt $(UV)
	$(call install,$(PYTHON))

.venv-checkov/installed: requirements/checkov.txt $(UV)
	$(call install,$(PYTHON))

.venv-docs/installed: requirements/docs.txt $(UV)
	$(call install,$(PYTHON))

.venv-vendors/installed: requirements/vendors.txt $(UV)
	$(call install,$(PYTHON))
