#!/usr/bin/env bash
# A real disk that fills up: the server on an ext4 of 64 MiB in a file. Needs root and a loop device.
# `scripts/full-disk.sh`
set -euo pipefail

cd "$(dirname "$0")/.."
work=$(mktemp -d)
cleanup() {
  umount "$work/disk" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/disk"
truncate -s 64M "$work/image"
# Without blocks that only root may use: the test runs as root.
mkfs.ext4 -q -F -m 0 "$work/image"
mount -o loop "$work/image" "$work/disk"

NUNATAK_SMALL_DISK=$work/disk cargo test -p nunatak-server --locked --test server -- \
  --ignored --nocapture a_disk_that_fills_up
