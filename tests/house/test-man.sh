#!/bin/sh
# usage: test-man.sh PAGE...   Every manual page is good mdoc, and no page
# refers to one of ours that is not there.
set -eu
command -v mandoc >/dev/null || { echo "no mandoc here"; exit 1; }
failed=0
for page in "$@"; do
	# An Xr to a page that is not installed yet is looked for below.
	mandoc -T lint -W warning "$page" | grep -v 'Xr' && failed=1
	names=$(sed -n 's/^\.Xr \(siptrust[^ ]*\) \([0-9]\).*/\1.\2/p' "$page")
	for name in $names; do
		case " $* " in *"/$name "*) ;; *)
			echo "$page: refers to $name, which is not there"
			failed=1 ;;
		esac
	done
done
exit $failed
