# make quickstart   the whole road on the tiny model: data, stages, evaluation, report
# make test         what CI runs: format, lint, types, tests
# make format       put the code in the house's form

PYTHON ?= python3.11
VENV := .venv
INSTALLED := $(VENV)/.installed
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
WORKERS ?= 2

.PHONY: install quickstart test format clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	touch $@

quickstart: $(INSTALLED)
	$(VENV)/bin/sun quickstart

test: $(INSTALLED)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(ONE_THREAD) $(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile

format: $(INSTALLED)
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
