#!/usr/bin/env bash
# Builds crates that are no members of the workspace: two that depend on one side each, which talk to
# each other, one of an older edition, and one that forbids lints. Works without a network if the workspace has been built before.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}/outside"

for crate in hub_only plugin_only edition_2021 lints; do
    # The versions of the workspace, so that there is one set of them and nothing else to fetch.
    cp "$root/Cargo.lock" "$crate/Cargo.lock"
    cargo build --quiet --manifest-path "$crate/Cargo.toml"
done
cargo clippy --quiet --manifest-path lints/Cargo.toml -- -D warnings

# What a crate depends on of brpc, and for types that it declares.
of_brpc() {
    cargo tree --manifest-path "$1/Cargo.toml" --edges normal --prefix none --format '{p}' |
        sed -n 's/^\(brpc[a-z-]*\|schemars[a-z_]*\) .*/\1/p' | sort -u | paste -sd ' '
}
expect() {
    if [[ "$2" != "$3" ]]; then
        printf '%s:\nexpected: %s\nfound:    %s\n' "$1" "$2" "$3" >&2
        exit 1
    fi
}
expect "what a hub depends on" "brpc-core brpc-proto brpc-rt brpc-socket" "$(of_brpc hub_only)"
expect "what a plugin depends on" "brpc-core brpc-macros brpc-plugin brpc-proto brpc-rt schemars schemars_derive" "$(of_brpc plugin_only)"

expect "what a crate of edition 2021 said" "rolled" "$("$CARGO_TARGET_DIR/debug/edition_2021")"

coproc HUB { exec "$CARGO_TARGET_DIR/debug/hub_only"; }
hub=$HUB_PID
exec {said}<&"${HUB[0]}"
read -r address <&"$said"
plugin_said=$("$CARGO_TARGET_DIR/debug/plugin_only" "$address")
hub_said=$(cat <&"$said")
wait "$hub"

expect "what the hub said" "connected: greeter 1.2.3
function: greet: Greets somebody by name. name: string
greeting: Hello, Ada!
event: greeting Ada
error: greeter.greet: nobody to greet
shutdown: true" "$hub_said"
expect "what the plugin said" "ended: the hub shut down" "$plugin_said"
echo "a hub and a plugin, built apart, talk to each other"
