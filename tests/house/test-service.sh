#!/bin/sh
# usage: test-service.sh UNIT PROGRAM INSTALLED   The systemd unit starts the
# program where "make install" puts it, with options that it has; where systemd
# is, that it is a good unit.
set -eu
unit=$1 program=$(readlink -f "$2") installed=$3
failed=0
say() {
	echo "$unit: $*"
	failed=1
}
! grep -n '@.*@' "$unit" | grep -v SystemCallFilter || say "not filled in"
command=$(sed -n 's/^ExecStart=//p' "$unit")
case $command in
"$installed edge "*) ;;
*) say "starts \"$command\", installed is $installed" ;;
esac
for word in $command; do
	case $word in
	-*) "$program" edge --help | grep -q -e "$word" ||
	    say "siptrust edge has no $word" ;;
	esac
done
# Port 514 for the phones' logs is what the README shows.
for set in AmbientCapabilities CapabilityBoundingSet; do
	grep -qx "$set=CAP_NET_BIND_SERVICE" "$unit" || say "no $set"
done
if command -v systemd-analyze >/dev/null; then
	folder=$(mktemp -d)
	sed "s|^ExecStart=$installed|ExecStart=$program|" "$unit" \
	    >"$folder/siptrust.service"
	said=$(systemd-analyze verify --man=no "$folder/siptrust.service" 2>&1 |
	    grep siptrust) && say "systemd-analyze: $said"
	rm -rf "$folder"
fi
exit $failed
