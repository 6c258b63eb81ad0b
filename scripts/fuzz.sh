#!/usr/bin/env bash
# The fuzz targets of fuzz/.
#   scripts/fuzz.sh check                      type-check them (stable toolchain)
#   scripts/fuzz.sh run [SECONDS] [TARGET…]    run each for SECONDS (default 60; all of them by default)
# Inputs found are kept in fuzz/corpus, failing ones in fuzz/artifacts; neither is in the repository.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "fuzz.sh: $*" >&2; }

targets() { sed -n '/^\[\[bin\]\]/,/^$/s/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml; }

# Every file is listed in the manifest and the other way round, so that none is forgotten.
listed() {
  diff <(targets | sort) <(find fuzz/fuzz_targets -name '*.rs' -printf '%f\n' | sed 's/\.rs$//' | sort) >&2 ||
    { say "fuzz/Cargo.toml and fuzz/fuzz_targets differ"; exit 1; }
}

case ${1:-} in
  check)
    listed
    # In the workspace's target folder, so that the dependencies that clippy has checked serve again.
    cargo check --manifest-path fuzz/Cargo.toml --bins --locked --target-dir "${CARGO_TARGET_DIR:-target}"
    ;;
  run)
    listed
    seconds=${2:-60}
    shift; [ $# -eq 0 ] || shift
    cargo +nightly --version >/dev/null 2>&1 ||
      { say "fuzzing needs a nightly toolchain: rustup toolchain install nightly"; exit 1; }
    cargo fuzz --version >/dev/null 2>&1 || { say "installing cargo-fuzz"; cargo install --locked --quiet cargo-fuzz; }
    [ $# -gt 0 ] || mapfile -t all < <(targets)
    for target in "${@:-${all[@]}}"; do
      say "$target for $seconds s"
      cargo +nightly fuzz run "$target" -- "-max_total_time=$seconds" -rss_limit_mb=2048 -timeout=20
    done
    ;;
  *) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
