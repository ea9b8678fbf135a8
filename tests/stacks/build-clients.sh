#!/bin/sh
# usage: tests/stacks/build-clients.sh FOLDER   Build the clients into FOLDER;
# says which library is missing (tools/deps stacks installs them).
set -eu
here=$(dirname "$0")/clients
mkdir -p "$1"
status=0
while read -r name libraries; do
	# shellcheck disable=SC2086 # a list of words
	cc -std=c17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wshadow \
	    -Wmissing-prototypes -Wstrict-prototypes -Wno-unused-parameter \
	    -o "$1/$name" "$here/pipe.c" "$here/$name.c" $libraries || {
		echo "tests/stacks/build-clients.sh: no $name" >&2
		status=1
	}
done <<END
openssl -lssl -lcrypto
wolfssl -lwolfssl
mbedtls -lmbedtls -lmbedx509 -lmbedcrypto
bearssl -lbearssl
END
# A JDK is more than is asked for, but where one is, its TLS is tried too.
! command -v javac >/dev/null || javac -d "$1" "$here/Jsse.java" || status=1
exit $status
