# CityCard: everything a developer or a build machine runs.
#
#   make            what there is
#   make test       what must pass before a change goes in (under 25 minutes on two cores)
#
# Results, coverage and binaries go to out/, which is not part of the tree.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Packages of the plain test run.
PKGS ?= ./...
# Packages of the run under the race detector: the pure ones, which are cheap, and
# the stores, whose long tests -short leaves out.
RACE ?= ./money ./txn ./wire/... ./crypt/... ./ledger ./fare/... ./card/... ./terminal/... \
	./acquirer ./clearing/... ./issuer ./recon/... ./store/...
# Time for each fuzz target in test-long.
FUZZTIME ?= 60s
# Benchmarks to measure, a pattern; empty means all.
ONLY ?=

# Files that go generate makes and that come out the same every time.
GENERATED := sim/demand/model.bin
# Files that come out new every time: made by hand only, because all that was made
# from the old ones is worthless afterwards.
KEYS := crypt/oda/devkeys/rsa.txt

# Tests called TestLong... are for test-long.
LONG := ^TestLong[A-Z0-9_]

# Properties draw the same cases in every run of make test, so that it says whether a
# change is good and nothing else. Plain go test, and make test-long, draw new ones.
SEED ?= 1
# Packages whose tests know the flag.
DRAWN = $(shell go list -f '{{$$p := .ImportPath}}{{range .TestImports}}{{if eq . "pgregory.net/rapid"}}{{$$p}} {{end}}{{end}}{{range .XTestImports}}{{if eq . "pgregory.net/rapid"}}{{$$p}} {{end}}{{end}}' $(1) | tr ' ' '\n' | sort -u)
# Runs the tests of the packages $(1) with the flags $(2), properties with SEED; prints JSON.
GOTEST = { failed=0; drawn="$(call DRAWN,$(1))"; others="$(filter-out $(call DRAWN,$(1)),$(shell go list $(1)))"; \
	[ -z "$$others" ] || go test $(2) -json -count=1 $$others || failed=1; \
	[ -z "$$drawn" ] || go test $(2) -json -count=1 $$drawn -rapid.seed=$(SEED) || failed=1; exit $$failed; }

.PHONY: help test deps build vet lint race unit test-long fuzz long bench generate generate-check fmt cover clean

help:
	@echo 'make test            build, vet, house rules, race detector, all tests'
	@echo 'make test-long       every fuzz target for FUZZTIME=$(FUZZTIME), then the tests called TestLong...'
	@echo 'make bench           the promises of bench/targets.txt; ONLY=pattern chooses, results go to bench/results'
	@echo 'make cover           coverage by package, page in out/cover.html'
	@echo 'make generate        make generated files again; generate-check says whether they were up to date'
	@echo 'make fmt             format the code'
	@echo 'make build lint vet race unit fuzz long clean   single steps'

test: deps build vet lint race unit

# The race detector needs a C compiler, the algorithms another program to agree with,
# the tests of readers a smart card service with a virtual reader and the programs of
# others that read cards through it. A browser with Chinese letters is needed only
# while some test takes pictures.
deps:
	@missing=; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	command -v openssl >/dev/null || missing="$$missing openssl"; \
	if grep -rqs --include='*_test.go' '"chromium"' .; then \
		command -v chromium >/dev/null || missing="$$missing chromium"; \
		{ command -v fc-list >/dev/null && fc-list :lang=zh | grep -q .; } || missing="$$missing fontconfig fonts-noto-cjk"; \
	fi; \
	if [ "$$(uname)" = Linux ] && grep -rqs --include='*_test.go' 'pcsctest\.\|package pcsctest' .; then \
		[ -x /usr/sbin/pcscd ] || missing="$$missing pcscd"; \
		[ -e /usr/lib/pcsc/drivers/serial/libifdvpcd.so ] || missing="$$missing vsmartcard-vpcd"; \
		command -v opensc-tool >/dev/null || missing="$$missing opensc"; \
		command -v scriptor >/dev/null || missing="$$missing pcsc-tools"; \
		command -v cardpeek >/dev/null || missing="$$missing cardpeek cardpeek-data"; \
		/usr/bin/python3 -c 'import smartcard' 2>/dev/null || missing="$$missing python3-pyscard"; \
	fi; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	root=; if [ "$$(id -u)" != 0 ]; then root=sudo; fi; \
	if ! command -v apt-get >/dev/null || ! { [ -z "$$root" ] || command -v sudo >/dev/null; }; then \
		echo "the tests need$$missing; install them and run make test again" >&2; exit 1; \
	fi; \
	echo "installing$$missing, which the tests need"; \
	$$root apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq --no-install-recommends $$missing

out:
	@mkdir -p out

build: | out
	CGO_ENABLED=0 go build ./...
	CGO_ENABLED=0 go build -o out/citycard ./cmd/citycard
	CGO_ENABLED=0 go build -o out/testsummary ./internal/lint/testsummary

vet:
	CGO_ENABLED=0 go vet $(PKGS)

lint:
	CGO_ENABLED=0 go test -count=1 ./internal/lint

race: | out
	CGO_ENABLED=0 go build -o out/testsummary ./internal/lint/testsummary
	@export CGO_ENABLED=1; $(call GOTEST,$(RACE),-race -short -skip '$(LONG)' -timeout 15m) | out/testsummary -short

# Plain run of everything; the fuzz targets replay their seeds.
unit: | out
	CGO_ENABLED=0 go build -o out/testsummary ./internal/lint/testsummary
	@export CGO_ENABLED=0; $(call GOTEST,$(PKGS),-skip '$(LONG)' -timeout 20m) | out/testsummary

test-long: fuzz long

fuzz:
	@for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "fuzzing $$pkg $$target for $(FUZZTIME)"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

long: | out
	CGO_ENABLED=0 go build -o out/testsummary ./internal/lint/testsummary
	CGO_ENABLED=0 go test -run '$(LONG)' -json -count=1 -timeout 0 $(PKGS) | out/testsummary

bench:
	go run ./bench -only '$(ONLY)'

generate:
	go generate -x -skip '$(notdir $(KEYS))' ./...

# Says whether the generated files in the tree are what their generators make.
generate-check: | out
	@sha256sum $(GENERATED) > out/generated.sum
	@$(MAKE) generate
	@sha256sum --check --quiet out/generated.sum && echo 'generated files were up to date'

fmt:
	gofmt -w $$(go list -f '{{.Dir}}' ./...)

cover: | out
	CGO_ENABLED=0 go test -count=1 -skip '$(LONG)' -coverprofile=out/cover.out $(PKGS)
	go tool cover -html=out/cover.out -o out/cover.html
	@go tool cover -func=out/cover.out | tail -1

clean:
	rm -rf out
