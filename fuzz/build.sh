# For run.sh and keep.sh: builds all targets, and says where they and their corpora are.
cd "$(dirname "${BASH_SOURCE[0]}")"
target_dir="${CARGO_TARGET_DIR:-$PWD/target}"
[[ "$target_dir" == /* ]] || target_dir="$OLDPWD/$target_dir"
export CARGO_TARGET_DIR="$target_dir"
# Coverage and the address sanitizer are not in the stable compiler's options.
export RUSTC_BOOTSTRAP=1

cargo fuzz --version 2>/dev/null || cargo install --locked --quiet cargo-fuzz
# Without traces of comparisons a target runs three times as often, and finds more: the dictionaries
# have the words that it would take from them.
cargo fuzz build --no-trace-compares --sanitizer "${FUZZ_SANITIZER:-address}"
# They are started without cargo, so that each starts at once.
binaries="$CARGO_TARGET_DIR/$(rustc -vV | sed -n 's/^host: //p')/release"

# Where a target's inputs are while it runs, and what it finds.
corpus="${FUZZ_CORPUS:-$(mktemp -d)}"
[[ "$corpus" == /* ]] || corpus="$OLDPWD/$corpus"
[[ -n "${FUZZ_CORPUS:-}" ]] || trap 'rm -rf "$corpus"' EXIT

# Copies the inputs of a target that are in the repository there.
unpack() {
    mkdir -p "$corpus/$1"
    cp "seeds/$1"/* "$corpus/$1"
    [[ ! -f "corpus/$1.tar.gz" ]] || tar -xzf "corpus/$1.tar.gz" -C "$corpus/$1"
}
export binaries corpus
export -f unpack
