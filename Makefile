# The line of each target says what it is for; `make help` lists that.
.DELETE_ON_ERROR:
.ONESHELL:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SAM_VENV := .venv-sam
# The pinned files are complete; without --no-deps older pips stumble over extras of what is pinned.
PIP := -m pip --disable-pip-version-check install --require-hashes --no-deps
PROGRESS := "$(PYTHON)" scripts/with_progress.py
ON_THEIR_OWN := --ignore tests/sam --ignore tests/deploy
# A worker that has nothing left takes tests over from the other one.
PYTEST := -m pytest -n 2 --dist worksteal $(ON_THEIR_OWN)
HISTORIES := 10000
SECONDS_OF_LOAD = 600
SECONDS_OF_FUZZ = 300
SEEDS := 1000
FIRST := 0
# They run the same lines thousands of times, which takes 1.7 times as long when they are counted.
SWEEPS := tests/gatepass/attach/behaviour/test_failures.py tests/simulation

# Where it is set, as in some containers, every process of the tests would compile the code again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup tools lock demo quick test coverage soak simulate load fuzz test-sam test-deploy conformance bench smoke audit audit-template audit-dependencies check lint types templates generated format gatepass-js clean build-Authorizer build-TokenService build-KeyRotation build-Payments build-Usage build-Watch
help: ## This list
	@sed -nE 's/^([A-Za-z-]+):[^#]*## (.*)/\1\t\2/p' Makefile | expand -t 20

# ---- environments -------------------------------------------------------------------------------------------------
setup: $(VENV)/.run ## The command, at .venv/bin/gatepass
$(VENV)/.run: requirements/run.txt pyproject.toml scripts/link_command.py
	@"$(PYTHON)" -c 'import sys; sys.exit("Gatepass needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name one with make PYTHON=…" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PROGRESS) "making $(VENV)" "$(PYTHON)" -m venv $(VENV)
	$(PROGRESS) "installing the command's packages" $(BIN)/python $(PIP) -r requirements/run.txt
	$(BIN)/python scripts/link_command.py
	touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@$(PROGRESS) "installing the packages for tests and checks" $(BIN)/python $(PIP) -r requirements/dev.txt
	touch $@

$(SAM_VENV)/.done: requirements/sam.txt
	@test -x $(SAM_VENV)/bin/python || $(PROGRESS) "making $(SAM_VENV)" "$(PYTHON)" -m venv $(SAM_VENV)
	$(PROGRESS) "installing the AWS SAM CLI" $(SAM_VENV)/bin/python $(PIP) -r requirements/sam.txt
	touch $@

# DynamoDB Local, where Java and Maven are; the npm packages axe-core, jose, and razorpay and the CDK, where Node.js is. The tests say
# loudly what they skip without them.
tools: .tools/cdk/.done ## DynamoDB Local, npm packages and the CDK, for the tests
	@mkdir -p .tools
	if [ ! -d .tools/dynamodb-local ] && command -v mvn >/dev/null; then
	  $(PROGRESS) "downloading DynamoDB Local" \
	    mvn -B -f tests/tools/pom.xml dependency:copy-dependencies -DoutputDirectory="$$PWD/.tools/partial"
	  mv .tools/partial .tools/dynamodb-local
	fi
	for package in axe-core jose razorpay; do
	  if [ ! -d .tools/$$package ] && command -v npm >/dev/null; then
	    rm -rf .tools/partial && cp -r tests/tools/$$package .tools/partial
	    $(PROGRESS) "installing $$package" npm ci --prefix .tools/partial --ignore-scripts --no-audit --no-fund
	    mv .tools/partial .tools/$$package
	  fi
	done

.tools/cdk/.done: requirements/cdk.txt
	@command -v node >/dev/null || exit 0
	test -x .tools/cdk/bin/python || $(PROGRESS) "making .tools/cdk" "$(PYTHON)" -m venv .tools/cdk
	$(PROGRESS) "installing the CDK" .tools/cdk/bin/python $(PIP) -r requirements/cdk.txt
	touch $@

