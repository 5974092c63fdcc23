# make run | test | check | demo | lock. Installs what is missing first; the second time that costs nothing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
PORT ?= 7860
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: run demo test check fix lock clean

run: .venv/installed
	$(BIN)/python app.py --port $(PORT)

demo: .venv/installed
	$(BIN)/python -m training demo --name 小明 --maker 张三 --json

test: check
	tests/install_tools.sh
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder --durations=40 -m "doors or real or browser"

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	# One more at a time than there are cores: much of a test is waiting for a run's processes.
	$(BIN)/python -m pytest -n $$(($$(nproc) + 1)) -m "not doors and not real and not browser"

fix: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/installed-dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header requirements.in -o requirements.txt

clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache

.venv/installed: requirements.txt requirements-nodeps.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
		|| { echo "Python 3.10, 3.11 or 3.12 is needed; name yours with make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "The module venv is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install -r requirements.txt
	$(BIN)/pip install --no-deps -r requirements-nodeps.txt
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/pip install -r requirements-dev.txt
	touch $@
