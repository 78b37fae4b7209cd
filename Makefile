# Two commands matter: `make run` and `make test`. Both set up all that they need.
PYTHON ?= python3
BIN := .venv/bin
# The plan to load: the office's own file; else the official text in a folder shared beside the checkout; else the
# outline of Sichuan's plan that comes with the package.
PLAN ?= $(firstword $(DUJIANG_PLAN) $(wildcard ../shared/plan/*.txt) src/dujiang/plan/outlines/sichuan-2026.txt)
SIZE ?= small
SEEDS ?= 5
PORT ?= 8000
# How many processes share the tests.
WORKERS ?= 2
# By the plan's clock, eight hours ahead of UTC.
MONTH := $(shell TZ=UTC-8 date +%Y-%m)
REPORT ?= var/dispatch-$(MONTH).docx
# Wheels only, but for a few packages that come as source in plain Python; what builds those is pinned too.
SOURCE := jsonpath-rw,pymatsolver,simpeg
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --only-binary :all: --no-binary $(SOURCE) --require-hashes
UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
# What run.txt installs on every machine, which an industry's file need not name again.
EVERYWHERE = $$(awk -F '==' '/^[a-z0-9]/ { count[$$1]++; if ($$0 !~ /;/) always[$$1] = 1 } END { for (name in count) if (name in always || count[name] > 1) print "--no-emit-package " name }' requirements/run.txt | sort)
EVERY := science,manufacturing,producer-services,agriculture,low-altitude,medical,culture,geology,energy,transport,commerce,education,employment,elder-care,civil-military,emergency,government-services,urban-governance,cyberspace,international
# The industries whose libraries are installed and whose scenarios are run: make run INDUSTRIES=urban-governance,energy
INDUSTRIES ?= $(EVERY)
comma := ,
WANTED := $(sort $(subst $(comma), ,$(INDUSTRIES)))
UNKNOWN := $(filter-out $(subst $(comma), ,$(EVERY)),$(WANTED))
$(if $(UNKNOWN),$(error 没有行业 / no industry $(UNKNOWN): $(EVERY)))
# One mark a choice, so that another choice is installed when it is asked for.
READY := .venv/run-$(firstword $(shell echo $(WANTED) | cksum))

.PHONY: run load evaluate dispatch serve test check bench bench-peers picture requirements messages clean

run: load evaluate dispatch serve

load: $(READY)
	$(BIN)/dujiang plan load "$(PLAN)"

evaluate: $(READY)
	$(BIN)/dujiang scenario evaluate $(if $(filter $(EVERY),$(INDUSTRIES)),all,$(WANTED)) --size $(SIZE) --seeds $(SEEDS)

dispatch: $(READY)
	$(BIN)/dujiang dispatch --month $(MONTH) --out "$(REPORT)"

serve: $(READY)
	$(BIN)/dujiang serve --port $(PORT)

# The whole suite on SQLite, then what uses the store again on PostgreSQL; a file's tests stay in one process, which
# sets up once what they share.
test: .venv/dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --database postgresql

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: .venv/dev
	$(BIN)/python -m bench

# The README's picture, of this site as it stands; needs Chromium.
picture: .venv/dev load evaluate
	$(BIN)/python docs/images/take.py

# What the benches of the gateway and of inspection compare with, apart from everything else.
bench-peers: .venv/made
	$(PYTHON) -m venv .peers/litellm
	.peers/litellm/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench-peers.txt
	$(PYTHON) -m venv .peers/data
	.peers/data/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench-data-peers.txt
	cp bench/peers/package.json .peers/package.json
	cd .peers && npm install --no-audit --no-fund --no-package-lock --ignore-scripts

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更高版本 / Python 3.11 or later is needed: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

$(READY): .venv/made requirements/build.txt requirements/run.txt $(WANTED:%=requirements/industries/%.txt) pyproject.toml
	$(PIP) -r requirements/build.txt
	$(PIP) -r requirements/run.txt $(WANTED:%=-r requirements/industries/%.txt)
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --no-index --editable .
	@touch $@

.venv/dev: $(READY) requirements/dev.txt
	$(PIP) -r requirements/dev.txt
	@touch $@

# Choose the versions anew; the files name packages, versions and hashes, no index.
requirements:
	$(BIN)/python -m pip install --quiet uv
	$(UV) pyproject.toml --upgrade --all-extras --group build --group dev --output-file requirements/dev.txt
	$(UV) --group build --constraint requirements/dev.txt --output-file requirements/build.txt
	echo "litellm[proxy]" | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --output-file requirements/bench-peers.txt -
	printf 'great-expectations\npandera[polars]\ndatatrove[io]\npyarrow\nregex\n' | $(UV) --upgrade --output-file requirements/bench-data-peers.txt -
	$(UV) pyproject.toml --constraint requirements/dev.txt --output-file requirements/run.txt
	$(foreach one,$(subst $(comma), ,$(EVERY)),$(UV) pyproject.toml --extra $(one) --constraint requirements/dev.txt $(EVERYWHERE) --output-file requirements/industries/$(one).txt &&) true

# Compile what the pages say in Chinese.
messages: .venv/dev
	$(BIN)/pybabel compile --directory src/dujiang/locale --domain django

clean:
	rm -rf .venv .make .peers var
