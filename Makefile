# Two targets are all a user needs: `make demo` and `make test`. Each builds its own environment first.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SHAPE  ?= small
# Wheels whose own requirements cannot be met, and of which a part is used.
BORROWED := src/counterpoint/config/borrowed.txt

.PHONY: demo test docs fuzz bench setup lint clean

demo: setup
	$(BIN)/counterpoint study run quick --out runs/quick

# Slow tests too; one process a core does more than two threads in one process.
test: lint docs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m 'slow or not slow'

# The site, in site/index.html; a broken link or reference stops it.
docs: setup
	$(BIN)/zensical build --clean --strict

# Three thousand hostile inputs of all families, in processes of their own; `make test` has three hundred others.
fuzz: setup
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/fuzz.py --inputs 3000

# The engines against the machine's own limits and transformers' MusicGen: less than six minutes on two cores and 4 GB;
# `make bench SHAPE=musicgen-small` takes four more and 8 GB.
bench: setup
	$(BIN)/python -m counterpoint.bench.engines --shape $(SHAPE)

lint: setup
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/lint-imports
	$(BIN)/pyright

setup: $(STAMP)

# torch goes first and pinned: any other way in would resolve to a build of several gigabytes.
$(STAMP): pyproject.toml constraints.txt $(BORROWED)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	$(BIN)/pip install --quiet --no-deps --requirement $(BORROWED)
	touch $(STAMP)

clean:
	rm -rf $(VENV) runs site
