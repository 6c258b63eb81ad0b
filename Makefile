# What a developer types. `make` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test fmt fmt-check lint tools peers unit deny fuzz-check fuzz test-arm64 asan-codec bench bench-loops doc

CARGO ?= cargo
# Seconds for each fuzz target of `make fuzz`, and the targets (default: all).
SECONDS_EACH ?= 60
TARGETS ?=
# Arguments of `make test-arm64`.
ARM64_ARGS ?= --workspace
# Arguments of `make bench`, e.g. BENCH_ARGS="--quick --peers prometheus".
BENCH_ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the server: data in ./nunatak-data, port 9099
	$(CARGO) run --release -- serve

test: tools fmt-check lint deny peers unit fuzz-check ## Everything that must pass; .ci/run calls this
	@echo "make test: all passed"

tools: ## Install the parts of the toolchain that the tests need, when missing
	scripts/tools.sh

fmt: ## Format the sources
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all -- --check

lint: ## Clippy on every target of the workspace; warnings are errors
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

deny: ## Licences, banned crates and sources of the dependencies
	$(CARGO) deny --locked check --hide-inclusion-graph licenses bans sources

peers: ## Fetch the real Prometheus that the end-to-end test talks to
	scripts/peer.sh prometheus >/dev/null

unit: ## All tests, doc tests and examples of the workspace
	$(CARGO) test --workspace --locked

fuzz-check: ## Type-check the fuzz targets
	scripts/fuzz.sh check

fuzz: ## Run the fuzz targets, SECONDS_EACH each (needs a nightly toolchain)
	scripts/fuzz.sh run "$(SECONDS_EACH)" $(TARGETS)

test-arm64: ## Run tests for arm64 under emulation; ARM64_ARGS="-p nunatak-codec" for a part
	scripts/test-arm64.sh $(ARM64_ARGS)

asan-codec: ## The codec's tests with AddressSanitizer (needs a nightly toolchain)
	RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=0 $(CARGO) +nightly test -p nunatak-codec \
	  --lib --tests --locked --target x86_64-unknown-linux-gnu --target-dir target/asan

bench: ## Measure nunatak beside its peers and write docs/benchmarks.md; under an hour, --quick 5 minutes
	$(CARGO) run --release --locked -p nunatak-bench -- compare $(BENCH_ARGS)

bench-loops: ## Run the criterion benches of the hot loops
	$(CARGO) bench --locked -p nunatak-bench

doc: ## The documentation of the libraries, as HTML
	$(CARGO) doc --workspace --no-deps --locked
