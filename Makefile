# Everything a contributor types. `make` alone lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Kept, whatever the shell says: the tests start Python hundreds of times.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
SOURCES := routerd tests scripts hatch_build.py $(wildcard bench)
# What some tests call; each that is missing is installed when we may, else its tests are skipped and say so.
DEBIAN := openssl=openssl buildah=buildah crun=crun age=age nginx=nginx-light chromium=chromium
DEBIAN_COMPILED := cc=gcc /usr/include/stdio.h=libc6-dev
DEBIAN_BENCH := cc=gcc nginx=nginx-light openssl=openssl /usr/include/openssl/ssl.h=libssl-dev

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One more than there are cores, since many tests wait for time to pass; but no crowd on a large machine.
WORKERS := --numprocesses $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 3 ? n + 1 : 4))) --dist loadfile --no-loadscope-reorder

PAGES := $(shell find frontend/src frontend/public -type f 2>/dev/null) $(wildcard frontend/*.json frontend/*.ts frontend/*.html)

.PHONY: run
run: .venv/run.stamp ui ## serve the example router.yaml on http://127.0.0.1:8000 (ARGS="--port 9000")
	$(BIN)/routerd serve $(ARGS)

.PHONY: ui
ui: frontend/node_modules/.built ## build the pages, which the running program serves at /

.PHONY: test
test: ## set everything up, then every check and every test
	$(MAKE) --jobs=3 --output-sync=target lint types pages clients compiled-if-possible
	VITEST_MAX_WORKERS=1 $(MAKE) --jobs=2 unit browser
	if $(BIN)/python scripts/compiled.py --possible; then $(MAKE) compiled-test; fi

.PHONY: pages
pages: ui ## types and tests of the pages
	! command -v npm >/dev/null || { cd frontend && npm run check && npm test; }

.PHONY: browser
browser: .venv/run.stamp .venv/debian.stamp ui ## the pages in a real browser, with the real program
	! command -v npm >/dev/null || { cd frontend && npm run test:browser; }

.PHONY: unit
unit: .venv/dev.stamp .venv/debian.stamp clients ui ## the tests alone (ARGS="-k failover")
	$(BIN)/python -m pytest $(WORKERS) $(ARGS)

.PHONY: compiled
compiled: .venv/dev.stamp ## the hot path as machine code, in build/compiled; needs a C compiler
	$(BIN)/python scripts/compiled.py build/compiled

# Early in `make test`: other things wait for the network then.
.PHONY: compiled-if-possible
compiled-if-possible: .venv/dev.stamp .venv/debian.stamp
	! $(BIN)/python scripts/compiled.py --possible || $(BIN)/python scripts/compiled.py

# The tests that a caller's bytes pass through. test_reader.py hands the reader an heir of a compiled class; test_reloads.py
# takes as long as all others, most of it to read router.yaml.
HOT := $(filter-out %/test_reader.py %/test_reloads.py,$(wildcard $(foreach folder,edge proxy routing state,tests/$(folder)/test_*.py))) \
	tests/clients/test_openai_python.py tests/clients/test_drill.py tests/web/test_doors.py tests/test_compiled.py

# What mypyc's coroutines do when they are cancelled, and Python 3.12 and later would rather not see.
THROW := -W "ignore:the .type, exc, tb. signature of throw:DeprecationWarning"

.PHONY: compiled-test
compiled-test: export ROUTERD_COMPILED := $(CURDIR)/build/compiled
compiled-test: compiled clients ui ## the tests of the hot path again, compiled (ARGS="-k failover")
	$(BIN)/pytest -o pythonpath=$(ROUTERD_COMPILED) -p routerd $(WORKERS) $(THROW) $(HOT) $(ARGS)

.PHONY: drill
drill: .venv/dev.stamp clients ## six real clients work off tasks through faults, half an hour (ARGS="--quick")
	$(BIN)/python -m tests.clients.drill $(ARGS)

.PHONY: lint
lint: .venv/dev.stamp ## ruff, formatting, lengths of functions and files, import cycles
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/python scripts/house.py

.PHONY: types
types: .venv/dev.stamp ## mypy, strict
	$(BIN)/mypy
	cd bench && ../$(BIN)/mypy --strict driver

.PHONY: fmt
fmt: .venv/dev.stamp ## format the code and put its imports in order
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: schemas
schemas: .venv/run.stamp ## write schemas/ again from the model and the API
	$(BIN)/routerd schema > schemas/router.schema.json
	$(BIN)/routerd schema --openapi > schemas/openapi.json

.PHONY: prices
prices: .venv/dev.stamp ## write routerd/prices.json again from the pinned genai-prices
	$(BIN)/python scripts/prices.py

.PHONY: bench
bench: .venv/dev.stamp ## measure it beside nginx on this machine, fifteen minutes (ARGS="--quick": four)
	scripts/debian $(DEBIAN_BENCH)
	bench/run $(ARGS)

.PHONY: bench-peers
bench-peers: .venv/dev.stamp ## install and measure other gateways the same way
	scripts/debian $(DEBIAN_BENCH)
	bench/run --peers $(ARGS)

.PHONY: lock
lock: .venv/dev.stamp ## resolve requirements/*.txt again (ARGS="--upgrade" for newer versions)
	scripts/lock $(ARGS)

.PHONY: image
image: ui ## build the container image with docker, podman or buildah (ARGS="--build-arg BASE=...")
	scripts/image $(ARGS)

.PHONY: clients
clients: $(patsubst %/package.json,%/node_modules/.stamp,$(wildcard tests/clients/package.json))

.PHONY: clean
clean: ## remove what make made
	rm -rf frontend/node_modules frontend/dist
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/clients/node_modules bench/build

.venv/run.stamp: requirements/run.txt requirements/build.txt pyproject.toml scripts/venv
	scripts/venv requirements/run.txt
	@touch $@

.venv/dev.stamp: requirements/dev.txt requirements/build.txt pyproject.toml scripts/venv
	scripts/venv requirements/dev.txt
	@touch $@ .venv/run.stamp

.venv/debian.stamp: Makefile scripts/debian .venv/dev.stamp
	scripts/debian $(DEBIAN) $(DEBIAN_COMPILED) "$$($(BIN)/python scripts/compiled.py --header)=python3-dev"
	@touch $@

frontend/node_modules/.built: frontend/node_modules/.stamp $(PAGES)
	! command -v npm >/dev/null || { cd frontend && npm run build && touch node_modules/.built; }

%/node_modules/.stamp: %/package.json %/package-lock.json
	@command -v npm >/dev/null || echo "npm is missing: the tests of clients for Node are skipped"
	! command -v npm >/dev/null || { cd $* && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.stamp; }
