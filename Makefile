.DEFAULT_GOAL := help

# What the program calls itself.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  = -s -w -X main.version=$(VERSION)

SOURCES   = adapters application bootstrap domain ports tests
GENERATED = adapters/httpapi/openapi/openapi.gen.go bootstrap/wiring/wire_gen.go

# A package at a time on each core; nothing waits for ever.
TEST_FLAGS ?= -race -timeout 20m
# How many inputs each fuzz target tries in `make test-extended`, and how long it runs in
# `make acceptance SUITE=fuzz`. The short one is a count: at the end of a duration Go's
# fuzzer now and then reports its own deadline as a failure.
FUZZ_SHORT ?= 20000x
FUZZ_LONG  ?= 10m
# How often `make acceptance SUITE=failover` repeats the failover.
REPEAT ?= 20

.PHONY: help
help: ## Show this menu
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/revkeeper, static and without paths of this machine
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/revkeeper ./bootstrap/cmd/revkeeper

.PHONY: generate
generate: ## Write the generated files anew: the API's types, the wiring
	go generate ./adapters/...
	go tool wire ./bootstrap/wiring

.PHONY: verify
verify: verify-format verify-vet verify-wire verify-generate verify-tidy ## Check everything that needs no test: format, vet, generated files, go.mod

.PHONY: verify-format
verify-format:
	@bad=$$(gofmt -l $(SOURCES)); [ -z "$$bad" ] || { echo "not formatted; run gofmt -w on:"; echo "$$bad"; exit 1; }

.PHONY: verify-vet
verify-vet:
	@go vet ./... && go vet -tags extended,acceptance ./... || { echo "go vet has found something"; exit 1; }

.PHONY: verify-wire
verify-wire:
	@go tool wire diff ./bootstrap/wiring || { echo "bootstrap/wiring/wire_gen.go is not what the sets say; run make generate"; exit 1; }

.PHONY: verify-generate
verify-generate:
	@before=$$(sha256sum $(GENERATED)); $(MAKE) --no-print-directory --silent generate >/dev/null 2>&1 || { echo "make generate fails"; exit 1; }; \
	[ "$$before" = "$$(sha256sum $(GENERATED))" ] || { echo "generated files were out of date and are written anew; commit them:"; echo "$(GENERATED)"; exit 1; }

.PHONY: verify-tidy
verify-tidy:
	@go mod tidy -diff || { echo "go.mod or go.sum is not tidy; run go mod tidy"; exit 1; }

.PHONY: demo
demo: build ## Show the main job on this machine; KEEP=1 stays up until Ctrl-C
	@CGO_ENABLED=0 go build -trimpath -o bin/revkeeper-demo ./bootstrap/cmd/revkeeper-demo
	@bin/revkeeper-demo --revkeeper bin/revkeeper $(if $(KEEP),--keep)

.PHONY: test
test: ## Run the tests that every change needs; Docker must be there
	go test $(TEST_FLAGS) ./...

.PHONY: test-extended
test-extended: ## Run the slower suites: other etcd versions, Kubernetes, more faults, short fuzz
	@# The first time it builds kube-apiserver, which takes longer than a package of tests may.
	go test -tags extended -run '^TestBuildAhead$$' -count=1 -v -timeout 40m ./tests/images
	@# One package at a time: several keep both cores busy and watch etcd's elections.
	go test -tags extended -run '^TestExtended' -p 1 $(TEST_FLAGS) ./...
	@$(MAKE) --no-print-directory fuzz FUZZ_TIME=$(FUZZ_SHORT)

.PHONY: fuzz
fuzz:
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z]*' . | sed 's|/[^/]*_test.go:func | |' | sort -u | while read -r dir target; do \
		echo "go test -fuzz $$target $$dir"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 100x "$$dir" || exit 1; \
	done

.PHONY: acceptance
acceptance: ## Run a long measurement by hand: SUITE=bench, bench-large, faults, fuzz, failover, housekeeping, restore or roundtrip
	@$(MAKE) --no-print-directory acceptance-$(or $(SUITE),missing)

.PHONY: acceptance-missing
acceptance-missing:
	@echo "name a suite: make acceptance SUITE=bench, bench-large, faults, fuzz, failover, housekeeping, restore or roundtrip"; exit 2

.PHONY: acceptance-bench
acceptance-bench: bench

.PHONY: acceptance-bench-large
acceptance-bench-large:
	go test -tags acceptance -run '^TestAcceptanceMemoryOfALargeRestore$$' -count=1 -v -timeout 2h ./tests/bench

.PHONY: acceptance-fuzz
acceptance-fuzz:
	@# Each failure prints how to run its program again.
	go test -tags acceptance -count=1 -v -timeout 2h -run '^TestAcceptance' ./tests/differential
	@$(MAKE) --no-print-directory fuzz FUZZ_TIME=$(FUZZ_LONG)

.PHONY: acceptance-failover
acceptance-failover:
	REVKEEPER_REPEAT=$(REPEAT) go test -tags extended -count=1 -timeout 2h -run '^TestExtendedTakeover$$' -v ./tests/docker

.PHONY: acceptance-faults
acceptance-faults: REPEAT = 5
acceptance-faults:
	go test -tags extended -count=$(REPEAT) -timeout 3h -v ./tests/docker \
		-run '^(TestLeadingPairDies|TestStoreDisappears|TestTwoLead|TestExtendedFaults|TestExtendedNoSpace)$$'

.PHONY: acceptance-housekeeping
acceptance-housekeeping:
	go test -tags acceptance -count=1 -v -timeout 3h -run '^TestAcceptance' ./tests/housekeeping

.PHONY: acceptance-restore
acceptance-restore:
	go test -tags acceptance -count=1 -v -timeout 1h -run '^TestAcceptance' ./tests/restore

.PHONY: acceptance-roundtrip
acceptance-roundtrip:
	go test -race -count=$(REPEAT) -timeout 2h ./tests/roundtrip

.PHONY: bench
bench: ## Measure side by side with etcdutl, etcdctl and the physical limit
	go test -run '^$$' -bench '^BenchmarkCompare$$' -benchtime 1x -timeout 60m ./tests/bench

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
