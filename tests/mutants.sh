#!/bin/sh
# Shows that two tests catch what they are there for: each patch breaks the code in one way, and with
# each the test must fail. Those in tests/mutants/ are for the schedules of brpc-proto, those in
# tests/races/mutants/ for tests/races.
#
#     tests/mutants.sh                        all of them, some minutes
#     tests/mutants.sh mutants/03 races       some of them
#
# The workspace is copied; what you work on is not touched. CARGO_TARGET_DIR is used if it is set.
# A mutant is caught by the first test that fails; the others are not waited for.
# Ends with 1 if a mutant survives, does not build or does not apply, or if the code fails as it is.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
# Cargo would take what it built of a mutant for your code.
trap '(cd "$copy" && cargo clean --quiet --package brpc-proto) || true; rm -rf "$copy"' EXIT
(cd "$root" && tar -cf - --exclude=target --exclude=.git .) | (cd "$copy" && tar -xmf -)
: "${CARGO_TARGET_DIR:=$copy/target}"
export CARGO_TARGET_DIR
# A mutant is a few lines.
export CARGO_INCREMENTAL=1
log=$copy/log

# Runs one of the tests with more arguments. Schedules without optimization: building takes longer than
# finding a mutant. Only the test's program is told that unstable options are fine.
run() {
    folder=. only='--package brpc-proto --test schedules'
    [ "$1" = mutants ] || folder=tests/races only=--lib
    shift
    (cd "$copy/$folder" && cargo --config "target.'cfg(all())'.runner = ['env', 'RUSTC_BOOTSTRAP=1']" \
        test --quiet $only "$@" -- -Zunstable-options --fail-fast) >"$log" 2>&1
}

failed=0
for test in mutants races; do
    wanted=
    for name in "${@:-$test/}"; do
        case $name in
        "$test"/*) wanted="$wanted ${name#*/}*.patch" ;;
        "$test") wanted="$wanted *.patch" ;;
        esac
    done
    [ -n "$wanted" ] || continue
    if ! run $test; then
        cat "$log"
        echo "$test: the code fails as it is"
        exit 1
    fi
    echo "passes    $test: the code as it is"
    case $test in
    mutants) patches=$root/tests/mutants sign='^seed 0x[0-9a-f]*' ;;
    races) patches=$root/tests/races/mutants sign='^test .* FAILED\|^    [a-z]*::[a-z_]*$' ;;
    esac
    for patch in $(cd "$patches" && ls $wanted); do
        if ! (cd "$copy" && patch -p1 --fuzz=2 --no-backup-if-mismatch <"$patches/$patch") >"$log" 2>&1; then
            verdict='NO MATCH '
        elif ! run $test --no-run; then
            verdict='NO BUILD '
        elif run $test; then
            verdict='SURVIVES '
        elif grep -q "$sign" "$log"; then
            verdict="caught    $(grep -m1 -o "$sign" "$log" | sed 's/^ *//')"
        else
            verdict='UNCLEAR  '
        fi
        case $verdict in caught*) ;; *) failed=1 ;; esac
        printf '%-26s %s: %s\n' "$verdict" "${patch%.patch}" "$(head -n 1 "$patches/$patch")"
        for source in $(sed -n 's:^+++ b/::p' "$patches/$patch"); do
            cp "$root/$source" "$copy/$source"
        done
    done
done
exit "$failed"
