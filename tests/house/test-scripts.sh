#!/bin/sh
# usage: test-scripts.sh SOURCE_ROOT   Every shell script passes shellcheck.
set -eu
cd "$1"
failed=0
for file in .ci/* tools/* bench/* tests/*/*.sh; do
	[ -f "$file" ] || continue
	case $(head -n 1 "$file") in '#!/bin/sh' | '#!/bin/bash')
		shellcheck "$file" || failed=1 ;;
	esac
done
exit $failed
