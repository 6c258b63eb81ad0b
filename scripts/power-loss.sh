#!/usr/bin/env bash
# Power losses under load: nunatak with `fsync` on an ext4 in a file, which is shut down by ioctl
# (nothing more reaches it, the journal neither) and mounted again. Needs root, a loop device and
# python3. `scripts/power-loss.sh [TIMES]`, 10 by default.
#
# The test itself calls it as `power-loss.sh lose|again IMAGE FOLDER`.
set -euo pipefail

case "${1:-}" in
  lose)
    # EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32), with EXT4_GOING_FLAGS_NOLOGFLUSH (2).
    exec python3 -c '
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))' "$3"
    ;;
  again)
    umount "$3"
    exec mount -o loop "$2" "$3"
    ;;
esac

script=$(realpath "$0")
cd "$(dirname "$script")/.."
work=$(mktemp -d)
cleanup() {
  umount "$work/disk" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/disk"
truncate -s 512M "$work/image"
mkfs.ext4 -q -F "$work/image"
mount -o loop "$work/image" "$work/disk"

export NUNATAK_POWER_SCRIPT=$script NUNATAK_POWER_IMAGE=$work/image NUNATAK_POWER_FOLDER=$work/disk
export NUNATAK_POWER_LOSSES=${1:-10}
cargo test -p nunatak-server --locked --test server -- --ignored --nocapture power_losses