.tools/audit/.done: requirements/audit.txt
	@test -x .tools/audit/bin/python || $(PROGRESS) "making .tools/audit" "$(PYTHON)" -m venv .tools/audit
	$(PROGRESS) "installing Checkov and pip-audit" .tools/audit/bin/python $(PIP) -r requirements/audit.txt
	touch $@

# It runs functions by its own Python, so it needs that of Lambda. The tests say loudly where there is none.
.tools/ministack/.done: requirements/ministack.txt
	@python=$$(scripts/find-python.sh 3.13) || exit 0
	test -x .tools/ministack/bin/python || $(PROGRESS) "making .tools/ministack" "$$python" -m venv .tools/ministack
	$(PROGRESS) "installing an emulator of AWS" .tools/ministack/bin/python $(PIP) -r requirements/ministack.txt
	touch $@

.tools/fuzz/.done: requirements/fuzz.txt
	@test -x .tools/fuzz/bin/python || $(PROGRESS) "making .tools/fuzz" "$(PYTHON)" -m venv .tools/fuzz
	$(PROGRESS) "installing a fuzzer" .tools/fuzz/bin/python $(PIP) -r requirements/fuzz.txt
	touch $@

lock: $(VENV)/.dev ## Pin the requirements anew (needs uv)
	@for file in dev run authorizer token_service sam cdk audit fuzz ministack bench_peers bench_runtime; do
	  constraint=$$([[ $$file =~ ^(dev|sam|cdk|audit|ministack)$$ ]] || echo "-c requirements/dev.txt")
	  python=$$([ $$file = ministack ] && echo 3.13 || echo 3.11)
	  uv pip compile -q --universal --python-version $$python --generate-hashes --no-emit-index-url --no-header \
	    $$constraint requirements/$$file.in -o requirements/$$file.txt
	done

# ---- work -----------------------------------------------------------------------------------------------------------
demo: setup ## The whole journey, narrated
	@$(BIN)/gatepass demo

quick: $(VENV)/.dev ## The tests that start no emulator and no process, and take no seconds
	$(BIN)/python $(PYTEST) -m quick

test: $(VENV)/.dev $(SAM_VENV)/.done tools ## All tests but those of test-sam and test-deploy
	$(BIN)/python $(PYTEST)

coverage: $(VENV)/.dev $(SAM_VENV)/.done tools ## The same, and the least coverage (pyproject.toml) is held
	$(BIN)/coverage erase
	$(BIN)/coverage run $(PYTEST) $(SWEEPS:%=--ignore %)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report
	$(BIN)/python $(PYTEST) $(SWEEPS)

soak: $(VENV)/.dev ## 10,000 random histories of purchases; HISTORIES=n for another number
	GATEPASS_HISTORIES=$(HISTORIES) $(BIN)/python -m pytest tests/token_service/payments/behaviour/test_histories.py -k every_history

simulate: $(VENV)/.dev ## 1,000 seeds of the simulation; SEEDS=n for another number, FIRST=n for others
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST)

test-sam: $(VENV)/.dev $(SAM_VENV)/.done ## The real sam build and sam local (needs a container engine)
	PATH="$$PATH:$$PWD/$(SAM_VENV)/bin" $(BIN)/python -m pytest tests/sam

test-deploy: $(VENV)/.dev $(SAM_VENV)/.done .tools/ministack/.done ## The real sam deploy, on an emulator of AWS
	$(BIN)/python -m pytest tests/deploy -x

# URL and the other variables come from the environment or from the command line: docs/conformance.md.
conformance: $(VENV)/.dev ## Whether AWS answers as the tests assume: URL=https://… (docs/conformance.md)
	@$(BIN)/python -m tests.conformance

bench: $(VENV)/.dev $(SAM_VENV)/.done tools ## The gate, measured beside its peers
	$(BIN)/python -m benchmarks

