#!/usr/bin/env bash
# Runs as root in the container that run.sh boots: installs weir as systemd/README.md says, and prints
# one TAP line per check.
cd /share || exit 1
exec 2>>/share/log
weir=/usr/lib/weir
node=$weir/node_modules/.bin/node
count=0

ok() { count=$((count + 1)); echo "ok $count - $1"; }
not_ok() {
  count=$((count + 1))
  echo "not ok $count - $1"
  { echo "--- $1"; systemctl status weir --no-pager -l; journalctl -u weir --no-pager -n 60; } >&2
}
check() { local what=$1; shift; if "$@"; then ok "$what"; else not_ok "$what"; fi; }
property() { systemctl show weir --property="$1" --value; }
is() { [ "$(property "$1")" = "$2" ] || { echo "$1 is $(property "$1"), not $2" >&2; return 1; }; }
pid() { property MainPID; }
# within SECONDS COMMAND…
within() {
  local end=$((SECONDS + $1)); shift
  until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done
}
serves() {
  [ "$(curl --silent --max-time 5 --cacert /etc/weir/ca.pem https://localhost/)" = hello ]
}
journal_has() { journalctl -u weir --no-pager | grep -q -- "$1"; }
status_has() { grep -Eq "^$1:[[:space:]]+$2$" "/proc/$(pid)/status"; }

# --- installed as an operator would --------------------------------------------------------------
$node $weir/src/cli.ts cert ca --out /etc/weir >&2
cp $weir/systemd/weir.service /etc/systemd/system/
mkdir -p /etc/systemd/system/weir.service.d
cat > /etc/systemd/system/weir.service.d/key.conf <<'UNIT'
[Service]
LoadCredential=site-key.pem:/etc/weir/localhost-key.pem
UNIT
cat > /etc/default/weir <<'ENV'
WEIR_OPTIONS=--listen tls://[::]:443 --cert /etc/weir/localhost.pem --key /run/credentials/weir.service/site-key.pem --backend tcp://127.0.0.1:8001 --drain-timeout 20
ENV
# A backend: answers hello, and holds /slow open until /release is asked for.
cat > /share/backend.mjs <<'JS'
import { createServer } from 'node:http'
let held = null
createServer((request, response) => {
  if (request.url === '/slow') {
    response.write('begun\n')
    held = response
  } else if (request.url === '/release') {
    held?.end('done\n')
    response.end()
  } else {
    response.end('hello')
  }
}).listen(8001, '127.0.0.1')
JS
$node /share/backend.mjs &
backend=$!
within 10 curl --silent --output /dev/null http://127.0.0.1:8001/

check 'the unit file is valid' systemd-analyze verify /etc/systemd/system/weir.service
exposure_is_low() {
  systemd-analyze security --offline=true --threshold=15 $weir/systemd/weir.service >&2
}
check 'systemd-analyze security is 1.5 at most' exposure_is_low
systemctl daemon-reload

# --- start ---------------------------------------------------------------------------------------
check 'systemctl start succeeds' timeout 60 systemctl start weir
check 'and returns when it serves, on a port below 1024' serves
check 'readiness came from weir itself' is StatusText serving
check 'the backend was probed before' journal_has "backend is up"
check 'it runs as a user of its own' [ "$(stat -c %U "/proc/$(pid)")" != root ]
check 'it has no new privileges' status_has NoNewPrivs 1
check 'its system calls are filtered' status_has Seccomp 2
check 'it can have one capability: to bind low ports' status_has CapBnd 0000000000000400
check 'the file system is read-only for it' \
  bash -c "grep -E ' / / ' /proc/$(pid)/mountinfo | tail -n 1 | grep -q ' ro'"
check 'it does not see the processes of others' \
  grep -q ' /proc .*hidepid=\(invisible\|2\)' "/proc/$(pid)/mounts"

# --- it dies -------------------------------------------------------------------------------------
killed=$(pid)
kill -KILL "$killed"
restarted() { [ "$(pid)" != 0 ] && [ "$(pid)" != "$killed" ] && is ActiveState active; }
check 'killed, it is started again' within 30 restarted
check 'and serves' within 10 serves

