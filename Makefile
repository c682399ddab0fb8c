# A fresh machine needs Python and make. Begin with `make demo` or `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WORKERS ?= 3

.PHONY: help venv demo test unit integration acceptance torture bench bench-scale lint format types lock assets views openapi openapi-released clients image build clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

venv: $(VENV)/.installed ## create the virtual environment with pinned, hashed dependencies

$(VENV)/.installed: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/pip check --disable-pip-version-check
	@touch $@

demo: venv ## run everything on this machine: services, events, consumer, API (ARGS=--once checks itself)
	@$(BIN)/datadeling demo $(ARGS)

test: venv ## run unit, integration and acceptance tests against real services
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

unit integration acceptance: venv ## run one level of the tests
	$(BIN)/pytest tests/$@ $(ARGS)

torture: venv ## inject every kind of fault while events come in (SEED=7 ARGS="--seconds 60")
	$(BIN)/python -m tests.torture $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: venv ## measure speed and CPU, into benchmarks/RESULTS.md (ARGS="--quick --only ingest")
	$(BIN)/python -m benchmarks.bench $(ARGS)

bench-scale: venv ## measure a table of ten million avtaler beside a small one
	$(BIN)/python -m benchmarks.scale $(ARGS)

lint: venv types ## run ruff, mypy --strict and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: venv
	$(BIN)/mypy

format: venv ## format the code with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: venv ## compile the pinned requirements from pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --output-file requirements.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --extra bigquery --extra demo --extra dev --output-file requirements-dev.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --output-file tools/clients/requirements.txt tools/clients/requirements.in
	$(BIN)/uv pip compile $(LOCK) --output-file tools/image/requirements.txt tools/image/requirements.in

LOCK := --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-annotate --python-version 3.11 --custom-compile-command "make lock"

assets: ## copy the scripts and styles of the page at /graphql into the package (needs npm)
	cd tools/graphiql && npm ci --ignore-scripts --no-audit --no-fund
	cp tools/graphiql/node_modules/graphiql/graphiql.min.js tools/graphiql/node_modules/graphiql/graphiql.min.css \
	  tools/graphiql/node_modules/react/umd/react.production.min.js \
	  tools/graphiql/node_modules/react-dom/umd/react-dom.production.min.js datadeling/api/assets/graphiql/
	for name in graphiql react react-dom; do \
	  cp tools/graphiql/node_modules/$$name/LICENSE datadeling/api/assets/graphiql/LICENSE.$$name; done

views: venv ## generate mirror/views from the code
	$(BIN)/python -m tools.views mirror/views

openapi: venv ## generate docs/openapi.json from the code
	$(BIN)/python -m tools.openapi docs/openapi.json
	@$(BIN)/python -m tools.breaking docs/openapi.released.json && echo "no breaking change"

openapi-released: venv ## at a release: make docs/openapi.json the released document; prints breaking changes
	-@$(BIN)/python -m tools.breaking docs/openapi.released.json
	cp docs/openapi.json docs/openapi.released.json

CLIENTS := build/clients

clients: ## generate Python and TypeScript clients from docs/openapi.json into build/clients, and use them (needs npm)
	rm -rf $(CLIENTS) && mkdir -p $(CLIENTS)/typescript
	$(PYTHON) -m venv $(CLIENTS)/.venv
	$(CLIENTS)/.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tools/clients/requirements.txt
	PATH="$(CURDIR)/$(CLIENTS)/.venv/bin:$$PATH" openapi-python-client generate --path docs/openapi.json --meta none \
	  --fail-on-warning --output-path $(CLIENTS)/python/datadeling_klient
	PYTHONPATH=$(CLIENTS)/python $(CLIENTS)/.venv/bin/python tools/clients/use.py docs/openapi.json
	MYPYPATH=$(CLIENTS)/python $(CLIENTS)/.venv/bin/mypy --config-file= --cache-dir=$(CLIENTS)/.mypy_cache --strict \
	  tools/clients/use.py $(CLIENTS)/python/datadeling_klient
	cp tools/clients/package*.json tools/clients/use.ts $(CLIENTS)/typescript
	cd $(CLIENTS)/typescript && npm ci --ignore-scripts --no-audit --no-fund && \
	  npx openapi-typescript $(CURDIR)/docs/openapi.json --output schema.ts && \
	  npx tsc --noEmit --strict --module preserve --target es2022 --lib es2022,dom use.ts schema.ts && echo "the use type-checks"

image: ## build the image (BASE=… for another base), run it as the platform does, and look up a person
	docker build $(if $(BASE),--build-arg BASE=$(BASE)) --tag datadeling:try .
	$(MAKE) --no-print-directory venv
	$(BIN)/python -m tools.image.try_it datadeling:try

build: venv ## build the wheel into dist/
	$(BIN)/python -m hatchling build --target wheel

clean: ## remove everything that the targets created
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
