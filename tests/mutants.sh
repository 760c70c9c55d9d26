#!/bin/sh
# Shows that two tests catch what they are there for: each patch breaks the code in one way, and with
# each the test must fail. Those in tests/mutants/ are for the schedules of brpc-proto, those in
# tests/races/mutants/ for tests/races.
#
#     tests/mutants.sh                        all of them, some minutes
#     tests/mutants.sh mutants/03 races       some of them
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

# Runs one of the tests with more arguments. Schedules without optimization: building takes longer than
# finding a mutant.
run() {
    case $1 in
    mutants) (shift && cd "$copy" && cargo test --quiet -p brpc-proto --test schedules "$@") ;;
    races) (shift && cd "$copy/tests/races" && cargo test --quiet "$@") ;;
    esac >"$log" 2>&1
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
    mutants) folder=$root/tests/mutants sign='^seed 0x[0-9a-f]*' ;;
    races) folder=$root/tests/races/mutants sign='^test .* FAILED\|^    [a-z]*::[a-z_]*$' ;;
    esac
    for patch in $(cd "$folder" && ls $wanted); do
        if ! (cd "$copy" && patch -p1 --fuzz=2 --no-backup-if-mismatch <"$folder/$patch") >"$log" 2>&1; then
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
        printf '%-26s %s: %s\n' "$verdict" "${patch%.patch}" "$(head -n 1 "$folder/$patch")"
        for source in crates/brpc-proto/src crates/brpc-rt/src brpc-socket/src; do
            rm -rf "${copy:?}/$source"
            (cd "$root" && tar -cf - $source) | (cd "$copy" && tar -xmf -)
        done
    done
done
exit "$failed"
