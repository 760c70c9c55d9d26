#!/usr/bin/env bash
# Builds all targets once and runs each for so many seconds from a copy of its seeds: `run.sh 20`, or
# `run.sh 600 gob_hub` for some of them. Fails on the first crash and says how to see it again.
# Inputs that found something new are gone afterwards unless FUZZ_CORPUS names a folder for them.
set -euo pipefail
cd "$(dirname "$0")"
seconds="${1:?how many seconds for each target?}"
shift
target_dir="${CARGO_TARGET_DIR:-$PWD/target}"
[[ "$target_dir" == /* ]] || target_dir="$OLDPWD/$target_dir"
export CARGO_TARGET_DIR="$target_dir"
# Coverage and the address sanitizer are not in the stable compiler's options.
export RUSTC_BOOTSTRAP=1

cargo fuzz --version 2>/dev/null || cargo install --locked --quiet cargo-fuzz
cargo fuzz build
triple=$(rustc -vV | sed -n 's/^host: //p')

corpus="${FUZZ_CORPUS:-$(mktemp -d)}"
[[ -n "${FUZZ_CORPUS:-}" ]] || trap 'rm -rf "$corpus"' EXIT
targets=("$@")
[[ $# -gt 0 ]] || mapfile -t targets < <(cargo fuzz list)
for target in "${targets[@]}"; do
    printf '\n== %s\n' "$target"
    mkdir -p "$corpus/$target" "artifacts/$target"
    cp "seeds/$target"/* "$corpus/$target"
    words=()
    [[ ! -f "${target%%_*}.dict" ]] || words=("-dict=${target%%_*}.dict")
    log="$corpus/$target.log"
    # Without cargo, so that each starts at once.
    if ! "$CARGO_TARGET_DIR/$triple/release/$target" "$corpus/$target" "${words[@]}" \
        -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -malloc_limit_mb=16 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 >"$log" 2>&1; then
        # What the target itself said; the rest is of the fuzzer.
        grep -aE -A 1 'panicked at|ERROR|written to' "$log" >&2 || tail -n 20 "$log" >&2
        echo "From $PWD: RUSTC_BOOTSTRAP=1 cargo fuzz run $target THE-FILE-ABOVE" >&2
        exit 1
    fi
    grep -E 'DONE|number_of_executed_units|average_exec_per_sec|peak_rss_mb' "$log"
done
