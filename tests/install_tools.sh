#!/usr/bin/env bash
# What the tests need of Debian: chromium, fonts that can write Chinese, git-lfs. Costs nothing when they are there.
set -eu
command -v chromium > /dev/null && command -v git-lfs > /dev/null && fc-list 2> /dev/null | grep -q CJK && exit 0
apt() { if [ "$(id -u)" = 0 ]; then apt-get "$@"; else sudo apt-get "$@"; fi; }
apt update -q
DEBIAN_FRONTEND=noninteractive apt install -q -y --no-install-recommends git git-lfs chromium fontconfig fonts-noto-cjk fonts-noto-color-emoji
