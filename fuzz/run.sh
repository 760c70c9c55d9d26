#!/usr/bin/env bash
# Builds all targets once and runs each for so many seconds, or so many times, from its seeds and its
# corpus, as many side by side as there are processors: `run.sh 20`, `run.sh 600 gob_hub`,
# `run.sh 10000000x`. Fails on the first crash and says how to see it again.
#
# FUZZ_SANITIZER=none leaves the address sanitizer out, for three times as many runs a second.
# Inputs that found something new are gone afterwards unless FUZZ_CORPUS names a folder for them;
# `keep.sh` takes them from there.
set -euo pipefail
amount="${1:?how many seconds, or how many runs (1000x), for each target?}"
shift
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"
case "$amount" in
    *x) bound="-runs=${amount%x}" ;;
    *) bound="-max_total_time=$amount" ;;
esac
export bound

fuzz() {
    local target="$1" log="$corpus/$1.log" most=1300 words
    unpack "$target"
    mkdir -p "artifacts/$target"
    case "$target" in
        gob_*) words=gob ;;
        # A token alone may have 2 KiB.
        credentials) words=credentials most=2100 ;;
        *) words=native ;;
    esac
    if ! "$binaries/$target" "$corpus/$target" "$bound" -dict="$words.dict" -max_len="$most" \
        -timeout=30 -rss_limit_mb=1024 -malloc_limit_mb=16 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 >"$log" 2>&1; then
        # What the target itself said; the rest is of the fuzzer.
        printf '\n== %s\n' "$target" >&2
        grep -aE -A 1 'panicked at|ERROR|written to' "$log" >&2 || tail -n 20 "$log" >&2
        echo "From $PWD: RUSTC_BOOTSTRAP=1 cargo fuzz run $target THE-FILE-ABOVE" >&2
        # No other is started.
        exit 255
    fi
    printf '\n== %s\n%s\n%s\n' "$target" "$(grep -a 'memory grew' "$log" | tail -n 1)" \
        "$(grep -aE 'number_of_executed_units|average_exec_per_sec|peak_rss_mb|DONE' "$log")"
}
export -f fuzz

[[ $# -gt 0 ]] || mapfile -t all < <(cargo fuzz list)
printf '%s\n' "${@:-${all[@]}}" | xargs -P "${FUZZ_JOBS:-$(nproc)}" -n 1 bash -euo pipefail -c 'fuzz "$1"' fuzz
