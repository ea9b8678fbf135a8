# The visitor's handle; the build itself is meson's (meson.build).
BUILD ?= build

.PHONY: all build run check check-stacks check-pbx bench install deps asan tsan fuzz clean

all: build

deps:
	tools/deps build

$(BUILD)/build.ninja:
	tools/deps build
	meson setup $(BUILD) --buildtype=debugoptimized $(MESON_ARGS)

build: $(BUILD)/build.ninja
	ninja -C $(BUILD)

run: build
	$(BUILD)/siptrust edge --data ./var $(RUN_ARGS)

check:
	tools/deps build check
	$(MAKE) build
	BUILD=$(BUILD) tools/check

# Real TLS stacks as phones, in network namespaces (root): what is missing is
# installed, and an older Debian unpacked into $SIPTRUST_CACHE or ./var.  What
# cannot be had is skipped, and the tests say why.
check-stacks:
	tools/deps build check stacks || true
	$(MAKE) build
	tools/stacks-root || true
	tests/stacks/build-clients.sh $(BUILD)/stacks || true
	BUILD=$(BUILD) tools/check --stacks

# Real PBXs and phones, with the files of docs/how-to, likewise.
check-pbx:
	tools/deps build check pbx || true
	$(MAKE) build
	tools/stacks-root || true
	BUILD=$(BUILD) tools/check --pbx

bench:
	tools/deps build bench
	$(MAKE) build
	BUILD=$(BUILD) bench/run

install: build
	meson install -C $(BUILD)

# The same checks under the sanitizers, and a minute of each fuzz target
# (FUZZ_SECONDS; "make fuzz FUZZ=sip_msg" runs one).
asan:
	tools/deps check
	[ -f build-asan/build.ninja ] || meson setup build-asan \
	    --buildtype=debugoptimized -Db_sanitize=address,undefined \
	    $(MESON_ARGS)
	ninja -C build-asan
	BUILD=build-asan tools/check

tsan:
	tools/deps check
	[ -f build-tsan/build.ninja ] || meson setup build-tsan \
	    --buildtype=debugoptimized -Db_sanitize=thread $(MESON_ARGS)
	ninja -C build-tsan
	BUILD=build-tsan tools/check

fuzz:
	tools/deps check
	BUILD=build-fuzz tools/fuzz $(FUZZ)

clean:
	rm -rf $(BUILD) build-asan build-tsan build-fuzz
