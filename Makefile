# The index of the project: `make` lists what can be done. Everything is installed into this folder.
#
# Variables: PYTHON (a Python 3.11), DATA, SPEED, KEEP (demo), ARGS (passed to pytest, to the bench or to chaos),
# SEED, MINUTES, KILLS (chaos), UPGRADE, PACKAGE (lock).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# Each process of a stack or a suite would compile our own modules anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
SETUP = @PYTHON='$(PYTHON)' sh requirements/setup
# KEEP=0, KEEP=no and KEEP=false mean what they say.
KEPT = $(filter-out 0 no false,$(KEEP))

.PHONY: help
help: ## What can be done, and how
	@printf 'Hailstream: taxi events in; live zone demand, surge prices and fraud alerts out.\n'
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@printf '\nFirst steps: README.md. How to work on it: CONTRIBUTING.md.\n'

##@ See it run
.PHONY: demo up down status doctor
demo: setup ## The whole pipeline, live and proved right [DATA=file SPEED=60|max KEEP=1]
	@$(BIN)/hailstream demo $(if $(DATA),--data '$(DATA)') $(if $(SPEED),--speed '$(SPEED)') $(if $(KEPT),--keep)

up: setup ## Start Kafka, registry, Redis, Flink and ClickHouse on this machine
	@$(BIN)/hailstream up

down: ## Stop them all
	@if [ -x $(BIN)/hailstream ]; then $(BIN)/hailstream down; else echo 'nothing is installed here, so nothing runs'; fi

status: ## What runs, on which ports, and what does not
	@if [ -x $(BIN)/hailstream ]; then $(BIN)/hailstream status; else echo 'nothing is installed here, so nothing runs'; fi

doctor: setup ## Check this machine, and say what to do about each finding
	@$(BIN)/hailstream doctor

##@ Work on it
.PHONY: test test-unit lint types format bench chaos
SIDE_BY_SIDE := tests/unit tests/contract tests/servers
# Tests of one process or server run side by side; those of the whole pipeline have the machine to themselves.
test: lint types ## All checks: style, types, and every test [ARGS='-k revenue']
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -n logical
	@$(BIN)/python -m pytest tests $(SIDE_BY_SIDE:%=--ignore %)
endif
	@echo 'make test: style, types and tests are fine'

test-unit: setup ## The tests that need no server: a minute and a half [ARGS=...]
	@$(BIN)/python -m pytest tests/unit -n logical $(ARGS)

lint: setup ## Style, by ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## Types, by mypy
	@$(BIN)/mypy

format: setup ## Put the code into its style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup ## Measure the speed, beside Spark [ARGS=...]
	@$(BIN)/python -m bench $(ARGS)

chaos: setup ## Kill and pause everything under load, prove every row [SEED=7 MINUTES=10 KILLS=40 ARGS=...]
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed '$(SEED)') $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(KILLS),--kills '$(KILLS)') $(ARGS)

##@ Keep house
.PHONY: setup lock clean clean-all
setup: ## Install what is missing, into this folder (the others do this by themselves)
	$(SETUP)

lock: ## Compile the lock files anew [UPGRADE=1 for the newest versions, PACKAGE=name for one]
	$(SETUP) lock $(if $(UPGRADE),--upgrade) $(if $(PACKAGE),--upgrade-package '$(PACKAGE)')

clean: ## Remove what the tools leave behind
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.cache/*' -prune -exec rm -rf {} +

clean-all: clean ## Stop everything, remove the environment, all data and downloads
	@if [ -x $(BIN)/hailstream ]; then $(BIN)/hailstream down || echo 'going on without'; fi
	@rm -rf .venv .cache .hailstream *.egg-info
