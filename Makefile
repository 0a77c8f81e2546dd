# Two commands for a newcomer: `make demo` and `make test`. Each does all its own set-up from a bare clone.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(firstword $(foreach name,python3 python3.11 python3.12 python3.13,$(shell \
	$(name) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $(name))))
VENV := $(CURDIR)/.venv
COLLECTIONS := $(CURDIR)/.collections
LOCAL_AWS := $(CURDIR)/.local-aws
# Options for every playbook of demo and down, such as ARGS='-e local_aws_port=4567'.
ARGS ?=

export PATH := $(VENV)/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PYTHONDONTWRITEBYTECODE := 1

# What each step took, for the table at the end of `make test`.
STEPS := $(CURDIR)/.build/steps

# $(call step,TITLE,COMMAND): says what it does, and how long it took.
define step
@printf '\n==> %s\n' "$(1)"; SECONDS=0; $(2); printf '    done in %s s\n' "$$SECONDS"; \
	mkdir -p $(dir $(STEPS)); printf '%6s s  %s\n' "$$SECONDS" "$(1)" >> $(STEPS)
endef

.PHONY: help
help: ## Show the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- Set-up

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo 'Python 3.11, 3.12 or 3.13 is needed: install it, or name it: make PYTHON=/path/to/python3.11'; exit 1; }
	@echo "==> Making a Python environment in .venv ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv $(VENV)

# Marks for what is installed; test.txt holds all that local.txt holds.
$(VENV)/.local: requirements/local.txt loadtest_app/pyproject.toml | $(VENV)/bin/python
	$(call step,Installing the pinned Python packages of requirements/local.txt (about a minute),\
		python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/local.txt; \
		python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable loadtest_app)
	@touch $@

$(VENV)/.test: requirements/test.txt loadtest_app/pyproject.toml | $(VENV)/bin/python
	$(call step,Installing the pinned Python packages of requirements/test.txt (about two minutes),\
		python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/test.txt; \
		python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable loadtest_app)
	@touch $@ $(VENV)/.local

# The judges of templates and image have an environment of their own: they pin another boto3.
.build/validate/.installed: requirements/validate.txt | $(VENV)/bin/python
	$(call step,Installing the pinned Python packages of requirements/validate.txt (about two minutes),\
		$(PYTHON) -m venv --clear .build/validate; \
		.build/validate/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/validate.txt)
	@touch $@

# ---- The main job

.PHONY: demo
demo: $(VENV)/.local ## Deploy and run a load test on an AWS embedded in this machine
	$(call step,1/2 Building the place: ansible-playbook deploy.yml -e env=local,ansible-playbook deploy.yml -e env=local $(ARGS))
	$(call step,2/2 Running the load test: ansible-playbook run-test.yml -e env=local,ansible-playbook run-test.yml -e env=local $(ARGS))
	@printf '\nThe results are in results/local/. The embedded AWS goes on running, and answers only you: `make down` stops it.\n'

.PHONY: down
down: $(VENV)/.local ## Stop the embedded AWS
	@ansible-playbook playbooks/local-aws.yml -e env=local -e local_aws_state=stopped $(ARGS)

.PHONY: env
env: ## Print what lets a shell call the embedded AWS: eval "$$(make env)"
	@test -x $(VENV)/bin/python || { echo 'the embedded AWS does not run: start it, make demo' >&2; exit 1; }
	@PYTHONPATH=$(COLLECTIONS) python -m ansible_collections.gantry.ecs.plugins.module_utils.local_aws.shell '$(LOCAL_AWS)'

# ---- Tests, the fast ones first

# $(call together,TARGETS): two of the targets at the same time; each prints when it is done.
together = @printf '\n==> Two at a time: %s\n' '$(1)'; $(MAKE) --jobs=2 --output-sync=target $(1)

.PHONY: test
test: $(VENV)/.test .build/validate/.installed ## Run every check and test
	@rm -f $(STEPS)
	$(call together,lint sanity)
	@$(MAKE) plugins
	$(call together,load-tester beside-validate beside-iam beside-docs beside-galaxy)
	$(call together,launcher beside-molecule beside-containers)
	@$(MAKE) playbooks
	@printf '\n==> Seconds of each step; two steps run at a time\n'; sort --reverse --numeric-sort $(STEPS)
	@printf '\n==> All checks and tests passed\n'

# The load tester's and the launcher's tests are about time, and spend half of it waiting: what runs beside them steps back.
beside-%:
	@nice -n 10 $(MAKE) $*

