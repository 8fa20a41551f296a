#!/usr/bin/env bash
# Proves systemd/weir.service under a real systemd: boots a small Debian in a container and lets
# guest.sh look at the unit there. Prints TAP. Needs root, systemd-container and debootstrap.
#
#   test/systemd/run.sh [ROOT]     ROOT: where the Debian is kept between runs
set -euo pipefail
project=$(cd "$(dirname "$0")/../.." && pwd)
root=${1:-/var/cache/weir-test/debian}

if [ ! -e "$root/.complete" ] || [ ! -e "$root/usr/sbin/nft" ]; then
  # The machine's own mirror and release.
  read -r mirror release < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
    grep -v -- '-security\|-updates\|-backports' | head -n 1)
  rm -rf "$root"
  mkdir -p "$root"
  timeout 600 debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,procps,curl,libatomic1,nftables \
    "$release" "$root" "$mirror" >&2
  touch "$root/.complete"
fi

share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
cp "$project/test/systemd/guest.sh" "$share/"
# What an operator installs: the sources, the packages, and the unit.
mkdir "$share/weir" "$share/weir/node_modules"
cp -r "$project/src" "$project/package.json" "$project/systemd" "$share/weir/"
cat > "$share/weir-check.service" <<'UNIT'
[Unit]
Description=checks of weir.service
After=basic.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/bash /share/guest.sh
StandardOutput=file:/share/tap
StandardError=file:/share/log
TimeoutStartSec=150
[Install]
WantedBy=multi-user.target
UNIT

timeout 200 systemd-nspawn --boot --quiet --register=no --keep-unit --private-network \
  --directory="$root" --volatile=overlay --bind="$share:/share" \
  --bind-ro="$share/weir:/usr/lib/weir" \
  --bind-ro="$(readlink -f "$project/node_modules"):/usr/lib/weir/node_modules" \
  --bind-ro="$share/weir-check.service:/etc/systemd/system/weir-check.service" \
  systemd.wants=weir-check.service < /dev/null > "$share/console" 2>&1 || true

cat "$share/tap" 2>/dev/null || true
if ! grep -q '^1\.\.' "$share/tap" 2>/dev/null; then
  echo 'not ok - the checks did not come to their end'
  tail -n 30 "$share/console" "$share/log" >&2 || true
  exit 1
fi
! grep -q '^not ok' "$share/tap" || { cat "$share/log" >&2; exit 1; }
