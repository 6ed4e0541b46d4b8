# Two commands do everything on a machine with Python 3.11 and make: `make sandbox` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
BENCHES := bench-suivi bench-annuaire bench-journal bench-courrier bench-cles bench-publication

.PHONY: install sandbox test upgrade format lint types imports check docs bench bench-pairs $(BENCHES) constraints clean

install: .venv/.installed

# The stamp: nothing is installed again until what is to be installed changes.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Options go in ARGS: make sandbox ARGS="--port 9443 --http-port 9080"
sandbox: install
	@exec $(BIN)/pfcng sandbox $(ARGS)

test: install
	$(BIN)/python -m pytest --quiet --numprocesses=2

# Before a release: the version before it serves beside this one, on this one's tables. make upgrade FROM=v0.1.0
upgrade: install
	FORMER=$(FROM) $(BIN)/python -m pytest --quiet tests/acceptance/test_upgrade.py

format: install
	$(BIN)/ruff format --check .

lint: install
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy src tests bench

imports: install
	$(BIN)/lint-imports

check: format lint types imports test

# The pages that are made from the code and from docs/couverture.toml.
docs: install
	PYTHONPATH=tests $(BIN)/python -m support.pages

# Figures, not checks: read them on a quiet machine. A production server in under five minutes, with a table:
# make bench ARGS="--markdown docs/performances.md"
bench: install
	PYTHONPATH=tests $(BIN)/python bench/serveur.py $(ARGS)

# The same retraits beside OpenBao's PKI and, where it is installed, cfssl, with the same sizes of keys.
bench-pairs: install
	PYTHONPATH=tests $(BIN)/python bench/pairs.py $(ARGS)

# One part each, at another size if told: make bench-journal ARGS=1000000
bench-suivi: ARGS ?= --sizes 10000 100000
bench-annuaire: ARGS ?= 200000
bench-journal: ARGS ?= 100000

$(BENCHES): bench-%: install
	PYTHONPATH=tests $(BIN)/python bench/$*.py $(ARGS)

# The newest versions that pyproject.toml allows, for every Python and platform, with their hashes (needs uv).
constraints:
	uv pip compile pyproject.toml --group dev --extra traces --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file constraints.txt
	uv pip compile pyproject.toml --group build --extra traces --universal --python-version 3.11 --generate-hashes \
		--constraints constraints.txt \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file deploy/constraints.txt
	uv pip compile --group pyproject.toml:deploy --universal --python-version 3.11 --generate-hashes \
		--constraints constraints.txt \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file .ci/deploy.txt

clean:
	rm -rf .venv sandbox
