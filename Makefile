# `make help` lists the targets. PYTHON is the system's interpreter, 3.11 or newer.
PYTHON ?= python3
# Interpreters besides PYTHON that the package supports, for `make constraints` and `check-pythons`.
PYTHONS ?= python3.12 python3.13
BIN := .venv/bin
# uv, where it is installed, does the same in less time.
PIP := $(if $(shell command -v uv),uv pip install --python $(BIN)/python,$(BIN)/python -m pip install --disable-pip-version-check) --quiet

.PHONY: help setup app web test test-slow coverage lint train bench constraints check-pythons clean .node

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

setup: .venv/.installed-requirements-dev ## create or update .venv with all dependencies and the command pix2pix

app: .venv/.installed-requirements ## serve the Space on the starter models
	$(BIN)/python app.py

web: .venv/.installed-requirements ## serve the page that translates in the browser (the starter models)
	$(BIN)/python -m pix2pix web

test: setup ## run the fast tests, about 8 minutes on two cores
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: setup ## run the slow tests (kills, full-size networks, variants), about 30 minutes
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

coverage: setup ## run all tests and print which lines they cover (about an hour)
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov

lint: setup ## check style, format, types and spelling (the JavaScript's with npm's packages)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	@$(MAKE) --no-print-directory .node
	.node/node_modules/.bin/biome check --error-on-warnings --config-path=tests/javascript web
	.node/node_modules/.bin/tsc -p tests/javascript/tsconfig.json

train: .venv/.installed-requirements-train ## train a small model in about three minutes
	$(BIN)/python train_hub.py --dataset_name assets/sample_maps --output_dir runs/demo \
	  --generator_filters 16 --max_train_steps 200 --overwrite_output_dir

bench: setup ## run the benchmarks (a quarter of an hour) and write benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

constraints: setup ## write constraints.txt: the newest versions within the requirements' ranges
	$(BIN)/python -m tools.environments pin $(PYTHONS)

check-pythons: setup ## resolve and download the dependencies for PYTHONS, without installing
	$(BIN)/python -m tools.environments check $(PYTHONS)

clean: ## delete the virtual environment and the runs
	rm -rf .venv .node runs

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is required: make PYTHON=python3.11 ..."; exit 1; }
	@if command -v uv >/dev/null; then uv venv --quiet --python "$$(command -v $(PYTHON))" .venv; \
	else $(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "Install venv first: apt-get install python3-venv"; exit 1; }; fi

# requirements-train.txt can't include other files, because the package's metadata is read from it.
.venv/.installed-requirements-dev: requirements-train.txt requirements-geo.txt requirements-pairs.txt

# What the tests and the checks of JavaScript need: Gradio's client, onnxruntime-web, Biome, TypeScript.
.node: .node/node_modules/.package-lock.json

# npm writes this file when it has installed everything. No package needs its own install script.
.node/node_modules/.package-lock.json: tests/javascript/package.json
	@command -v npm >/dev/null || \
	  { echo "npm is missing, which the JavaScript needs: apt-get install nodejs npm"; exit 1; }
	@echo "Installing npm's packages into .node (280 MB, a quarter of a minute)"
	@mkdir -p .node
	@cp $< .node/
	@npm install --prefix .node --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel error
	@touch $@

# The editable install adds the command `pix2pix`; it copies nothing and installs no dependencies.
# Bytecode is compiled here: without it, importing gradio takes twice as long at each start.
.venv/.installed-%: %.txt requirements.txt constraints.txt pyproject.toml | .venv/bin/python
	@echo "Installing $< into .venv (a few minutes the first time)"
	@$(PIP) -c constraints.txt -r requirements.txt -r $<
	@$(PIP) --no-deps --editable .
	@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
	@touch $@
