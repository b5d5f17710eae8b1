# `make` alone says what there is. Everything runs in .venv, which `make setup` makes and keeps up to date.

.DEFAULT_GOAL := help
.PHONY: help setup hub test test-world chaos check lint openapi docs texts lock bench clean

BIN := .venv/bin
UV ?= $(firstword $(wildcard $(BIN)/uv) uv)
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock"
PLUGINS := $(wildcard tests/plugins/environments/*.in)

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## .venv with callboard and all it needs, exactly as locked; quick when nothing changed
	@bash deploy/setup.sh

hub: setup ## a hub for trying things out, at http://127.0.0.1:8000, or PORT=9000
	$(BIN)/callboard -f deploy/local/hub_config.py --hello

# Real servers and browsers, two at a time, get a second try, for machines that are busy; it is said aloud.
test: setup ## every test, those with real servers and killed hubs too
	bash deploy/need_debian.sh $$(sed 's/#.*//' tests/debian_packages.txt)
	$(BIN)/pytest -n auto -p no:rerunfailures -m "not slow"
	$(BIN)/python -m tests.plugins.environments spawners authenticators
	$(BIN)/python -m tests.proxies
	$(BIN)/pytest -n 2 -m "slow and not world" --reruns 1 -rR

test-world: setup ## real engines and plug-ins in all ways that take long (as root); docs/world.md says how it went
	bash deploy/need_debian.sh $$(sed 's/#.*//' tests/debian_packages.txt tests/world_packages.txt)
	$(BIN)/python -m tests.plugins.environments
	$(BIN)/python -m tests.proxies
	$(BIN)/pytest -m world --timeout 900 --world-page=docs/world.md

chaos: setup ## a real hub under every fault at once, for SECONDS=120, with a new SEED or the one given
	$(BIN)/python -m tests.chaos --seconds $(or $(SECONDS),120) $(if $(SEED),--seed $(SEED))

check: lint ## what to run before every commit: lint, types, unit, property and security tests
	HYPOTHESIS_PROFILE=check $(BIN)/pytest -q -n auto -p no:rerunfailures -m "not slow" tests/unit tests/property tests/security tests/fuzz tests/chaos

fuzz: setup ## many more random requests and replies, read by us and by others; FUZZ_INPUTS says how many
	FUZZ_INPUTS=$${FUZZ_INPUTS:-300000} $(BIN)/pytest -q -s --timeout 0 tests/fuzz

lint: setup ## style, types, and which folder may import which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

openapi: setup ## docs/openapi.json and docs/rest-endpoints.md anew, from the routes and their types
	$(BIN)/python -m web.commands.openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json
	$(BIN)/python -m web.commands.openapi --page > docs/rest-endpoints.md

texts: setup ## the catalogues of web/texts/catalogues anew, with every text that there is; translations stay
	$(BIN)/python -m web.texts.extraction

docs: setup ## the documentation as a site: build/docs/index.html; a broken link or anchor fails
	$(BIN)/sphinx-build -q -a -n -W --keep-going -d build/doctrees docs build/docs

lock: ## requirements.lock anew from pyproject.toml, and those of plug-ins, for Python 3.11 to 3.13 (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv (pip install uv)" >&2; exit 1; }
	$(LOCK) pyproject.toml --extra test -o requirements.lock
	$(foreach IN,$(PLUGINS),$(LOCK) pyproject.toml --extra plugins $(IN) -c requirements.lock -o $(IN:.in=.lock) &&) true
	@! grep -nE '://|^--|file:' requirements.lock $(PLUGINS:.in=.lock) || { echo "an address in a lock" >&2; exit 1; }

bench: setup ## how fast it is, beside its earlier self or another hub
	$(BIN)/python -m benchmarks

clean: ## what tools leave behind; not .venv, and nothing of a hub's state
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
