#!/bin/sh
# usage: test-missing.sh PROGRAM SEEDS   A folder of seeds that is missing or
# empty must fail the program that runs seeds, also beside one that is full.
set -eu
empty=$(mktemp -d)
trap 'rmdir "$empty"' EXIT
"$1" "$2" >/dev/null
for folder in "$empty" "$empty/none"; do
	if "$1" "$2" "$folder" >/dev/null; then
		echo "passed without seeds: $folder"
		exit 1
	fi
done
if "$1" >/dev/null; then
	echo "passed without a folder"
	exit 1
fi
