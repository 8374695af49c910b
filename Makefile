# Two commands: `make` builds and proves the library and runs a first example on it; `make test`
# runs everything that must hold. Both install what they need first.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
FUZZ ?= 20
export PYTHON VENV
# Tests start hundreds of commands, which would each compile this package again.
unexport PYTHONDONTWRITEBYTECODE

PY := $(VENV)/bin/python
READY := $(VENV)/.ready

.DEFAULT_GOAL := first
.PHONY: bench-layers first build check test test-slow quick fuzz figures wrong-rules mutants test-matrix audit lint bench bench-quick docs dist try-dist clean

first: build  ## Build and prove the library, then run a first example on it.
	$(PY) examples/first_gradient.py

build: $(READY)  ## Prove the table and write build/.
	$(PY) -m faustdiff build --out build

check: $(READY)  ## Prove the table.
	$(PY) -m faustdiff check

test: $(READY) lint  ## Everything that must hold.
	$(PY) -m pytest -n $(JOBS) --dist loadgroup

test-slow: $(READY)  ## What takes too long for each change: the other compiler of many cases, long runs.
	$(PY) -m pytest -n $(JOBS) --dist loadgroup -m slow

quick: $(READY)  ## What can be tested within half a minute, without a compiler.
	$(PY) -m pytest -q -n $(JOBS) -m "not (slow or compilers or exhaustive)" tests

fuzz: $(READY)  ## Hostile input and random programs, FUZZ times as many as in the tests.
	FAUSTDIFF_FUZZ=$(FUZZ) $(PY) -m pytest -n $(JOBS) tests/test_fuzz.py faust-tests/test_fuzz_programs.py
	$(PY) tools/coverage_fuzz.py --seconds $$((20 * $(FUZZ)))

figures: $(READY)  ## What was drawn by fuzzing, which faults were survived. Writes docs/robustness.md.
	$(PY) -m benchmarks.robustness

wrong-rules: $(READY)  ## How many wrong rules are refuted, by kind. Writes docs/verdicts.md.
	$(PY) tools/wrong_rules.py --write

mutants: wrong-rules  ## Break the code in many places; which tests notice. Writes docs/robustness.md.
	$(PY) -m benchmarks.mutants

test-matrix: $(READY)  ## The tests with each compiler, Python and age of dependencies at hand.
	$(PY) tools/matrix.py

audit: $(READY)  ## Licences and known vulnerabilities of what is installed.
	$(PY) tools/audit.py

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy generator

bench: $(READY)  ## Measurements, side by side; nothing is asserted. Writes docs/speed.md.
	$(PY) -m benchmarks.speed --write
	$(PY) -m benchmarks.speed.training
	$(PY) -m benchmarks.speed.compile_times
	$(PY) -m benchmarks.compile_time
	$(PY) -m benchmarks.ahead_of_time
	$(PY) -m benchmarks.frequency_basin
	$(PY) -m benchmarks.fit_memory
	$(PY) -m benchmarks.fit_starts
	$(PY) -m benchmarks.reverse_mode

bench-quick: $(READY)  ## Gradients of four tasks beside hand-written ones, in minutes.
	$(PY) -m benchmarks.speed --quick

bench-layers: .cache/layers/.ready  ## Layers beside those of others, which are installed apart.
	.cache/layers/bin/python benchmarks/layers.py --write

.cache/layers/.ready: pyproject.toml
	$(PYTHON) -m venv .cache/layers
	.cache/layers/bin/python -m pip install --quiet 'torch==2.13.0+cpu' --editable '.[torch,jax]'
	.cache/layers/bin/python -m pip install --quiet faustax dasp-pytorch philtorch
	-.cache/layers/bin/python -m pip install --quiet --no-build-isolation torchlpc
	@touch $@

docs: $(READY)  ## The documentation as a site in site/, to be read without a network.
	$(PY) -m mkdocs build --strict
	$(PY) tools/check_site.py site

dist: $(READY)  ## Wheel, sdist, diff.lib and manual page in dist/, checked.
	$(PY) tools/dist.py

try-dist: $(READY)  ## The same, installed in an empty environment, run and measured.
	$(PY) tools/dist.py --install

clean:
	rm -rf $(VENV) .cache dist *.egg-info

$(READY): pyproject.toml setup.py tools/setup
	tools/setup
	@touch $@