fuzz: .tools/fuzz/.done ## Fuzz what strangers can send, guided by coverage; SECONDS_OF_FUZZ=n for each parser
	@mkdir -p build/fuzz
	for target in token event webhook solution; do
	  (cd build/fuzz && PYTHONPATH="$$OLDPWD" ../../.tools/fuzz/bin/python -m tests.fuzz $$target $(SECONDS_OF_FUZZ) new-$$target)
	done

load: $(VENV)/.dev tools ## Several gates at the machine's limit: exact counts, steady memory; SECONDS_OF_LOAD=n
	$(BIN)/python -m benchmarks.load --seconds $(SECONDS_OF_LOAD)

smoke: $(VENV)/.run ## Check a deployed stack, and send a request to each attached API: STACK=name
	@test -n "$(STACK)" || { echo "name the stack: make smoke STACK=gatepass" >&2; exit 2; }
	$(BIN)/gatepass doctor --stack "$(STACK)" --request

audit: audit-template audit-dependencies ## Both of the following

# What is left out on purpose says so in the template, as Metadata of the resource.
audit-template: .tools/audit/.done ## The template against the rules of Checkov
	@.tools/audit/bin/checkov --framework cloudformation --quiet --compact --skip-download --file template.yaml

# It asks for the known vulnerabilities of what is pinned, so it is no part of .ci/run.
audit-dependencies: .tools/audit/.done ## Known vulnerabilities of pinned packages (needs the network)
	@mkdir -p build
	for file in authorizer token_service run; do
	  rm -f build/audit.json
	  if .tools/audit/bin/pip-audit --disable-pip --require-hashes --progress-spinner off -r requirements/$$file.txt -f json \
	    -o build/audit.json 2>build/audit.log; then
	    echo "requirements/$$file.txt: no known vulnerabilities"
	  elif [ -s build/audit.json ]; then
	    cat build/audit.log build/audit.json; exit 1
	  else
	    tail -n 1 build/audit.log >&2
	    echo "requirements/$$file.txt was NOT audited: the list of vulnerabilities cannot be reached from here" >&2; exit 1
	  fi
	done

check: lint types templates generated ## All four; with make -j2 two at a time

lint: $(VENV)/.dev ## Lint, and the layout of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Types, of the tests too
	$(BIN)/mypy

templates: $(VENV)/.dev $(SAM_VENV)/.done ## The templates are valid
	$(SAM_VENV)/bin/sam validate --lint --region us-east-1
	$(BIN)/cfn-lint template.yaml examples/*/template.yaml tests/conformance/template.yaml

generated: $(VENV)/.dev ## Generated files are up to date
	$(BIN)/python -m tests.support.make_events --check
	$(BIN)/python -m token_service.web.openapi --check docs/openapi.json

format: $(VENV)/.dev ## Lint fixes and the layout of the code
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

gatepass-js: ## gatepass.js as it is published: build/gatepass-VERSION.js, and its tag with the SRI hash
	@"$(PYTHON)" -m scripts.gatepass_js build

clean: ## Delete everything that make made here
	rm -rf $(VENV) $(SAM_VENV) .tools .aws-sam build .coverage .coverage.*

# ---- bundles, called by sam build (BuildMethod: makefile) ----------------------------------------------------------
# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-custom-runtimes.html
# ARTIFACTS_DIR is sam's; ARCHITECTURE comes from the environment of the build (arm64, as the template's default).
build-Authorizer: ## A bundle, called by sam build
	"$(PYTHON)" scripts/bundle.py --artifacts "$(ARTIFACTS_DIR)" --requirements requirements/authorizer.txt authorizer entitlements

build-KeyRotation: build-TokenService ## A bundle, called by sam build

build-Payments: build-TokenService ## A bundle, called by sam build

build-Usage: build-TokenService ## A bundle, called by sam build

build-Watch: build-TokenService ## A bundle, called by sam build

build-TokenService: ## A bundle, called by sam build
	"$(PYTHON)" scripts/bundle.py --artifacts "$(ARTIFACTS_DIR)" --requirements requirements/token_service.txt token_service entitlements