# --- it hangs ------------------------------------------------------------------------------------
mkdir -p /run/systemd/system/weir.service.d
printf '[Service]\nWatchdogSec=4\nWatchdogSignal=SIGKILL\n' > /run/systemd/system/weir.service.d/w.conf
systemctl daemon-reload
timeout 60 systemctl restart weir
check 'the watchdog is fed' [ "$(property WatchdogUSec)" = 4s ]
sleep 6
check 'so that it outlives the watchdog period' is NRestarts 0
killed=$(pid)
kill -STOP "$killed"
check 'stopped, it is killed by the watchdog and started again' within 40 restarted
check 'because of the watchdog' journal_has 'Watchdog timeout'
check 'and serves again' within 10 serves

# --- drain ---------------------------------------------------------------------------------------
curl --silent --max-time 60 --no-buffer --cacert /etc/weir/ca.pem https://localhost/slow > slow &
client=$!
begun() { grep -q begun slow; }
within 10 begun
stopped=$(pid)
systemctl stop --no-block weir
deactivating() { [ "$(property ActiveState)" = deactivating ] && [ "$(property StatusText)" = draining ]; }
check 'systemctl stop drains, and says so' within 10 deactivating
refused() { ! curl --silent --max-time 5 --output /dev/null --cacert /etc/weir/ca.pem https://localhost/; }
check 'draining, it accepts nobody' within 10 refused
check 'but the open session goes on' [ -e "/proc/$stopped" ]
curl --silent http://127.0.0.1:8001/release
wait $client
check 'to its end' grep -q done slow
inactive() { is ActiveState inactive; }
check 'then it ends' within 20 inactive
check 'with success' is Result success
check 'and exit code 0' is ExecMainStatus 0

# --- bans in the kernel --------------------------------------------------------------------------
helper=weir-kernel-bans
helper_exposure_is_low() {
  systemd-analyze security --offline=true --threshold=11 $weir/systemd/$helper.service >&2
}
check 'systemd-analyze security of the helper is 1.1 at most' helper_exposure_is_low
cp $weir/systemd/$helper.sysusers /usr/lib/sysusers.d/$helper.conf
systemd-sysusers >&2
cp $weir/systemd/$helper.service /etc/systemd/system/
cat > /etc/systemd/system/weir.service.d/kernel-bans.conf <<'UNIT'
[Unit]
Wants=weir-kernel-bans.service
[Service]
SupplementaryGroups=weir-kernel-bans
Environment=WEIR_KERNEL_BANS=nftables
UNIT
check 'the unit of the helper is valid' systemd-analyze verify /etc/systemd/system/$helper.service
systemctl daemon-reload
timeout 60 systemctl start $helper
within 10 test -S /run/$helper/socket
check 'weir starts with it' timeout 60 systemctl start weir
check 'and hands its bans to the kernel' journal_has 'kernel bans are on'
has_table() { nft list tables | grep -q '^table inet weir$'; }
check 'the table is there' has_table
helper_pid() { systemctl show $helper --property=MainPID --value; }
check 'the helper has one capability: to change rules' \
  grep -Eq '^CapBnd:[[:space:]]+0000000000001000$' "/proc/$(helper_pid)/status"
check 'and weir none of it' status_has CapBnd 0000000000000400
# connects_as GROUP
connects_as() {
  setpriv --reuid=nobody "--regid=$1" --clear-groups $node -e \
    'require("net").connect("/run/weir-kernel-bans/socket").on("connect", () => process.exit(0)).on("error", () => process.exit(1))'
}
stranger_refused() { ! connects_as nogroup; }
check 'its group may speak to it' connects_as $helper
check 'others may not speak to it' stranger_refused
killed=$(helper_pid)
kill -KILL "$killed"
back() { [ "$(helper_pid)" != 0 ] && [ "$(helper_pid)" != "$killed" ] && has_table; }
check 'killed, it is started again, and the table is there again' within 30 back
timeout 60 systemctl stop weir
check 'stopped, weir leaves no table' bash -c '! nft list tables | grep -q weir'
timeout 60 systemctl stop $helper
rm /etc/systemd/system/weir.service.d/kernel-bans.conf
systemctl daemon-reload

# --- a bad configuration -------------------------------------------------------------------------
sed -i 's/--drain-timeout 20/--drain-timeuot 20/' /etc/default/weir
check 'a bad flag makes systemctl start fail' bash -c '! timeout 60 systemctl start weir'
check 'with exit code 2' is ExecMainStatus 2
check 'the journal has the flag that was meant' journal_has 'did you mean --drain-timeout'
check 'it is not tried again' is ActiveState failed

kill $backend
echo "1..$count"
