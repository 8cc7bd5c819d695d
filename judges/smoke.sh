#!/usr/bin/env bash
# The demo, looked at by strangers: kcat reads the topic, cqlsh the table, and both agree with `status`.
# Needs kcat and python3; installs cqlsh into a virtual environment. Uses free ports of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
pid=
finish() {
  local code=$?
  if [[ -n $pid ]]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  if ((code)); then tail -n 40 "$work/up.log" >&2 || true; fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

passed=0 failed=0
check() { # name, command...
  local name=$1
  shift
  if "$@" >"$work/check.log" 2>&1; then
    passed=$((passed + 1)); echo "ok $name"
  else
    failed=$((failed + 1)); echo "FAIL $name"; tail -n 5 "$work/check.log"
  fi
}

free_ports() {
  python3 - "$1" <<'PY'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in held])
PY
}

read -r broker store engine console generator webserver < <(free_ports 6)
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check cqlsh
cp -r examples/users "$work/users"
sed -i "s/127.0.0.1:8089/127.0.0.1:$generator/" "$work"/users/streams/*.sql
export MILLSTREAM_BROKER_LISTEN=127.0.0.1:$broker MILLSTREAM_STORE_LISTEN=127.0.0.1:$store
export MILLSTREAM_ENGINE_LISTEN=127.0.0.1:$engine MILLSTREAM_CONSOLE_LISTEN=127.0.0.1:$console
export MILLSTREAM_WEBSERVER_LISTEN=127.0.0.1:$webserver
export MILLSTREAM_GENERATOR_LISTEN=127.0.0.1:$generator
binary=${CARGO_TARGET_DIR:-target}/release/millstream
cargo build --release --quiet --bin millstream
"$binary" up "$work/users" >"$work/up.log" 2>&1 &
pid=$!

cql() { "$work/venv/bin/cqlsh" 127.0.0.1 "$store" -e "$1"; }
status() { python3 -c "
import json, sys, urllib.request
streams = json.load(urllib.request.urlopen('http://127.0.0.1:$engine/status', timeout=5))['streams']
$1"; }
row_within() { # seconds
  local deadline=$((SECONDS + $1))
  until cql "SELECT id FROM spark_streams.created_users LIMIT 1" 2>/dev/null | grep -q '(1 rows)'; do
    ((SECONDS < deadline)) || return 1
  done
}
balanced() {
  status "
assert len(streams) == 3, streams
for s in streams:
    assert s['state'] == 'running', s
    for p in s['partitions']:
        fates = sum(p[k] for k in ('written', 'filtered', 'duplicate', 'late', 'dead_lettered'))
        assert p['read'] == fates, (s['name'], p)
assert sum(p['read'] for s in streams for p in s['partitions']) > 0
"
}

# Between two runs of its DAG the polling stream stands still for a moment.
balanced_soon() {
  local deadline=$((SECONDS + 60))
  until balanced; do ((SECONDS < deadline)) || return 1; done
}

check "a row is in the table" row_within 60
check "kcat lists the topic with four partitions" \
  bash -c "kcat -b 127.0.0.1:$broker -L -t users_created | grep -q 'with 4 partitions'"
check "kcat reads users from the topic" \
  bash -c "kcat -b 127.0.0.1:$broker -t users_created -C -c 5 -q -e | head -1 | grep -q login"
check "cqlsh describes the table" bash -c "$(declare -f cql); work=$work store=$store; cql 'DESCRIBE TABLE spark_streams.created_users' | grep -q 'id uuid PRIMARY KEY'"
check "cqlsh reads the counts" bash -c "$(declare -f cql); work=$work store=$store; cql 'SELECT * FROM spark_streams.users_per_minute LIMIT 1' | grep -q '(1 rows)'"
check "every record has exactly one fate" balanced_soon
check "the page answers" python3 -c "
import urllib.request
page = urllib.request.urlopen('http://127.0.0.1:$console/', timeout=5).read()
assert b'created_users' in page or b'<html' in page
"
kill -9 "$pid"; wait "$pid" 2>/dev/null || true
"$binary" up "$work/users" >"$work/up.log" 2>&1 &
pid=$!
check "it comes back after kill -9" row_within 60
check "every record still has exactly one fate" balanced_soon
kill -TERM "$pid"
check "it stops when told to" timeout 30 tail --pid="$pid" -f /dev/null
pid=

echo "$passed passed, $failed failed"
((failed == 0))
