# `make help` lists what there is. PYTHON is the system's, 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup app test test-slow lint train bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed-requirements-dev ## make .venv from the requirements files, when they changed

app: .venv/.installed-requirements ## set up and serve the Space on the embedded model
	$(BIN)/python app.py

test: setup ## the loop and every module, under 8 minutes
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: setup ## what takes minutes: kills, full-size networks
	$(BIN)/python -m pytest -m slow

lint: setup ## rules, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

train: .venv/.installed-requirements-train ## a small documented run, about three minutes
	$(BIN)/python train_hub.py --dataset_name assets/sample_maps --output_dir runs/demo \
	  --generator_filters 16 --max_train_steps 200

bench: setup ## every benchmark that takes minutes, a quarter of an hour, into benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

clean: ## forget the virtual environment and the runs
	rm -rf .venv runs

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	@if command -v uv >/dev/null; then uv venv --quiet --python "$$(command -v $(PYTHON))" .venv; \
	else $(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "Install venv first: apt-get install python3-venv"; exit 1; }; fi

# requirements-train.txt names no other file, since the package's metadata is read from it.
.venv/.installed-requirements-dev: requirements-train.txt

# Bytecode is compiled here: without it, importing gradio takes twice as long at each start.
.venv/.installed-%: %.txt requirements.txt | .venv/bin/python
	@echo "Installing $< into .venv (a few minutes the first time)"
	@if command -v uv >/dev/null; then uv pip install --quiet --python $(BIN)/python -r requirements.txt -r $<; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r $<; fi
	@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
	@touch $@
