#!/usr/bin/env bash
# Makes the corpora in the repository of what longer runs have found: the fewest inputs that reach as
# much, of these and of those in the repository. `FUZZ_CORPUS=/tmp/corpus keep.sh`, or for some
# targets.
set -euo pipefail
: "${FUZZ_CORPUS:?the folder that run.sh had}"
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"
mkdir -p corpus
[[ $# -gt 0 ]] || mapfile -t all < <(cargo fuzz list)
for target in "${@:-${all[@]}}"; do
    unpack "$target"
    fewest=$(mktemp -d)
    "$binaries/$target" -set_cover_merge=1 "$fewest" "$corpus/$target" >"$corpus/$target.log" 2>&1
    # The same inputs are the same file.
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$fewest" -cf - . |
        gzip -9n >"corpus/$target.tar.gz"
    printf '%s: %s inputs, %s bytes\n' "$target" "$(find "$fewest" -type f | wc -l)" \
        "$(stat -c %s "corpus/$target.tar.gz")"
    rm -r "$fewest"
done
