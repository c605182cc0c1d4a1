# Each target does all its own set-up: a virtual environment in .venv with pinned packages.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FUZZ_SECONDS ?= 300

.PHONY: demo test check docs reference package chaos powercut fuzz validate recover clean

demo: $(STAMP)  ## the main job on synthetic speech: grid, Figure 2, promotion, Table 1
	$(BIN)/ablate grid --axis both --study demo
	$(BIN)/ablate plot --study demo
	$(BIN)/ablate promote --best --study demo
	$(BIN)/ablate report --study demo
	@echo
	@$(BIN)/ablate status --study demo
	@echo
	@echo "Look at results/demo/report.html first."

test: check  ## everything that must pass
	$(BIN)/pytest -n 3 --dist worksteal --durations=20  # of three, one mostly waits for processes that it has started

check: $(STAMP)  ## style, types, and the arrows between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

package: $(STAMP)  ## sdist and wheel, the wheel in an environment of its own, run from an empty folder
	rm -rf dist build/wheel
	$(BIN)/python -m build --quiet
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/pip install --quiet -c constraints.txt dist/*.whl
	mkdir build/wheel/empty
	cd build/wheel/empty && ../bin/ablate grid --axis height --values 2,10 --set training.steps=20 && ../bin/ablate plot

docs: $(STAMP)  ## the documentation as a site of its own in site/; a broken link or anchor fails it
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/python -m documentation.closed site

reference: $(STAMP)  ## the pages of docs/reference that are made from the code
	$(BIN)/python -m documentation.reference

chaos: $(STAMP)  ## the long tests: thirty kills of driver or worker, here and on a cluster, jobs of a Slurm
	CHAOS_ROUNDS=30 $(BIN)/pytest -m long --capture=no

powercut: $(STAMP)  ## what a power cut may leave on a disk, tens of thousands of states, ten minutes
	POWERCUT_STATES=20000 $(BIN)/pytest tests/test_powercut.py --capture=no

fuzz: $(STAMP)  ## everything a user can feed the program, spoilt in every way, about five minutes
	$(BIN)/pytest fuzz --exitfirst --capture=no --tb=short --seconds $(FUZZ_SECONDS)

validate: $(STAMP)  ## the tests, their power and intervals on thousands of simulated studies, about an hour
	$(BIN)/python validation/simulate.py
	$(BIN)/python validation/power.py
	$(BIN)/python validation/equivalence.py

recover: $(STAMP)  ## whole studies whose truth is planted, about half an hour on two cores
	$(BIN)/python validation/recover.py

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build dist site
