#!/usr/bin/env bash
# What this suite needs beside the SDK: promtool of the package prometheus, which is unpacked, not installed: that would start a server.
# As root, or with sudo.
set -euo pipefail

if command -v promtool >/dev/null; then
    exit 0
fi

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
as_root apt-get update -q
(cd "$directory" && apt-get download -q prometheus && dpkg -x prometheus_*.deb unpacked)
as_root install -m 0755 "$directory/unpacked/usr/bin/promtool" /usr/local/bin/promtool
