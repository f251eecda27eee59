# What people run is what CI runs. `make up` and `make test` are all the set-up anybody needs.
.PHONY: help setup setup-dev up down test lint format bench docs check-math lock cluster-up cluster-down test-cluster deploy-test
PYTHON ?= python3
BIN := .venv/bin
PYTEST_ARGS ?=

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: ## Make the environment, the front end and the proxy
	@$(PYTHON) deploy/setup/install.py

setup-dev: ## The same with what the tests need
	@$(PYTHON) deploy/setup/install.py --dev

up: setup ## Start the platform
	@$(BIN)/collegium up

down: ## Stop the platform
	@$(BIN)/collegium down

# What fails beside other tests runs once more by itself, is named loudly, and has to pass there.
AGAIN = { [ $$? -eq 1 ] && echo '!!! FAILED BESIDE OTHER TESTS: each of these now runs by itself !!!' && \
  $(BIN)/pytest --last-failed --last-failed-no-failures none $(PYTEST_ARGS); }

test: setup-dev ## Run all tests; what fails beside others runs once more by itself, and has to pass there
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --cache-clear $(PYTEST_ARGS) || $(AGAIN)

lint: setup-dev ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(PYTHON) deploy/setup/npm.py frontend/web run --silent lint
	@$(PYTHON) deploy/setup/npm.py frontend/lab run --silent lint

format: setup-dev ## Put the code into the common form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup-dev ## Measure every speed claim beside its peer
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

docs: setup-dev ## Build the documentation into docs/_build/html
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

check-math: setup-dev ## Compiled mathematics against 10,000 random inputs a routine
	COLLEGIUM_MATH_CASES=10000 $(BIN)/pytest tests/kernels_math --timeout=3600

lock: ## Resolve the dependencies again
	deploy/setup/lock.sh

cluster-up: setup-dev ## Build (once) and start a real one-node Kubernetes
	@$(BIN)/python deploy/testcluster up

cluster-down: ## Stop it and leave nothing behind but the cache
	@$(BIN)/python deploy/testcluster down

test-cluster: setup-dev ## Test on the cluster of KUBECONFIG, or on the test cluster
	@export COLLEGIUM_TEST_CLUSTER=1; $(BIN)/pytest tests/cluster --cache-clear $(PYTEST_ARGS) || $(AGAIN)

deploy-test: setup-dev ## Install the chart's objects on the test cluster and work there in a browser
	COLLEGIUM_TEST_CLUSTER=1 $(BIN)/pytest tests/cluster/test_deployment.py $(PYTEST_ARGS)
