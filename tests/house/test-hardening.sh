#!/bin/sh
# usage: test-hardening.sh PROGRAM   It is position-independent, what the
# linker fills in is read-only before main(), and no stack can be executed.
set -eu
failed=0
need() {
	if ! readelf -W "$1" "$program" | grep -q "$2"; then
		echo "$program: no $2 in readelf $1"
		failed=1
	fi
}
program=$1
need -h 'Type:.*DYN'
need -l 'GNU_RELRO'
need -d 'BIND_NOW\|Flags:.*NOW'
need -l 'GNU_STACK.* RW  '
exit $failed
