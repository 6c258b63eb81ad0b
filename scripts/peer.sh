#!/usr/bin/env bash
# Fetches a peer (a real Prometheus, VictoriaMetrics or InfluxDB) from Debian's packages, for tests
# and for side-by-side measurement. Nothing is installed system-wide: the package is unpacked into a
# cache folder. What is there already is not fetched again.
#
#   scripts/peer.sh prometheus            prints the path of the program
#   scripts/peer.sh victoria-metrics
#   scripts/peer.sh influxdb
#
# Environment:
#   NUNATAK_PEERS   the cache folder (default ${XDG_CACHE_HOME:-~/.cache}/nunatak/peers)
#   PEER_SUITE      the Debian suite to fetch from (default sid, the newest)
#   PEER_MIRROR     a Debian archive to use when the machine's apt sources name none
#   PROMETHEUS_BIN, VICTORIA_METRICS_BIN, INFLUXDB_BIN
#                   a program that is on the machine already; nothing is fetched then
#
# On failure: one clear text on standard error and exit code 1. Standard output carries the path only.
set -euo pipefail

cache=${NUNATAK_PEERS:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nunatak/peers}
suite=${PEER_SUITE:-sid}

say() { echo "peer.sh: $*" >&2; }
die() { say "$*"; exit 1; }

# The Debian archive that this machine's apt uses: first the deb822 files, then the one-line ones.
mirror() {
  if [ -n "${PEER_MIRROR:-}" ]; then echo "$PEER_MIRROR"; return; fi
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || cat "$file"
  done | awk '/^(deb|URIs:)[ \t]/ && !found {
    for (i = 2; i <= NF; i++) if ($i ~ /^[a-z+]+:\/\/.*\/debian\/?$/ && !found) { print $i; found = 1 } }'
}

# An apt of its own: own list of sources, own state and cache, so that it needs no rights and
# changes nothing on the machine.
apt_get() {
  apt-get -q -o "Dir::Etc::sourcelist=$cache/apt/sources.list" -o Dir::Etc::sourceparts=- \
    -o "Dir::State::Lists=$cache/apt/lists" -o "Dir::Cache=$cache/apt/cache" \
    -o "Dir::Cache::archives=$cache/apt/cache/archives" -o APT::Sandbox::User= "$@" >&2
}

fetch() { # package
  local package=$1 archive key=/usr/share/keyrings/debian-archive-keyring.gpg
  command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
    die "$package can't be fetched: this is no Debian-like machine. Name a program with $override."
  archive=$(mirror)
  [ -n "$archive" ] || die "$package can't be fetched: no Debian archive in this machine's apt sources. Set PEER_MIRROR or $override."
  say "fetching $package ($suite) into $cache"
  mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial" "$cache/deb"
  echo "deb [signed-by=$key] $archive $suite main" >"$cache/apt/sources.list"
  apt_get update || die "$package can't be fetched: apt-get update failed for $archive"
  (cd "$cache/deb" && rm -f "${package}"_*.deb && apt_get download "$package") ||
    die "$package can't be fetched: the download from $archive failed"
  rm -rf "$cache/$package.part"
  dpkg -x "$cache/deb/${package}"_*.deb "$cache/$package.part"
  dpkg-deb -f "$cache/deb/${package}"_*.deb Version >"$cache/$package.part/VERSION"
  rm -rf "${cache:?}/$package"
  mv "$cache/$package.part" "$cache/$package"
  rm -f "$cache/deb/${package}"_*.deb
}

case ${1:-} in
  prometheus) program=usr/bin/prometheus override=PROMETHEUS_BIN version=--version ;;
  victoria-metrics) program=usr/bin/victoria-metrics override=VICTORIA_METRICS_BIN version=-version ;;
  influxdb) program=usr/bin/influxd override=INFLUXDB_BIN version=version ;;
  *) sed -n '2,19p' "$0" >&2; exit 2 ;;
esac

path=${!override:-$cache/$1/$program}
if [ -z "${!override:-}" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/lock" # two callers at once: the second one waits, then finds it there
  flock 9
  [ -x "$path" ] || fetch "$1"
fi
shown=$("$path" "$version" 2>&1 9>&-) || die "$path does not run: $shown"
if [ -z "${!override:-}" ]; then shown="$1 $(cat "$cache/$1/VERSION")"; fi
say "$path: ${shown%%$'\n'*}"
echo "$path"
