# Calls cmake, ctest and the scripts; the build itself is CMakeLists.txt.
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
TINY = build/tiny-moe.gguf

.PHONY: all build setup run test install asan tsan fuzz soak gates format clean
all: build
build:
	@cmake --preset release --log-level=WARNING >/dev/null && cmake --build build
setup:
	@scripts/setup.sh
run: setup build
	@test -f $(TINY) || build/weir synth $(TINY) --config tiny-moe
	@echo "make run: a tiny model with random weights answers; what it says means nothing" >&2
	build/weir run $(TINY) "Hello" --max-tokens 48 --temperature 1 --seed 1 --stats
	@echo "make run: to chat:  build/weir run $(TINY)   (or with the file of a real model)" >&2
test: setup build
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
