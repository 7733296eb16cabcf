# What can be done here: `make help`. Each target brings all that it needs; run again, it is quick.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: void-kernel rootfs-void void-register help build build-arm64 demo test test-long lint bench fuzz mutate format clean tools-demo tools-test tools-long tools-lint

NODE := node_modules/.bin/node
GO := $(CURDIR)/build/tools/bin/go
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)
SOURCES := $(shell find src -name '*.ts' -not -name '*.test.ts')
AGENT_SOURCES := $(shell find agent -name '*.go' -not -name '*_test.go') agent/go.mod
AGENT_FLAGS := -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
export PATH := $(CURDIR)/build/tools/bin:$(CURDIR)/build/tools/usr/bin:$(PATH)

help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build tools-demo ## a VM from a container image, step by step, on this machine
	@$(NODE) scripts/demo.ts

build: build/bin/banger build/bin/banger-vsock-agent ## make build/bin/{banger,bangerd,banger-vsock-agent}

test: build tools-test ## every test: unit, integration, attack, end to end, and Go's (SUITE=unit for one)
	@$(NODE) scripts/test.ts $(SUITE)

test-long: build tools-test tools-long ## what takes long or fetches much, such as the images of other projects' tests
	@$(NODE) scripts/test.ts long

lint: node_modules/.installed-lock.json build/tools/go.ready tools-lint ## types, lint, format, Go's vet and staticcheck, shellcheck, generated code
	$(NODE) node_modules/.bin/tsc -p .
	$(NODE) node_modules/.bin/oxlint --type-aware --deny-warnings
	$(NODE) node_modules/.bin/oxfmt --check .
	scripts/lint-go.sh
	scripts/lint-shell.sh
	scripts/lint-generated.sh

bench: build tools-test ## measure beside peers, print a table, write build/bench.json (CASE=name for one)
	@$(NODE) test/bench/main.ts $(CASE)

fuzz: build tools-test ## property and mutation tests, for longer (RUNS=10000 and FOR=60 seconds each)
	@FUZZ_RUNS=$(or $(RUNS),10000) BANGER_FUZZ_SECONDS=$(or $(FOR),60) $(NODE) scripts/test.ts unit attack
	@FUZZ_RUNS=$(or $(RUNS),1000) $(NODE) --test 'test/integration/*-random.test.ts'

mutate: node_modules/.installed-lock.json ## change operators in src, print how many changes the unit tests find (FILES=src/core for a part, SAMPLE=400 a folder)
	@SAMPLE=$(or $(SAMPLE),400) $(NODE) scripts/mutate.ts $(FILES)

format: node_modules/.installed-lock.json ## write all code as the formatters want it
	$(NODE) node_modules/.bin/oxfmt .
	cd agent && gofmt -w .

void-kernel: ## unpack a kernel package of Void Linux into build/manual/void (FROM=FILE or URL, SHA256=sum); experimental
	@scripts/make-kernel-void.sh --from "$(FROM)" $(if $(SHA256),--sha256 "$(SHA256)")

rootfs-void: build ## make a root file system of a Void tarball in build/manual/void (FROM=, SHA256=); experimental
	@scripts/make-rootfs-void.sh --from "$(FROM)" $(if $(SHA256),--sha256 "$(SHA256)")

void-register: build ## give banger what those two made, as the image `void`; experimental
	@scripts/void-register.sh

clean: ## remove what make made here; ~/.cache/banger stays
	rm -rf build node_modules

build-arm64: build/arm64/banger-vsock-agent ## the guest's program for arm64

build/bin/banger: $(SOURCES) scripts/build.ts $(wildcard scripts/bundling/*.ts) package.json node_modules/.installed-lock.json
	@echo "build: banger, bangerd"
	@$(NODE) scripts/build.ts

build/bin/banger-vsock-agent: $(AGENT_SOURCES) build/tools/go.ready
	@echo "build: banger-vsock-agent"
	@cd agent && CGO_ENABLED=0 $(GO) build $(AGENT_FLAGS) -o ../$@ ./cmd/banger-vsock-agent

build/arm64/banger-vsock-agent: $(AGENT_SOURCES) build/tools/go.ready
	@cd agent && CGO_ENABLED=0 GOARCH=arm64 $(GO) build $(AGENT_FLAGS) -o ../$@ ./cmd/banger-vsock-agent

node_modules/.installed-lock.json: package-lock.json
	@scripts/setup.sh build
	@scripts/setup-node.sh
	@touch $@

build/tools/go.ready: agent/go.mod scripts/setup-go.sh
	@scripts/setup.sh build
	@scripts/setup-go.sh
	@touch $@

tools-demo:
	@scripts/setup.sh run demo

tools-test:
	@scripts/setup.sh run demo images test kernel

tools-long:
	@scripts/setup.sh long

tools-lint:
	@scripts/setup.sh lint
