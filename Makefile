# make up      sets up whatever is missing, then runs the hub, a gate and a demo site here
# make test    sets up whatever is missing, then runs every test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
WORKERS ?= 2

.PHONY: help up setup test test-kernels test-scripts test-others test-browsers lint format bench bench-index bench-hasher bench-trace bench-gate lock browser web clean

help:
	@sed -n 's/^# make/make/p' Makefile

up: $(VENV)/.runtime web
	$(BIN)/amparo up --data var/up

setup: $(VENV)/.tests web

# Every run takes place whatever became of another. Without Chromium the browser tests fail, each with one line.
# Kernels are compiled before: several processes would all compile them at once, while what they test waits. Python keeps what it
# compiles, even where a machine says otherwise: every worker and every program under test would compile it all again.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.tests web
	@scripts/ensure-chromium || true
	@failed=0; browsers=$$(mktemp); trap 'rm -f $$browsers' EXIT; \
	$(MAKE) --no-print-directory -j2 -k test-kernels test-scripts || failed=1; \
	$(MAKE) --no-print-directory -j2 -k BROWSERS=$$browsers test-others test-browsers || failed=1; \
	cat $$browsers; \
	exit $$failed

test-kernels:
	@$(BIN)/python -c "from amparo.gate.warm_up import warm_up; from amparo.hub.warm_up import rehearse; warm_up(); rehearse()"

test-scripts:
	@$(BIN)/python hatch_build.py run test

# Beside each other: each of the two waits a good deal for what it has started, and leaves processors idle by itself.
test-others:
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not browser"

test-browsers:
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m browser >$(BROWSERS) 2>&1

lint: $(VENV)/.tests web
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python hatch_build.py run check
	$(BIN)/python hatch_build.py run pyright
	$(BIN)/lint-imports

format: $(VENV)/.tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A Python without its venv package leaves half an environment, in which the next make would look for pip in vain.
new_venv = @trap 'rm -rf $(1); exit 1' INT TERM; \
	if $(PYTHON) -m venv $(1) && $(1)/bin/python -m pip --version >/dev/null; then :; else \
	  rm -rf $(1); \
	  echo "No Python environment could be made. Install your system's package for it (Debian, Ubuntu: python3-venv), then run make again." >&2; \
	  exit 1; \
	fi

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(call new_venv,$(VENV))

# The editable install builds nothing by itself: `web` does, and says so.
$(VENV)/.runtime: $(BIN)/python locks/runtime.txt locks/build.txt pyproject.toml
	@echo "Installing the locked dependencies ..."
	$(PIP) --require-hashes -r locks/runtime.txt -r locks/build.txt
	AMPARO_SKIP_WEB=1 $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tests: $(VENV)/.runtime locks/dev.txt
	@echo "Installing what the tests need ..."
	$(PIP) --require-hashes -r locks/dev.txt
	@touch $@

# Node: the machine's own where it is new enough, otherwise the one in a PyPI package.
web: $(VENV)/.runtime
	@$(BIN)/python -c 'import hatch_build, sys; sys.exit(hatch_build.machine_node() is None and hatch_build.wheel_node() is None)' \
	  || $(PIP) --require-hashes -r locks/node.txt
	@$(BIN)/python hatch_build.py

# Peers from PyPI, in an environment of their own. PHOTOS: a folder of benign photos.
PHOTOS ?= ../shared/photos

.bench-venv: locks/bench.txt locks/build.txt locks/runtime.txt
	$(call new_venv,$@)
	$@/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r locks/bench.txt
	$@/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r locks/build.txt
	AMPARO_SKIP_WEB=1 $@/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

bench: bench-index bench-hasher

bench-index bench-hasher bench-trace bench-gate: bench-%: .bench-venv $(VENV)/.tests
	.bench-venv/bin/amparo bench $* --photos $(PHOTOS)

browser:
	@scripts/ensure-chromium

# The locks hold hashes and no address: any mirror can serve them. uv is needed for this target only.
lock:
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --upgrade pyproject.toml -o locks/runtime.txt
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header -c locks/runtime.txt --extra dev pyproject.toml -o locks/dev.txt
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header -c locks/dev.txt locks/build.in -o locks/build.txt
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header locks/node.in -o locks/node.txt
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header -c locks/dev.txt pyproject.toml locks/bench.in -o locks/bench.txt

clean:
	rm -rf $(VENV) .bench-venv web/node_modules src/amparo/hub/static/built
