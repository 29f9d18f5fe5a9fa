# What people, the README and CI call. `make` alone lists the targets.

# The Gateway documents that `make run` serves, and any option of `egress-auth run`.
ARGS ?= envoy/examples/payments.yaml
# Flags of `make bench` and `make bench-engine`, such as --quick or --help.
BENCH ?=
# Which modules of tests/ `make test` runs, such as "hosts jwks"; otherwise all, and those beside the code.
TESTS ?=
# How many requests `make soak` sends.
REQUESTS ?= 5000000
# The Envoy that func-e gets for `make test` and `make run`, such as 1.40.0; otherwise the one at hand.
export ENVOY_VERSION ?=
# Another Rust than that of rust-toolchain.toml, where that one is not to be had.
TOOLCHAIN := $(shell scripts/toolchain.sh)
ifneq ($(TOOLCHAIN),)
export RUSTUP_TOOLCHAIN := $(TOOLCHAIN)
endif
# Where cargo builds for this machine.
BUILD = $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run test test-observability test-solver test-docker test-func-e test-istio test-istio-schemas oci release conformance \
	wasm filter report-page test-web envoy lint bench bench-engine bench-micro soak security fuzz mutants deny \
	zoo sbom reproducible clean tools

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The shell becomes egress-auth (exec), so that Ctrl-C reaches it and nothing else is left.
run: export INSTALL = 1
run: tools filter ## Build all, then a local Envoy that enforces ARGS (default: the payments example)
	@echo 'egress-auth: building the command line' >&2
	@cargo build --locked --bin egress-auth
	@ENVOY_PATH=$$(scripts/get-envoy.sh) && export ENVOY_PATH && \
		exec '$(BUILD)/debug/egress-auth' run $(ARGS)

test: export INSTALL ?= 1
test: tools wasm ## Every test, those in a real Envoy included (TESTS="hosts jwks": those alone)
	@scripts/check-tools.sh curl
	@ENVOY_PATH=$$(scripts/get-envoy.sh) && export ENVOY_PATH && \
		scripts/test.sh $(TESTS) && \
		echo 'egress-auth: $(or $(TESTS),all) tests passed'

test-observability: export INSTALL ?= 1
test-observability: tools wasm ## Metrics, alerts and dashboard in a real Prometheus (40 s)
	@scripts/check-tools.sh prometheus
	@ENVOY_PATH=$$(scripts/get-envoy.sh) && export ENVOY_PATH && \
		cargo test --locked --test observability

test-docker: export INSTALL ?= 1
test-docker: wasm ## Image, compose file and OCI image in a Docker engine of its own (15 minutes, root)
	@scripts/test-docker.sh

test-func-e: wasm ## Tests with an Envoy that func-e downloads, verifies and unpacks, on loopback (3 minutes)
	@scripts/test-func-e.sh

oci: wasm ## The filter as an OCI image for Istio, without Docker: dist/egress_auth.oci.tar
	@scripts/oci-image.sh

release: export INSTALL ?= 1
release: tools ## All that a release consists of, with checksums: dist/release/ (10 minutes)
	@scripts/release.sh

conformance: export INSTALL ?= 1
conformance: export FULL ?=
conformance: tools filter ## Engine, filter and Envoy's own filters side by side (FULL=1: 20,000 pairs)
	@ENVOY_PATH=$$(scripts/get-envoy.sh) && export ENVOY_PATH && cargo test --locked --test conformance

wasm: tools ## Build the filter and the report's engine: dist/*.wasm
	@scripts/build-wasm.sh

# What most targets need of it.
filter: tools
	@scripts/build-wasm.sh filter

report-page: ## Build the page of `egress-auth report` from web/ (needs Node)
	@scripts/web.sh build

test-web: export INSTALL ?= 1
test-web: export IMAGES ?=
test-web: tools wasm ## The report in a real browser (IMAGES=1: new pictures for docs/)
	@cargo build --locked --bin egress-auth
	@EGRESS_AUTH='$(abspath $(BUILD))/debug/egress-auth' scripts/web.sh test

