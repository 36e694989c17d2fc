#!/usr/bin/env bash
# What this suite needs beside the SDK: curl, and ssh-keygen of openssh-client. As root, or with sudo.
set -euo pipefail

if command -v curl >/dev/null && command -v ssh-keygen >/dev/null; then
    exit 0
fi

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

as_root apt-get update -q
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q curl openssh-client
