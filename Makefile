# make debug HUB=path   set up .venv and judge a hub, tier debug
# make test             set up .venv and pass the tests
# make slow             those that take minutes each
# make lint             style and types
PYTHON ?= python3
VENV ?= .venv
PIP := $(VENV)/bin/python -m pip
READY := $(VENV)/.ready
ORACLES := $(VENV)/.oracles
# by its local name pip finds the CPU build or nothing, never the CUDA build of several gigabytes
TORCH ?= torch==2.13.0+cpu

# tests at a time; most of them start processes that compute
WORKERS ?= 2

.PHONY: debug test slow lint clean

debug: $(READY)
	@test -n "$(HUB)" || { echo "make debug HUB=path/to/hub (the embedded demo study is not there yet)" >&2; exit 2; }
	$(VENV)/bin/python -m pytest -m debug --hub="$(HUB)" $(ARGS)

test: $(READY) $(ORACLES)
	$(VENV)/bin/python -m coverage erase
	$(VENV)/bin/python -m coverage run -m pytest tests -m "not slow" -n$(WORKERS) --dist worksteal $(ARGS)
	$(VENV)/bin/python -m coverage combine --quiet
	$(VENV)/bin/python -m coverage report

slow: $(READY) $(ORACLES)
	$(VENV)/bin/python -m pytest tests -m slow -n$(WORKERS) --dist worksteal $(ARGS)

lint: $(READY)
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m mypy

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	$(PIP) install --quiet --editable ".[test,lint]"
	touch $@

# what tests/oracles compares with; a test whose oracle is missing is skipped and says so
$(ORACLES): $(READY) tests/oracles/requirements.txt
	$(PIP) install --quiet "$(TORCH)" || \
		echo "no $(TORCH) here: oracles that need it are skipped until '$(PIP) install torch'" >&2
	$(PIP) install --quiet --no-deps --requirement tests/oracles/requirements.txt
	touch $@

clean:
	rm -rf $(VENV)
