#!/usr/bin/env bash
# What this suite needs beside the SDK: Chromium of Debian, vim, top, and the terminal page's files from npm. As root, or with sudo.
set -euo pipefail
cd "$(dirname "$0")/../.."

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

has_vim() { command -v vim >/dev/null || command -v vim.tiny >/dev/null; }

if ! command -v chromium >/dev/null || ! command -v npm >/dev/null || ! has_vim || ! command -v top >/dev/null; then
    as_root apt-get update -q
    has_vim || as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends vim-tiny
    command -v top >/dev/null || as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends procps
    command -v chromium >/dev/null || as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core
    command -v npm >/dev/null || as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q nodejs npm
fi

npm ci --ignore-scripts --no-audit --no-fund --prefix src/ControlPlane/Terminals/web
