#!/bin/sh
# Shows that the property test of brpc-proto catches what it is there for: each patch in
# tests/mutants/ breaks the code in one way, and with each the test must fail.
#
#     tests/mutants.sh                 all of them, some minutes
#     tests/mutants.sh 03 08           some of them
#
# The workspace is copied; what you work on is not touched. CARGO_TARGET_DIR is used if it is set.
# Ends with 1 if a mutant survives, does not build or does not apply, or if the code fails as it is.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
(cd "$root" && tar -cf - --exclude=target --exclude=.git .) | (cd "$copy" && tar -xmf -)
: "${CARGO_TARGET_DIR:=$copy/target}"
export CARGO_TARGET_DIR
log=$copy/log

# Without optimization: building takes longer than finding a mutant.
build() { (cd "$copy" && cargo test --quiet -p brpc-proto --test schedules --no-run) >"$log" 2>&1; }
schedules() { (cd "$copy" && cargo test --quiet -p brpc-proto --test schedules) >"$log" 2>&1; }

if ! schedules; then
    cat "$log"
    echo "the code fails as it is"
    exit 1
fi
echo "passes    the code as it is"

failed=0
for number in "${@:-}"; do
    for patch in "$root"/tests/mutants/"$number"*.patch; do
        name=$(basename "$patch" .patch)
        if ! (cd "$copy" && patch -p1 --fuzz=2 --no-backup-if-mismatch <"$patch") >"$log" 2>&1; then
            verdict='NO MATCH '
        elif ! build; then
            verdict='NO BUILD '
        elif schedules; then
            verdict='SURVIVES '
        elif grep -q '^seed 0x' "$log"; then
            verdict="caught    $(grep -m1 -o '^seed 0x[0-9a-f]*' "$log")"
        else
            verdict='UNCLEAR  '
        fi
        case $verdict in caught*) ;; *) failed=1 ;; esac
        printf '%-26s %s: %s\n' "$verdict" "$name" "$(head -n 1 "$patch")"
        rm -rf "$copy/crates/brpc-proto/src"
        (cd "$root" && tar -cf - crates/brpc-proto/src) | (cd "$copy" && tar -xmf -)
    done
done
exit "$failed"
