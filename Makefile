# spfmodel: `make report` and `make test` need only python3 (3.11 or later, with venv), git and make.

export OPENBLAS_NUM_THREADS = 1
BIN := .venv/bin
STAMP := .venv/.installed
JOBS ?= 2

.PHONY: help env report test verify lint format lab bench fits clean

help:           ## list what can be made
	@sed -n 's/^\([a-z]*\): .*## /  make \1  \t/p; s/^\([a-z]*\):  *## /  make \1  \t/p' $(MAKEFILE_LIST) | expand -t 18

env: $(STAMP)   ## the environment alone: .venv, with .venv/bin/spfmodel
	@echo "Environment: .venv (try: .venv/bin/spfmodel --help)"

$(STAMP): requirements.lock pyproject.toml
	@echo "Installing about 140 pinned packages into .venv; this takes a minute or two, once."
	@test -x $(BIN)/python || python3 -m venv .venv
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m compileall -q -j 0 .venv/lib spfmodel >/dev/null || true # a few files are not for this Python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@one() { $(BIN)/spfmodel predict -m x86-vm-16 -w brk1 -p ideal --threads 2 --solver $$1 >/dev/null; }; \
	    one closed & one ctmc & one des && wait
	@touch $(STAMP)

report: $(STAMP) ## predict the published workloads and render the standard report
	@$(BIN)/spfmodel report reports/standard.toml --jobs $(JOBS)

test: $(STAMP)  ## the fast test suite (under 5 minutes on 2 cores)
	@$(BIN)/python -m pytest -q -n $(JOBS)
	@echo "Tests passed. One file per module: tests/. The long statistical checks: make verify"

verify: $(STAMP) ## the long statistical checks
	@$(BIN)/python -m pytest -q -n $(JOBS) -m verification tests
	@echo "Verification passed. The checks: grep -rl verification tests/"

lint: $(STAMP)  ## ruff and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@echo "Lint is clean. The rules: pyproject.toml (repair what can be repaired: make format)"

format: $(STAMP) ## let ruff lay the code out
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .
	@echo "Formatted. See: git diff"

lab: $(STAMP)   ## JupyterLab on the notebooks
	@$(BIN)/spfmodel lab
	@echo "Notebooks: notebooks/"

bench: $(STAMP) ## how fast we are, beside peers (docs/speed.md); ONLY=des,mva LONG=1 CHECK=1 STORE=1
	@PYTHONPATH=tests $(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(LONG),--long) \
	  $(if $(CHECK),--check) $(if $(STORE),--store$(if $(filter last,$(STORE)),-last))

fits: $(STAMP)  ## recalibrate the shipped machines (same files for the same data)
	@$(BIN)/python -m spfmodel.calibrate
	@$(BIN)/python -m spfmodel.residuals
	@echo "Fits: data/calibrations/, data/structural.toml (what moved: git diff --stat data)"

clean:          ## remove the environment, caches and the rendered report
	@rm -rf .venv build reports/out .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	@echo "Clean. To start again: make env"
