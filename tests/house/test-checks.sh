#!/bin/sh
# usage: test-checks.sh SOURCE_ROOT   The checks of tools/ on a tree of their
# own: each rule is broken once and must be named, with file and line.
set -eu
tools=$1/tools
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/docs" "$dir/tools" "$dir/bench" "$dir/tests/unit/sip"
cd "$dir"
failed=0

# fresh: a tree in which all is right.
fresh() {
	rm -rf src bench/*.c tests/unit/sip/*.c
	mkdir -p src/base src/sip src/net src/tls src/cmd src/store
	printf '0 base\n1 net sip\n2 store\n4 tls\n7 cmd\n' >docs/floors.txt
	printf '# none\n' >tools/limits.allow
	printf 'int a(void);\n' >src/base/a.h
	printf 'int\na(void)\n{\n\treturn 0;\n}\n' >src/base/a.c
	printf '#include "base/a.h"\n#include "sip/p_int.h"\n' >src/sip/p.c
	printf 'int p;\n' >src/sip/p_int.h
	printf '/* no socket() here, nor "*/\n#include <openssl/ssl.h>\n' \
		>src/tls/t.c
	printf '/* strcpy(a, b)\n * time(NULL) */\n' >src/base/ok.c
	printf 'int x = f("strcpy(", %c"%c, "\\"gets(");\n' "'" "'" >>src/base/ok.c
	printf 'int y = my_time(1) + runtime(2); // atoi(3)\n' >>src/base/ok.c
	printf 'printf("usage");\n' >src/cmd/c.c
}

# expect CHECK TEXT: the check fails and prints a line with TEXT; without
# TEXT: it passes and prints nothing.
expect() {
	rc=0
	out=$("$tools/$1" "$dir" 2>&1) || rc=$?
	if [ $# -eq 1 ] && [ "$rc" -eq 0 ] && [ -z "$out" ]; then
		return
	elif [ $# -eq 2 ] && [ "$rc" -ne 0 ]; then
		case $out in *"$2"*) return ;; esac
	fi
	echo "FAIL $1: exit $rc, expected ${2:-nothing}, found: $out"
	failed=1
}

# breaks CHECK FILE LINE TEXT: LINE added to FILE must be named.
breaks() {
	fresh
	printf '%s\n' "$3" >>"src/$2"
	expect "$1" "$4"
}

fresh
expect check-floors
expect check-words
expect check-limits

breaks check-floors base/a.c '#include "sip/p.h"' 'src/base/a.c:6: base (floor 0) includes sip/p.h (floor 1)'
breaks check-floors sip/p.c '#include "net/n.h"' 'sip (floor 1) includes net/n.h (floor 1)'
breaks check-floors tls/t.c '#include "sip/p_int.h"' 'sip/p_int.h is private to sip'
breaks check-floors tls/t.c '#include "attic/x.h"' 'no floor for attic'
breaks check-floors tls/t.c '#include "x.h"' 'x.h: expected MODULE/FILE'

for call in strcpy strcat sprintf strtok atoi gets alloca; do
	breaks check-words base/a.c "	$call(b);" 'src/base/a.c:6: a call that no bound'
done
breaks check-words base/a.c '/* x */ time(NULL);' 'base/clock.h'
breaks check-words tls/t.c '	gettimeofday(&t, NULL);' 'base/clock.h'
breaks check-words sip/p.c '	printf("x");' 'only src/cmd/ prints'
breaks check-words sip/p.c '	fprintf(stderr, "x");' 'only src/cmd/ prints'
breaks check-words sip/p.c '#include <openssl/evp.h>' 'OpenSSL belongs'
breaks check-words sip/p.c '	ERR_error_string(e, NULL);' 'OpenSSL texts'
breaks check-words store/s.c '#include <sqlite3.h>' 'SQLite belongs'
breaks check-words tls/t.c '	fd = socket(AF_INET, 0, 0);' 'sockets belong'
breaks check-words sip/p.c '	log_info("x", "");' 'they do not log'
breaks check-words sip/p.c '	p = calloc(1, n);' 'sip/ does not allocate'
breaks check-words sip/p.c '	buf_init(&b, 9);' 'sip/ does not allocate'
breaks check-words sip/p.c '/* TODO */' 'an open end is an issue'

# long_function N: a function of N + 3 lines; deep N: one with N branches.
long_function() {
	echo 'int'; echo 'long_one(void)'; echo '{'
	yes '	a();' | head -n "$1"
	echo '}'
}
deep() {
	echo 'int'; echo 'deep_one(int n)'; echo '{'
	yes '	if (n) a();' | head -n "$1"
	echo '}'
}
fresh
long_function 90 >>src/sip/p.c
expect check-limits 'src/sip/p.c: long_one: length 9'
fresh
deep 19 >>src/sip/p.c
expect check-limits
deep 20 >src/sip/q.c
expect check-limits 'src/sip/q.c: deep_one: complexity 21, limit 20'
echo 'complexity src/sip/q.c deep_one 21' >>tools/limits.allow
expect check-limits
deep 18 >src/sip/q.c
expect check-limits 'now 19, shrink'
rm src/sip/q.c
expect check-limits 'gone, take it out'
fresh
yes 'int a;' | head -n 901 >src/sip/q.c
expect check-limits 'src/sip/q.c: lines 901, limit 900'
for file in tests/unit/sip/test_q.c bench/q.c; do
	fresh
	yes 'int a;' | head -n 900 >"$file"
	expect check-limits
	echo 'int b;' >>"$file"
	expect check-limits "$file: lines 901, limit 900"
done
fresh
yes 'int a;' | head -n 251 >src/sip/q.h
expect check-limits 'src/sip/q.h: lines 251, limit 250'
fresh
echo 'lines src/sip/q.h 251' >>tools/limits.allow
yes 'int a;' | head -n 251 >src/sip/q.h
expect check-limits

spdx='/* SPDX-License-Identifier: BSD-2-Clause */'
format() {
	rm -rf src tests
	mkdir -p src/sip tests
	printf '%s\n%b' "$spdx" "$1" >src/sip/f.c
}
format '\tint fits_%060d = 12345;\n'
expect check-format
format '\t\t/* a line whose tabs make it longer than it may be, so is found */\n'
expect check-format 'src/sip/f.c:2: 82 columns'
format 'int blank; \n'
expect check-format 'src/sip/f.c:2: ends in a blank'
format 'int blank;\r\n'
expect check-format 'src/sip/f.c:2: carriage return'
format ' \tint blank;\n'
expect check-format 'src/sip/f.c:2: blank before a tab'
printf 'int no_licence;\n' >src/sip/f.c
expect check-format 'src/sip/f.c:1: expected the SPDX line'
exit $failed
