# What people type. Below this it is CMake with presets (CMakePresets.json); `make help` lists the targets.
JOBS ?= $(shell nproc)
BUILD = cmake --build --parallel $(JOBS) --preset
SANITIZED_TIMEOUT = 900
SOAK_MINUTES = 10
sources = $(shell git -c safe.directory='*' ls-files --cached --others --exclude-standard '*.cc' '*.h')

.DEFAULT_GOAL := build
.PHONY: build run test test-suites bench format tidy docs clean help \
        install-build install-test install-bench test-style test-release test-asan test-tsan test-fuzz test-cli test-interop test-fault \
        test-package test-soak soak deb

build: build/release/build.ninja ## Build build/weir (release)
	$(BUILD) release --target weir
	@ln -sf release/weir build/weir

run: install-build ## Install what is missing, build, start a node on 127.0.0.1:9092
	@$(MAKE) --no-print-directory build
	build/weir start

test: install-test ## Install what is missing, then build and run every test that CI runs
	@$(MAKE) --no-print-directory test-style
	@$(MAKE) --no-print-directory test-release
	@$(MAKE) --no-print-directory tidy
	@$(MAKE) --no-print-directory test-asan
	@$(MAKE) --no-print-directory test-tsan
	@$(MAKE) --no-print-directory test-fuzz
	@$(MAKE) --no-print-directory test-cli
	@$(MAKE) --no-print-directory test-interop
	@$(MAKE) --no-print-directory test-fault

test-style: ## The format of the code, its layers, sizes and banned calls
	@clang-format-19 --dry-run -Werror $(sources)
	python3 -m unittest discover -s tests/tidy -p '*_test.py'
	tests/tidy/run

deb: build ## The Debian package, in build/
	@rm -f build/weir_*.deb
	cpack --config build/release/CPackConfig.cmake
	@ls build/weir_*.deb

test-package: deb ## Install, run, remove and purge the package in a root of its own (as root)
	tests/package/run

tidy: build/release/build.ninja ## clang-tidy on what changed since it last passed
	$(BUILD) release
	scripts/clang-tidy --jobs $(JOBS) build/release

test-release: build/release/build.ninja ## Unit tests and simulator, as shipped
	$(BUILD) release
	@ln -sf release/weir build/weir
	ctest --test-dir build/release --parallel $(JOBS) --output-on-failure --no-tests=error

test-asan: build/asan/build.ninja ## Unit tests and simulator under AddressSanitizer and UndefinedBehaviorSanitizer
	$(BUILD) asan
	ctest --test-dir build/asan --parallel $(JOBS) --output-on-failure --no-tests=error --timeout $(SANITIZED_TIMEOUT)

# What has threads: the loops, the disk threads and the network of src/base/real. The rest is one thread by construction.
test-tsan: build/tsan/build.ninja ## The tests of what has threads, under ThreadSanitizer
	$(BUILD) tsan --target base_test
	ctest --test-dir build/tsan --tests-regex '^base_test$$' --parallel $(JOBS) --output-on-failure --no-tests=error

test-fuzz: ## Every fuzz target for a bounded number of inputs
	tests/fuzz/run --jobs $(JOBS)

test-cli: build ## The commands of weir against a running node
	tests/cli/run

test-interop: build ## Real clients and real Kafka against build/weir
	tests/interop/run

test-fault: build ## Nodes killed, stopped and cut off under load, full disks, bad input
	tests/fault/run

# Not in `make test` for their time: some ten minutes, and as long again for the first build.
test-suites: build ## The tests that projects of clients publish, against build/weir
	tests/suites/run

# Not in `make test`: librdkafka aborts now and then when a consumer is closed while its broker restarts, which is no fault here.
test-soak: install-test ## Mixed load on a sanitized weir, the short form
	@$(MAKE) --no-print-directory soak SOAK_MINUTES=0.75

soak: install-test build/asan/build.ninja build/tsan/build.ninja ## Mixed load on a sanitized weir, ten minutes under each sanitizer
	$(BUILD) asan --target weir
	tests/soak/run --sanitizer asan --minutes $(SOAK_MINUTES)
	$(BUILD) tsan --target weir
	tests/soak/run --sanitizer tsan --minutes $(SOAK_MINUTES)

bench: install-bench ## Side-by-side benchmarks against Apache Kafka
	@$(MAKE) --no-print-directory build
	bench/run

format: ## Format every C++ file
	@clang-format-19 -i $(sources)

docs: build/release/build.ninja ## Write the pages that are made from the code
	$(BUILD) release --target weir_config_doc
	build/release/weir_config_doc > docs/operations/configuration.md

clean: ## Remove everything that was built
	rm -rf build

help: ## This list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

build/%/build.ninja: CMakePresets.json
	@for tool in cmake ninja clang++-19; do \
	  command -v $$tool >/dev/null || { echo "$$tool is missing: run scripts/install-dependencies" >&2; exit 1; }; done
	@mkdir -p build
	cmake --preset $* >build/$*.configure.log 2>&1 || { cat build/$*.configure.log; exit 1; }

install-build:
	@scripts/install-dependencies build

install-test:
	@scripts/install-dependencies build test

install-bench:
	@scripts/install-dependencies build bench
