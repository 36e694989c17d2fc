#!/usr/bin/env bash
# What this suite needs beside the SDK: iproute2, and root for network namespaces.
set -euo pipefail

[ "$(id -u)" -eq 0 ] || { echo "network namespaces need root" >&2; exit 1; }

if ! command -v ip >/dev/null; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends iproute2
fi
