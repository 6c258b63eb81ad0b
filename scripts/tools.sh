#!/usr/bin/env bash
# Installs the parts of the Rust toolchain that `make test` needs and that are missing, and says so.
set -euo pipefail

say() { echo "tools.sh: $*" >&2; }

component() { # command, component
  cargo "$1" --version >/dev/null 2>&1 && return
  command -v rustup >/dev/null || { say "cargo $1 is missing and there is no rustup to install $2 with"; exit 1; }
  say "installing the toolchain's component $2"
  rustup component add "$2"
}

component fmt rustfmt
component clippy clippy

if ! cargo deny --version >/dev/null 2>&1; then
  say "installing cargo-deny (licences and sources of the dependencies); this takes a few minutes"
  cargo install --locked --quiet cargo-deny
fi
