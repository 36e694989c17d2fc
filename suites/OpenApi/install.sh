#!/usr/bin/env bash
# What this suite needs beside the SDK: Node.js 20.19 or later, and the checkers of package-lock.json from npm. As root, or with sudo.
set -euo pipefail
cd "$(dirname "$0")"

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

if ! command -v npm >/dev/null; then
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q nodejs npm
fi

npm ci --ignore-scripts --no-audit --no-fund
