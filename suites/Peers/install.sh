#!/usr/bin/env bash
# What this suite needs beside the SDK: the peer, which is built here from Debian's packages of Go, wireguard-go and gVisor alone; and
# /dev/net/tun. As root, or with sudo.
set -euo pipefail
cd "$(dirname "$0")"

[ -c /dev/net/tun ] || { echo "/dev/net/tun is missing" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

packages=(golang-go golang-golang.zx2c4-wireguard-dev golang-gvisor-gvisor-dev golang-golang-x-crypto-dev golang-golang-x-net-dev)
if ! dpkg-query -W -f '${Status}\n' "${packages[@]}" 2>/dev/null | grep -c '^install ok installed$' | grep -qx "${#packages[@]}"; then
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
fi

# Nothing is fetched: imports are looked for among Debian's packages only. Newer releases have newer interfaces.
sources=/usr/share/gocode
tags=
! grep -q BatchSize "$sources/src/golang.zx2c4.com/wireguard/tun/tun.go" || tags+=wireguard_batches,
[ -d "$sources/src/gvisor.dev/gvisor/pkg/bufferv2" ] || tags+=gvisor_2023,
export GO111MODULE=off GOPATH=$sources GOFLAGS= CGO_ENABLED=0 GOTOOLCHAIN=local
export GOCACHE="${GOCACHE:-${HOME:-/tmp}/.cache/go-build}"
/usr/bin/go build -trimpath -tags "$tags" -o agent/bin/peer ./agent
