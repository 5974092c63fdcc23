#!/usr/bin/env bash
# Debian's chromium and fonts that can write Chinese, for the browser tests. Costs nothing when they are there.
set -eu
command -v chromium > /dev/null && fc-list 2> /dev/null | grep -q CJK && exit 0
apt() { if [ "$(id -u)" = 0 ]; then apt-get "$@"; else sudo apt-get "$@"; fi; }
apt update -q
DEBIAN_FRONTEND=noninteractive apt install -q -y --no-install-recommends chromium fontconfig fonts-noto-cjk fonts-noto-color-emoji
