# The visitor's handle; the build itself is meson's (meson.build).
BUILD ?= build

.PHONY: all build run check bench install deps asan tsan fuzz clean

all: build

deps:
	tools/deps build

$(BUILD)/build.ninja:
	tools/deps build
	meson setup $(BUILD) --buildtype=debugoptimized $(MESON_ARGS)

build: $(BUILD)/build.ninja
	ninja -C $(BUILD)

run: build
	$(BUILD)/siptrust edge --data ./var

check: build
	tools/deps check
	BUILD=$(BUILD) tools/check

bench: build
	tools/deps bench
	BUILD=$(BUILD) bench/run

install: build
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)
