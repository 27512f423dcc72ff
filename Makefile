# make debug HUB=path   set up .venv and judge a hub, tier debug
# make test             set up .venv and pass the tests
# make lint             style and types
PYTHON ?= python3
VENV ?= .venv
PIP := $(VENV)/bin/python -m pip
READY := $(VENV)/.ready

.PHONY: debug test lint clean

debug: $(READY)
	@test -n "$(HUB)" || { echo "make debug HUB=path/to/hub (the embedded demo study is not there yet)" >&2; exit 2; }
	$(VENV)/bin/python -m pytest -m debug --hub="$(HUB)" $(ARGS)

test: $(READY)
	$(VENV)/bin/python -m coverage erase
	$(VENV)/bin/python -m coverage run -m pytest tests $(ARGS)
	$(VENV)/bin/python -m coverage combine --quiet
	$(VENV)/bin/python -m coverage report

lint: $(READY)
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m mypy

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	$(PIP) install --quiet --editable ".[test,lint]"
	touch $@

clean:
	rm -rf $(VENV)