envoy: ## Find Envoy, or install one into .envoy/
	@scripts/get-envoy.sh

test-istio-schemas: export INSTALL ?= 1
test-istio-schemas: filter ## Objects for Istio against the schemas of its CustomResourceDefinitions (needs Node)
	@cargo build --locked --bin egress-auth
	@EGRESS_AUTH='$(abspath $(BUILD))/debug/egress-auth' scripts/test-istio-schemas.sh

test-istio: export INSTALL ?= 1
test-istio: export CASES ?=
test-istio: test-istio-schemas ## The same through real istiod, agents and API server (root, Go; builds them once)
	@ENVOY_PATH=$$(scripts/get-envoy.sh) && export ENVOY_PATH && scripts/test-istio.sh

lint: tools ## Formatting and clippy, warnings denied, for this machine and for the module
	cargo fmt --all -- --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --test istio --test observability --test zoo -- -D warnings
	scripts/build-wasm.sh lint

test-solver: tools ## What the prover says about paths beside z3, an SMT solver
	@scripts/test-solver.sh

bench: export INSTALL ?= 1
bench: tools filter ## The filter beside Envoy's own, on an idle machine; BENCH=--quick only tries it out
	@ENVOY_PATH=$$(scripts/get-envoy.sh) && export ENVOY_PATH && \
		cargo bench --locked --profile measure --bench side_by_side -- $(BENCH)

bench-engine: tools ## Instructions that the engine takes, beside the baseline
	@scripts/check-tools.sh valgrind
	@cargo bench --locked --profile measure --bench instructions -- $(BENCH)

bench-micro: tools ## Times of single steps of the engine, and of proofs
	cargo bench --locked --profile measure --bench decide --bench paths --bench prove

soak: export INSTALL ?= 1
soak: tools filter ## Millions of requests through one Envoy, and what is larger after them (REQUESTS)
	@ENVOY_PATH=$$(scripts/get-envoy.sh) && export ENVOY_PATH && \
		cargo bench --locked --profile measure --bench soak -- --requests $(REQUESTS)

security: export INSTALL ?= 1
security: tools filter ## What tries to get past the filter, counted (FUZZ_RUNS inputs a fuzz target, the zoo)
	@ENVOY_PATH=$$(scripts/get-envoy.sh) && export ENVOY_PATH && scripts/security.sh

zoo: export INSTALL ?= 1
zoo: tools filter ## Real servers as judges of what the filter lets through (ZOO_PATHS, ZOO_SERVERS)
	@ENVOY_PATH=$$(scripts/get-envoy.sh) && export ENVOY_PATH && scripts/zoo.sh

fuzz: tools ## Fuzz every target for FUZZ_SECONDS (60), or for FUZZ_RUNS inputs
	@scripts/fuzz.sh

mutants: export MUTANTS_BASE ?=
mutants: export MUTANTS_COUNT ?=
mutants: export MUTANTS_SHARD ?=
mutants: export MUTANTS_SECONDS ?=
mutants: tools ## Does a test notice each small change of the pure parts? (MUTANTS_BASE, MUTANTS_COUNT)
	@scripts/mutants.sh

deny: tools ## Licences, duplicates, sources and known vulnerabilities of all dependencies
	@scripts/deny.sh

sbom: tools ## Bills of materials: dist/*.cdx.json
	@scripts/sbom.sh

reproducible: export RELEASE ?=
reproducible: tools ## Build the module, or RELEASE=1 a whole release, in two folders and compare the bytes
	@scripts/reproducible.sh

clean: ## Remove everything that was built or installed here
	rm -rf '$(BUILD)' dist .envoy .tools fuzz/target fuzz/found fuzz/artifacts web/node_modules \
		tests/istio/schemas/node_modules tests/zoo/servers/node/node_modules

tools:
	@scripts/check-tools.sh