.PHONY: lint
lint: $(VENV)/.test ## Check style, types, playbooks and documentation
	$(call step,ruff,ruff check . && ruff format --check .)
	$(call step,mypy (strict),mypy loadtest_app/src loadtest_app/image plugins roles/local_aws/files && mypy bench)
	$(call step,import graph,python tests/graph.py >/dev/null)
	$(call step,yamllint,yamllint --strict .)
	$(call step,ansible-lint (profile production),ansible-lint)
	$(call step,antsibull-docs,tests/docs_lint.sh)
	$(call step,antsibull-changelog,tests/changelog_lint.sh)

.PHONY: graph
graph: $(VENV)/.test ## Draw the import graph of both source trees
	@python tests/graph.py

.PHONY: sanity
sanity: $(VENV)/.test ## Run ansible-test sanity on a copy of the checkout
	$(call step,ansible-test sanity,tests/sanity.sh)

.PHONY: unit
unit: plugins load-tester ## Run the tests of plugins, roles and load tester

.PHONY: plugins
plugins: $(VENV)/.test
	$(call step,pytest: plugins and roles,PYTHONPATH=$(COLLECTIONS) pytest -n 2 tests/unit)
	$(call step,pytest: benchmark,pytest -n 2 bench/tests)

.PHONY: load-tester
load-tester: $(VENV)/.test
	$(call step,pytest: load tester,cd loadtest_app && pytest -n 2 --ignore tests/test_truth.py tests)
	$(call step,pytest: the truth of its figures (apart: they are about time),cd loadtest_app && pytest tests/test_truth.py)

.PHONY: validate
validate: $(VENV)/.test .build/validate/.installed ## Judge the templates, their policies and the image's making, with no account
	$(call step,validate,ansible-playbook playbooks/validate.yml)
	$(call step,known vulnerabilities of what is pinned,.build/validate/bin/python tests/validate/audit_locks.py \
		loadtest_app/requirements.txt requirements/control.txt requirements/ee.txt)

.PHONY: iam
iam: $(VENV)/.test ## Hold the task role, deployer and tester against an AWS that evaluates IAM
	$(call step,pytest: IAM by use,PYTHONPATH=$(COLLECTIONS) pytest -n 2 tests/iam)

.PHONY: molecule
molecule: $(VENV)/.test ## Run the roles' scenarios, with the idempotence step
	$(call step,molecule,tests/molecule.sh)

.PHONY: e2e
e2e: launcher playbooks ## Run the launcher and the playbooks for real against the embedded AWS

LAUNCHER := tests/e2e/test_faults.py tests/e2e/test_ecs_task_run.py

.PHONY: launcher
launcher: $(VENV)/.test
	$(call step,pytest: the launcher with faults and interrupts (apart: they are about time),pytest -v --durations 5 $(LAUNCHER))

.PHONY: playbooks
playbooks: $(VENV)/.test
	$(call step,pytest: playbooks on the embedded AWS,\
		pytest -v --durations 5 -n 2 --dist loadfile $(addprefix --ignore=,$(LAUNCHER)) tests/e2e)

.PHONY: containers
containers: $(VENV)/.test ## Build, push and run the image on a container engine; skipped aloud where none is to be had
	$(call step,pytest: the image on a container engine,PYTHONPATH=$(COLLECTIONS) pytest -v -rs --durations 5 tests/containers)

.PHONY: docs
docs: $(VENV)/.test ## Run or check every command, scenario, price and error line that the documentation shows
	$(call step,pytest: documentation,PYTHONPATH=$(COLLECTIONS) pytest tests/docs)

.PHONY: galaxy
galaxy: $(VENV)/.test ## Build the collection, install it for a user without a checkout, deploy and run a test from there
	$(call step,pytest: the built collection,pytest -v tests/galaxy)

# ---- Measurements: what they print stands in docs/

.PHONY: bench
bench: $(VENV)/.test ## Measure CPU time a request beside wrk and other clients (ARGS='--quick', '--memory', '--check')
	$(call step,Setting the benchmark up,bench/setup.sh)
	$(call step,bench,python -m bench.run $(ARGS))

.PHONY: truth
truth: $(VENV)/.test ## Hold the load tester's figures against servers whose answers arithmetic foretells
	$(call step,truth,cd loadtest_app && python tests/truth.py $(ARGS))

# ---- Release (the workflow calls this)

.PHONY: artefact
artefact: $(VENV)/.local ## Build what Galaxy gets, in .build/galaxy
	$(call step,ansible-galaxy collection build,ansible-galaxy collection build --force --output-path .build/galaxy)

# ---- Upkeep

.PHONY: lock
lock: ## Solve the requirements anew (needs uv)
	requirements/lock.sh

.PHONY: clean
clean: ## Remove what the commands above made, results excepted
	rm -rf .venv .build .cache .ansible .mypy_cache .ruff_cache .pytest_cache .hypothesis
