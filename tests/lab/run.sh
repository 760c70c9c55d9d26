#!/usr/bin/env bash
# The fault laboratory: hubs and plugins in processes of their own, and what breaks between them.
#
#     tests/lab/run.sh                     a slice of all, some minutes
#     tests/lab/run.sh links stopped       a slice of some: links, losses, half-open, stopped, killed,
#                                          jobs, never-reads, unread-events, files, hostile, leaving,
#                                          churn, soak
#     tests/lab/run.sh long half-open      some at full length
#     tests/lab/run.sh all                 all at full length: an hour and a half
#     BRPC_LAB_SECONDS=300 tests/lab/run.sh soak
#     BRPC_LAB_BUSY_MS=1000 tests/lab/run.sh half-open    found out a second later is soon enough
#     tests/lab/run.sh proxy 127.0.0.1:7001 127.0.0.1:7000 drip
#
# The last one is the proxy by itself, for use by hand; each line of its input is another fault: none,
# delay MS JITTER, throttle BYTES-A-SECOND, drip, stall, stall-up, stall-down, cut AFTER, reset AFTER,
# half-close AFTER, stop AFTER, flip.
#
# Losses and half of half-open need root for network namespaces, and iproute2 and nftables, which are
# installed on Debian if they are missing; without them that part is skipped, and says so.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v nft ip >/dev/null && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    (apt-get update -qq && apt-get install -y -qq iproute2 nftables) >/dev/null 2>&1 || true
fi
export PATH="$PATH:/usr/sbin:/sbin"
ulimit -n "$(ulimit -Hn)"
exec cargo test --quiet --release --test lab -- "$@"
