# The two commands of the README are `make demo` and `make test`; each sets itself up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Tests wait more than they compute, so there is one worker more than most small machines have cores.
TESTS_AT_ONCE ?= 3

.PHONY: demo stack stack-demo test check bench format lock clean

# One stamp: the virtual environment is made again when the lock changes.
$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ekiden needs Python 3.11 or later (PYTHON=$(PYTHON))"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: $(VENV)/.ready
	$(BIN)/ekiden demo $(if $(KEEP),--keep)

# Every function as its own process over a real bucket, on this machine.
stack: $(VENV)/.ready
	$(BIN)/python -m infra.stack

stack-demo: $(VENV)/.ready
	$(BIN)/python -m infra.stack demo

test: $(VENV)/.ready
	$(BIN)/python -m pytest tests -n $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder

check: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/docs tests/house

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

format: $(VENV)/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Needs uv (pip install uv). The results name no index; the image gets the versions that were tested.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra dev pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --constraint requirements.txt pyproject.toml -o infra/image/requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --constraint requirements.txt --extra dev --extra infra pyproject.toml -o infra/check-requirements.txt
	echo 'setuptools>=77' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --constraint requirements.txt - -o infra/image/build-requirements.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
