# make debug            set up .venv, make the demo study from nothing, judge it, tier debug
# make debug HUB=path   judge another hub instead
# make test             set up .venv and pass the tests
# make slow             those that take minutes each, and what is tried a little by make test, all of it
# make floors           the lowest versions that pyproject.toml allows, installed together: all is imported on them
# make fuzz             every reader of foreign bytes, SECONDS each (600); atheris leads it by coverage if it is installed
# make docs             the site, in docs/_build; a warning is an error
# make lint             style and types
PYTHON ?= python3
VENV ?= .venv
PIP := $(VENV)/bin/python -m pip
READY := $(VENV)/.ready
PTYCHI := $(VENV)/.ptychi
ORACLES := $(VENV)/.oracles
AXE := $(VENV)/.axe
# images that forbid bytecode have every process compile this package again, half a second each time
unexport PYTHONDONTWRITEBYTECODE
# by its local name pip finds the CPU build or nothing, never the CUDA build of several gigabytes
TORCH ?= torch==2.13.0+cpu
PTYCHI_RELEASE ?= ptychi==2.2.0
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

# tests at a time; on two cores a third of their time is waiting for processes, clocks and disks, of the slow ones half
WORKERS ?= 3
SLOW_WORKERS ?= 4
# Machines are shared and tests here kill, wait and share out: what fails beside others runs once more, alone. Failed
# twice is failed; what passes only then is named by the last lines, and is to be mended.
ALONE := --last-failed --last-failed-no-failures=none --maxfail=3 --verbose
DEMO := .demo

.PHONY: debug demo test slow fuzz floors docs lint clean

debug: HUB ?= $(DEMO)
debug: $(if $(HUB),$(READY),demo)
	$(VENV)/bin/python -m pytest -m debug --hub="$(HUB)" $(ARGS)

demo: $(READY) $(PTYCHI)
	$(VENV)/bin/python -m ptycho_compare.cli.ptycho_hub demo --hub $(DEMO)

test: $(READY) $(PTYCHI) $(ORACLES) $(AXE)
	$(VENV)/bin/python -m coverage erase
	$(VENV)/bin/python -m coverage run -m pytest tests -m "not slow" -n$(WORKERS) --dist worksteal $(ARGS) || \
		{ [ $$? = 1 ] && $(VENV)/bin/python -m coverage run -m pytest tests -m "not slow" $(ALONE); }
	$(VENV)/bin/python -m coverage combine --quiet
	$(VENV)/bin/python -m coverage report

slow: $(READY) $(PTYCHI) $(ORACLES)
	PTYCHO_TESTS=thorough $(VENV)/bin/python -m pytest tests -m slow -n$(SLOW_WORKERS) --dist worksteal $(ARGS) || \
		{ [ $$? = 1 ] && PTYCHO_TESTS=thorough $(VENV)/bin/python -m pytest tests -m slow $(ALONE); }

fuzz: SECONDS ?= 600
fuzz: $(READY)
	$(VENV)/bin/python -m pip install --quiet atheris || true
	$(VENV)/bin/python scripts/fuzz.py --seconds $(SECONDS) $(ARGS)

floors:
	$(PYTHON) -m venv --clear $(VENV)-floors
	$(VENV)-floors/bin/python -m pip install --quiet --upgrade pip
	$(PYTHON) scripts/floors.py > $(VENV)-floors/floors.txt
	$(VENV)-floors/bin/python -m pip install --quiet --no-compile --constraint $(VENV)-floors/floors.txt .
	$(VENV)-floors/bin/python scripts/import_everything.py
	$(VENV)-floors/bin/python -m pytest --version

docs: $(READY)
	$(PIP) install --quiet --editable ".[docs]"
	$(VENV)/bin/python -m sphinx -q -W --keep-going docs docs/_build

lint: $(READY)
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m mypy

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	$(PIP) install --quiet --editable ".[test,lint]"
	touch $@

# without dependencies: it asks for torchvision, whose builds bring a CUDA build of torch; what it uses
# of that is in phases/reconstruct
$(PTYCHI): $(READY)
	$(PIP) install --quiet "$(TORCH)" || $(PIP) install --quiet "$(TORCH)" --extra-index-url $(TORCH_INDEX)
	$(PIP) install --quiet tqdm scikit-learn
	$(PIP) install --quiet --no-deps "$(PTYCHI_RELEASE)"
	touch $@

# what tests/oracles compares with; a test whose oracle is missing is skipped and says so
$(ORACLES): $(PTYCHI) tests/oracles/requirements.txt
	$(PIP) install --quiet --no-deps --requirement tests/oracles/requirements.txt
	touch $@

# judges the page's accessibility; without npm, or Chromium, its tests are skipped and say so
$(AXE): $(READY)
	! command -v npm >/dev/null || npm install --silent --prefix $(VENV)/axe axe-core@4.14.1
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-floors $(DEMO)
