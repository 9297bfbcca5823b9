# Calls cmake, ctest and the scripts; the build itself is CMakeLists.txt.
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600

.PHONY: all build setup setup-tests run nano ladder bench-peer test install asan tsan fuzz soak gates format clean
all: build
build:
	@cmake --preset release --log-level=WARNING >/dev/null && cmake --build build
setup:
	@scripts/setup.sh
setup-tests:
	@scripts/setup.sh tests
run: setup build
	@build/weir run weir-nano "Tell me a story about a brave little mouse." --seed 1 --stats
	@echo "make run: to talk with it:  build/weir run     (or with the file of a real LFM2)" >&2
nano: setup build
	@scripts/nano.sh
ladder: setup build
	@scripts/ladder.sh
bench-peer: setup build
	@bench/peer/run.sh "$(MODEL)" -o bench/results/peer.json
test: setup-tests build
	@scripts/run_tests.sh build
install: build
	DESTDIR=$(DESTDIR) cmake --install build --prefix $(PREFIX)
asan: setup
	cmake --preset asan && cmake --build build-asan && scripts/run_tests.sh build-asan
tsan: setup
	cmake --preset tsan && cmake --build build-tsan && scripts/run_tests.sh build-tsan -R 'test_(workers|cpu|engine|promises)'
fuzz: setup
	cmake --preset fuzz && cmake --build build-fuzz && scripts/fuzz.sh build-fuzz $(FUZZ_SECONDS)
soak: setup build
	@WEIR_SOAK=1 scripts/run_tests.sh build
gates: setup
	@scripts/gates.sh
format:
	clang-format -i $$(scripts/list_sources.sh)
clean:
	rm -rf build build-*
