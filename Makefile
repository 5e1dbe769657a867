# Everything a newcomer needs. Only Python 3.11+, make and package registries are expected; `make help` lists targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The first interpreter that is new enough; `make run PYTHON=/path/to/python3` overrides it.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$python >/dev/null 2>&1 \
	&& $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$python; break; }; done)

VENV := .venv
DESK := $(VENV)/bin/python -m desk
SYNCED := $(VENV)/.synced
NODE_MODULES := web/node_modules/.installed
UI := web/dist/index.html
UI_SOURCES := $(shell find web -name node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)
MANIFESTS := pyproject.toml uv.lock shared/pyproject.toml $(wildcard services/*/pyproject.toml)
JOBS ?= 2
# A test that hangs is ended after 25 minutes, and the run with it, and where each of its threads stood is told. The
# longest takes two minutes, and may wait for ten of what it killed.
HANGING := -o faulthandler_timeout=1500 -o faulthandler_exit_on_timeout=true --max-worker-restart=0

.PHONY: help run test demo bench check fresh reset mutants faults docs screens ui sync python test-kafka

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-11s %s\n' "$$name" "$$text"; done

run: $(SYNCED) $(UI) ## Run the whole desk on this machine; Ctrl-C stops it, data stays in .desk/.
	@exec $(DESK) up

test: $(SYNCED) $(UI) ## Set up whatever tests need, and run them all.
	@$(PYTHON) desk/dev/chromium.py
	@$(PYTHON) desk/dev/mail_servers.py
	@$(PYTHON) desk/dev/clamav.py
	@$(if $(ARGS),,$(PYTHON) desk/dev/node.py npm test)
	@$(VENV)/bin/python -m pytest -n $(JOBS) --dist loadfile $(HANGING) $(ARGS)

test-kafka: $(SYNCED) $(UI) ## Messaging, e2e, ui and fault suites on a real Apache Kafka (Java 17+); ARGS=e2e for one.
	@$(VENV)/bin/python -m tests.kafka $(ARGS)

demo: $(SYNCED) ## Play customers' messages in many languages against the running desk.
	@$(DESK) demo $(ARGS)

reset: $(SYNCED) ## Delete everything the desk on this machine has stored.
	@$(DESK) reset $(ARGS)

bench: $(SYNCED) $(UI) ## Measure; prints one table. Needs no running desk.
	@$(PYTHON) desk/dev/chromium.py
	@$(VENV)/bin/python -m bench $(ARGS)

faults: $(SYNCED) ## Run the fault tests whole (ONLY=R1 for one, BROKER=kafka, ARGS=--resume to go on).
	@$(VENV)/bin/python -m tests.faults $(if $(ONLY),--only $(ONLY)) $(if $(BROKER),--broker $(BROKER)) $(ARGS)

mutants: $(SYNCED) ## Remove one guard at a time; each time a named test has to fail.
	@$(VENV)/bin/python -m tests.mutants $(ARGS)

docs: $(SYNCED) ## Generate what is generated: schemas, OpenAPI, AsyncAPI, tables.
	@$(VENV)/bin/python -m desk.contracts
	@$(VENV)/bin/python -m desk.dev.tables

screens: $(SYNCED) $(UI) ## Take the pictures of docs/screens anew (ARGS=inbox for one).
	@$(VENV)/bin/python -m tests.ui.screens $(ARGS)

ui: $(UI) ## Build the web app.

check: $(SYNCED) $(NODE_MODULES) ## Lint, types, import rules, dependencies, migrations, generated files, web app.
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python -m desk.dev.dependencies
	$(PYTHON) desk/dev/minimal.py
	$(VENV)/bin/python -m desk.contracts --check
	$(VENV)/bin/python -m desk.dev.tables --check
	$(VENV)/bin/python -m desk.dev.migrations
	$(PYTHON) desk/dev/node.py npm run check

fresh: python ## Prove both commands in a clean clone with an empty home and no caches.
	@$(PYTHON) -m desk.dev.fresh

python:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "The desk needs Python 3.11 or newer, and $(if $(PYTHON),$(PYTHON) is none,none was found): install one, or name it with PYTHON=/path/to/python3."; \
		exit 1; }

sync: $(SYNCED) ## Install the Python environment.

$(SYNCED): $(MANIFESTS) desk/dev/uv.py | python
	@$(PYTHON) desk/dev/uv.py sync --frozen --compile-bytecode --quiet
	@touch $@

$(NODE_MODULES): web/package-lock.json web/package.json desk/dev/node.py | python
	@$(PYTHON) desk/dev/node.py npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(UI): $(NODE_MODULES) $(UI_SOURCES)
	@$(PYTHON) desk/dev/node.py npm run build --silent
	@touch $@
