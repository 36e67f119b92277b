# Every target sets up what it needs by itself.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/.ready
# Tests and benchmarks start kongip thousands of times; compiled once, as by an installation, it starts twice as fast.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-fast test-endings test-pods test-cluster check audit fuzz accuracy bench pictures format docs lock down clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## diagnose a lab on loopback addresses: where a node rewrites the client's address
	@scripts/demo

test: $(READY) ## run all tests, on a Kubernetes of their own where the machine can carry one
	@scripts/test

test-fast: $(READY) ## run the tests that need neither root nor a cluster
	@$(BIN)/pytest -q --numprocesses auto --ignore=tests/cluster

test-endings: $(READY) ## end fifty runs at random moments on the test cluster, and count what they leave
	@KONGIP_ENDINGS=50 $(BIN)/pytest -q tests/cluster/test_endings.py

test-pods: $(READY) ## diagnose fifty Kong pods on the test cluster (some minutes)
	@KONGIP_PODS=50 $(BIN)/pytest -q tests/cluster/test_many_pods.py

test-cluster: $(READY) ## play scenarios on a cluster of yours: CONTEXT=kind-x (see tests/any_cluster/README.md)
	@KONGIP_TEST_CONTEXT="$(CONTEXT)" $(BIN)/pytest tests/any_cluster

check: $(READY) ## lint, types, import rules, and documents in step with the code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m diagnose.pages --check
	@scripts/audit --daily

audit: $(READY) ## ask for known vulnerabilities in the locked dependencies
	@scripts/audit

fuzz: $(READY) ## fuzz, led by coverage, all that reads bytes from outside (SECONDS_EACH=60)
	@scripts/fuzz

accuracy: $(READY) ## play every scenario of tests/lab, and write docs/accuracy.md (as root)
	@$(BIN)/python -m tests.lab.accuracy

bench: $(READY) ## measure what is claimed to be fast beside its peers, and write docs/benchmarks.md (as root)
	@$(BIN)/uv pip install -q --python $(BIN)/python --group bench
	@$(BIN)/python -m benchmarks

pictures: $(READY) ## draw docs/pictures, the terminal as it shows runs of labs
	@$(BIN)/python -m tests.diagnose.report.pictures

format: $(READY) ## format the code
	@$(BIN)/ruff check --fix -q . || true
	@$(BIN)/ruff format .

docs: $(READY) ## write docs/findings/, docs/load-balancers/ and docs/man/ from their data
	@$(BIN)/python -m diagnose.pages

lock: $(READY) ## resolve the dependencies anew into requirements-dev.lock
	@$(BIN)/pip install -q uv
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --group dev pyproject.toml -o requirements-dev.lock

down: ## end the test cluster that `make test` leaves running
	@tests/cluster/testbed/down.sh

clean: ## remove the virtual environment and caches of this folder
	@rm -rf .venv build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .fuzz

$(READY): scripts/venv requirements-dev.lock pyproject.toml
	@scripts/venv
	@touch $@
