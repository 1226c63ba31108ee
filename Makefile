# Two commands are enough: `make up` runs the product, `make test` tests it.
.PHONY: up down test campaign lint bench servers venv clean lock
BIN := .venv/bin
ROUNDS ?= 30
SEED ?= 1

up: venv
	@$(BIN)/opsctl setup
	@$(BIN)/opsctl up

down:
	@if [ -x $(BIN)/opsctl ]; then $(BIN)/opsctl down; fi

test: venv servers lint
	$(BIN)/python -m pytest

campaign: venv servers
	$(BIN)/python -m pytest -m campaign --rounds $(ROUNDS) --seed $(SEED)

lint: venv
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: venv servers
	$(BIN)/python -m bench

servers:
	@scripts/servers.sh

venv:
	@scripts/venv.sh

lock:
	uv pip compile --universal --generate-hashes --all-extras --python-version 3.11 --no-header -o requirements.lock pyproject.toml

clean: down
	rm -rf .venv .servers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
