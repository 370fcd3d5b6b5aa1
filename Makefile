# The commands of the project; `make` alone lists them.
#
# Needs Python 3.11 or newer with venv, and make; uses uv if it is on the PATH. Everything is installed into .venv, and a
# module is compiled when it is first imported: most never are.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

# `make check test` runs both at once: for a minute mypy keeps one core busy and leaves the others idle.
MAKEFLAGS += --jobs=2

.DEFAULT_GOAL := help
.PHONY: help run test test-long test-n8n check-node test-importers test-peers test-zapier test-console check generated
.PHONY: release bench test-deploy test-hosts docs
.PHONY: clean lock

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Start all of Lockstitch on this machine: database, emulators, API, worker
	@PYTHONDONTWRITEBYTECODE= exec $(BIN)/lockstitch dev

# Six processes keep two cores busy while tests wait for sockets; a file stays in one process. The fixed hash seed
# gives all of them the same order of sets, and so of parameters. The tests start some hundred processes: compiled
# modules are kept even where the environment says not to.
IN_TESTS := PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=

test: $(INSTALLED) ## Run the tests; narrow them with ARGS="-k word"
	$(IN_TESTS) $(BIN)/pytest -n 6 --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: $(INSTALLED) ## Run the slow tests: an outage of a day, a large export, the scaffold of a vendor
	$(IN_TESTS) $(BIN)/pytest -n 2 -m long $(ARGS)
	$(IN_TESTS) LOCKSTITCH_HYPOTHESIS=thorough $(BIN)/pytest -n 2 \
		tests/signatures tests/emulators/test_nonsense.py tests/emulators/shopify/test_nonsense.py tests/mappings
	$(IN_TESTS) LOCKSTITCH_CRASH_WRITES=500 LOCKSTITCH_CRASH_EVENTS=300 $(BIN)/pytest \
		tests/crash/test_exactly_one_effect.py tests/crash/test_intake.py
	$(IN_TESTS) LOCKSTITCH_ROTATION_PER_SECOND=200 $(BIN)/pytest tests/credentials/test_rotation_under_load.py

check: $(INSTALLED) ## Check style, layers, types, lengths of files and lines, names, generated files, alert rules and contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	.ci/file-lengths
	.ci/line-lengths
	.ci/names
	.ci/generated --check
	.ci/alert-rules
	$(BIN)/lockstitch contract check
	$(BIN)/python -m mappings.release --check

generated: $(INSTALLED) ## Regenerate the files that are generated from code
	.ci/generated --write

release: $(INSTALLED) ## Release a mapping revision: NAME=hubspot.customer@r2, or NAME=hubspot for all of its revisions
	$(BIN)/python -m mappings.release $(NAME)

bench: $(INSTALLED) ## Run the benchmarks
	$(BIN)/python -m benchmarks

clean: ## Remove the environment and the caches, but not the data in .lockstitch
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

check-node: ## Lint and build the n8n community node (installs n8n the first time)
	@tests/n8n/build-node

test-n8n: $(INSTALLED) ## Run the templates in a real n8n (installs one the first time)
	tests/n8n/run

test-importers: $(INSTALLED) ## Import the OpenAPI document with Postman's and code generators (installs them the first time)
	tests/importers/run

test-peers: $(INSTALLED) ## Run against real systems (installs them the first time); narrow with ARGS="localstripe"
	tests/peers/run $(ARGS)

test-zapier: $(INSTALLED) ## Run the Zapier app and the guides for Zapier and Make (installs Zapier's tools the first time)
	tests/platforms/run

test-console: $(INSTALLED) ## Walk through the console in a real browser; needs Debian's chromium (apt install chromium)
	$(IN_TESTS) $(BIN)/pytest -n 0 -m browser tests/browser $(ARGS)

test-hosts: $(INSTALLED) ## Break hosts of the database while Lockstitch runs on it (Debian, as root; installs Patroni the first time)
	tests/hosts/run $(ARGS)

test-deploy: $(INSTALLED) ## Prove the Dockerfile, Compose, Kubernetes and systemd files (Debian, as root; installs tools the first time)
	tests/deploy/run $(ARGS)

docs: $(INSTALLED) ## Build the site of docs/ in dist/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: ## Update the lock files; needs uv and npm
	$(call compile,requirements.lock,--extra build)
	$(call compile,requirements-dev.lock,--all-extras --constraint requirements.lock)
	$(call compile,tests/importers/requirements.lock,,tests/importers/requirements.in)
	cd zapier-app && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts
	cd tests/importers && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts

compile = uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(2) --output-file $(1) $(or $(3),pyproject.toml)

$(INSTALLED): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Setting up .venv; the first time this takes a minute or two."
	@if command -v uv >/dev/null; then \
		set -e; \
		uv venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv; \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock; \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		set -e; \
		$(PYTHON) -m venv .venv; \
		$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements-dev.lock; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@
