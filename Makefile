# The two commands are `make demo` and `make test`; both set up what they need first.

# Build output is shared by every checkout and stays out of it.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/coinsphere
export CARGO_TARGET_DIR ?= $(CACHE)/target
# What CI and the container image build: with the client of the Fluvio event log.
FEATURES := --features fluvio

.PHONY: help demo test setup setup-test format check unit build bench openapi dashboard dashboard-test journey

help:
	@echo 'make demo    set up, build, and run everything against a simulated market: http://127.0.0.1:3001'
	@echo 'make test    set up, and run everything CI runs: format, clippy, all tests'
	@echo 'make setup   install what is missing (PostgreSQL, Node for a test), and nothing else'
	@echo 'make build   the release build, fully optimised, without the Fluvio client'
	@echo 'make dashboard  build the dashboard, which the next build of the program embeds'
	@echo 'make openapi write docs/openapi.json, the stored description of the API, again'
	@echo 'make bench   the criterion benches (recorded data: COINSPHERE_MARKET_DATA)'

demo: setup-demo dashboard
	@echo 'demo: the demo profile, built within minutes: only what is hot in a demo is optimised (make build: the release build)'
	cargo build --profile demo --locked --bin coinsphere
	@exec "$(CARGO_TARGET_DIR)/demo/coinsphere" demo $(ARGS)

build: setup-demo dashboard
	@echo 'build: the release profile, fully optimised, as it is benchmarked and shipped (make demo: built faster, runs slower)'
	cargo build --release --locked --bin coinsphere
	@echo 'build: $(CARGO_TARGET_DIR)/release/coinsphere'

# Clippy in the compiler's place, as `cargo clippy` puts it: the tests run what it has checked, and
# nothing is compiled once for the checks and again for the tests. What makes the next build of an edited
# crate faster makes this one slower, by gigabytes.
CHECKED := env CARGO_INCREMENTAL=0 RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
TEST := $(CHECKED) cargo test --workspace --locked --no-fail-fast $(FEATURES)

# The build needs none of what is fetched for the tests: both at once.
test: setup-demo dashboard-test
	@$(MAKE) --no-print-directory -j2 setup-test format check
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory journey

setup: setup-test

.PHONY: setup-demo
setup-demo:
	@scripts/setup.sh demo

setup-test:
	@scripts/setup.sh test

# Each does nothing where the same sources were built, or tested, before.
dashboard: setup-demo
	@scripts/dashboard.sh

dashboard-test: setup-demo
	@scripts/dashboard.sh test

format:
	cargo fmt --all --check

# Builds the tests, and the benches too.
check:
	$(TEST) --all-targets --no-run

# Many tests wait for servers rather than for a processor.
unit:
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$((2 * $$(nproc)))} $(TEST)

# With the program that the tests were built with.
journey:
	@scripts/journey.sh "$(CARGO_TARGET_DIR)/debug/coinsphere"

openapi:
	cargo test --workspace --locked $(FEATURES) --lib -- --ignored write_the_stored_document

bench: setup-demo
	cargo bench --workspace --locked
