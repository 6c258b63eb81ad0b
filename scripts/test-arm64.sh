#!/usr/bin/env bash
# Builds for aarch64-unknown-linux-gnu and runs the tests, doc tests included, under user-mode
# emulation, so that code for arm64 (the NEON kernel) is not only compiled but executed.
#   scripts/test-arm64.sh [cargo test arguments]        e.g. -p nunatak-codec, --workspace
# On an x86-64 Debian machine it installs the cross compiler and the emulator when they are missing
# (needs root or sudo that once) and unpacks Debian's newest Rust with its arm64 library into a
# cache folder; on an arm64 machine it is plain `cargo test`. What it doesn't show: speed, and
# memory ordering, since the emulating processor is strongly ordered.
#   ARM64_CACHE   the cache folder (~/.cache/nunatak/arm64)
#   ARM64_CARGO   the cargo command (test); `build` and `check` need no emulator
#   ARM64_MIRROR  address of a Debian mirror (taken from the apt sources)
#   QEMU_CPU      the emulated processor (neoverse-n1, as Graviton2)
set -euo pipefail
cd "$(dirname "$0")/.."

target=aarch64-unknown-linux-gnu
triple=aarch64-linux-gnu
cache=${ARM64_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nunatak/arm64}
command=${ARM64_CARGO:-test}
export QEMU_CPU=${QEMU_CPU:-neoverse-n1}

say() { echo "test-arm64.sh: $*" >&2; }
die() { say "$*"; exit 2; }

case $(uname -m) in
  aarch64) exec cargo "$command" --locked "$@" ;;
  x86_64) command -v apt-get >/dev/null || die "this needs a Debian machine (apt-get)" ;;
  *) die "this knows x86-64 and arm64 machines only" ;;
esac

# --- the cross compiler, the arm64 C library and the emulator, from the machine's own packages ---

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  local missing=()
  command -v $triple-gcc >/dev/null || missing+=(gcc-aarch64-linux-gnu)
  command -v $triple-g++ >/dev/null || missing+=(g++-aarch64-linux-gnu)
  [ -e /usr/$triple/lib/libc.so.6 ] || missing+=(libc6-dev-arm64-cross)
  command -v qemu-aarch64-static >/dev/null || missing+=(qemu-user-static)
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y \
    --no-install-recommends "${missing[@]}" >/dev/null
}

# --- Debian's newest Rust, with the standard library that it compiled for arm64 ---

mirror() {
  if [ -n "${ARM64_MIRROR:-}" ]; then echo "$ARM64_MIRROR"; return; fi
  apt-get --print-uris update 2>/dev/null | sed -n "s#^'\([^']*/debian\)/*/dists/.*#\1#p" | head -n 1
}

# An apt of its own, which knows the packages of one suite and installs nothing.
write_apt_config() { # folder, suite
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg address
  [ -r $keyring ] || die "there is no $keyring: install debian-archive-keyring"
  address=$(mirror)
  [ -n "$address" ] || die "the apt sources name no Debian mirror: set ARM64_MIRROR"
  mkdir -p "$1"/{lists/partial,cache/archives/partial,etc}
  : > "$1/status"
  echo "deb [arch=amd64,arm64 signed-by=$keyring] $address $2 main" > "$1/sources.list"
  cat > "$1/apt.conf" <<CONF
APT::Architecture "amd64";
APT::Architectures { "amd64"; "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Dir::State "$1";
Dir::State::lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1/cache";
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "$1/etc";
Dir::Etc::preferencesparts "$1/etc";
Dir::Etc::preferences "$1/none";
Debug::NoLocking "1";
CONF
}

# Compiler and libraries must be of the same version, which in the middle of an update they aren't.
fetch_rust() { # suite
  local work=$cache/apt root=$cache/rust.new versions std
  rm -rf "$work" "$root"
  mkdir -p "$root"
  write_apt_config "$work" "$1"
  local get=(apt-get -qq -c "$work/apt.conf") ask=(apt-cache -c "$work/apt.conf")
  say "reading the package lists of $1"
  "${get[@]}" update >/dev/null || return 1
  versions=$("${ask[@]}" policy rustc:amd64 libstd-rust-dev:amd64 libstd-rust-dev:arm64 |
    sed -n 's/^ *Candidate: //p' | sed 's/+b[0-9]*$//')
  [ "$(wc -l <<<"$versions")" = 3 ] && [ "$(sort -u <<<"$versions" | wc -l)" = 1 ] ||
    { say "$1 has different versions of rustc and its libraries:" $versions; return 1; }
  std=$("${ask[@]}" depends libstd-rust-dev:amd64 | sed -n 's/.*Depends: \(libstd-rust-[0-9.]*\).*/\1/p' | head -n 1)
  say "downloading rustc ${versions%%$'\n'*}"
  "${get[@]}" -y --download-only install "$std:amd64" >/dev/null || return 1
  ( cd "$work/cache/archives" &&
    "${get[@]}" download rustc:amd64 libstd-rust-dev:amd64 libstd-rust-dev:arm64 ) >/dev/null || return 1
  local package
  for package in "$work"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink \
      --exclude='./usr/share/*' --exclude='./var/*' --exclude='./etc/*' || return 1
  done
  rm -rf "$cache/rust"
  mv "$root" "$cache/rust"
  rm -rf "$work"
}

# Runs with the C library that was unpacked with it: the machine's may be older. In its place,
# because rustdoc looks for rustc beside itself.
wrap() { # rustc or rustdoc
  local program=$cache/rust/usr/bin/$1 libraries=$cache/rust/usr/lib/x86_64-linux-gnu loader
  [ ! -e "$program.real" ] || return 0
  loader=$(find "$cache/rust/" -name 'ld-linux-x86-64.so.2' -print -quit)
  [ -n "$loader" ] || die "the unpacked Rust has no dynamic loader: remove $cache and try again"
  mv "$program" "$program.real"
  cat > "$program" <<WRAPPER
#!/bin/sh
case " \$* " in *" --sysroot"*) ;; *) set -- "\$@" --sysroot '$cache/rust/usr' ;; esac
exec '$loader' --library-path '$libraries' --argv0 $1 '$program.real' "\$@"
WRAPPER
  chmod 755 "$program"
}

install_packages
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
if [ ! -e "$cache/rust/.complete" ]; then
  fetch_rust sid || fetch_rust testing || die "there is no Rust for arm64 in Debian sid or testing today"
  wrap rustc
  wrap rustdoc
  : > "$cache/rust/.complete"
fi
flock -u 9

export RUSTC=$cache/rust/usr/bin/rustc RUSTDOC=$cache/rust/usr/bin/rustdoc
unset RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$triple-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/$triple"
export CC_aarch64_unknown_linux_gnu=$triple-gcc CXX_aarch64_unknown_linux_gnu=$triple-g++
export AR_aarch64_unknown_linux_gnu=$triple-ar
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/arm64
say "$("$RUSTC" --version): cargo $command --target $target $*"
cargo "$command" --locked --target $target "$@"
say "passed in $SECONDS s"
