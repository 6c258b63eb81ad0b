#!/usr/bin/env bash
# The engine's tests with a sanitizer. Needs a nightly toolchain, and for threads its source (installed
# when it is missing): a standard library that is not built with the sanitizer hides what it orders.
#   scripts/sanitize.sh address [ARGS]   unit tests of codec, index and tsdb by default
#   scripts/sanitize.sh thread [ARGS]    tests of tsdb with several threads by default
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "sanitize.sh: $*" >&2; }

sanitizer=${1:-}
[ $# -eq 0 ] || shift
cargo +nightly --version >/dev/null 2>&1 ||
  { say "a sanitizer needs a nightly toolchain: rustup toolchain install nightly"; exit 1; }
target=$(rustc +nightly -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Zsanitizer=$sanitizer"
common=(--locked --target "$target" --target-dir "target/$sanitizer-sanitizer")

case $sanitizer in
  address)
    [ $# -gt 0 ] || set -- -p nunatak-codec -p nunatak-index -p nunatak --lib
    # What is kept for the life of the process is no leak.
    export ASAN_OPTIONS=detect_leaks=0
    exec cargo +nightly test "${common[@]}" "$@"
    ;;
  thread)
    [ $# -gt 0 ] || set -- -p nunatak --test log_group_commit --test db -- writers under_full_load
    rustup +nightly component list --installed | grep -q '^rust-src' ||
      { say "installing rust-src"; rustup component add --toolchain nightly rust-src; }
    exec cargo +nightly test -Zbuild-std "${common[@]}" "$@"
    ;;
  *) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
