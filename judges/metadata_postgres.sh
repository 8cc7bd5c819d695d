#!/bin/sh
# The metadata database's own tests on a PostgreSQL that is made for them and thrown away.
# Needs initdb and postgres (found in PATH or below /usr/lib/postgresql), and, for root, the user postgres.
# usage: judges/metadata_postgres.sh [COMMAND...]   (cargo test --release -p metadata)
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- cargo test --release -p metadata

for bin in /usr/lib/postgresql/*/bin; do [ ! -d "$bin" ] || PATH="$bin:$PATH"; done
place=$(mktemp -d)
as=""
if [ "$(id -u)" = 0 ]; then
    as="runuser -u postgres --"
    chown postgres "$place"
fi
stop() {
    status=$?
    [ ! -s "$place/data/postmaster.pid" ] || $as pg_ctl -D "$place/data" -m immediate stop >/dev/null || true
    rm -rf "$place"
    exit "$status"
}
trap stop EXIT
trap 'exit 130' INT TERM

$as initdb -D "$place/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$place/initdb.log" 2>&1 ||
    { cat "$place/initdb.log"; exit 1; }
# A socket alone: no port is taken, nobody else gets in.
$as pg_ctl -D "$place/data" -l "$place/data/log" -w -o \
    "-c listen_addresses='' -c unix_socket_directories='$place' -c max_connections=200" start >/dev/null ||
    { cat "$place/data/log"; exit 1; }
MILLSTREAM_TEST_POSTGRES="postgres://postgres@localhost/postgres?host=$place"
export MILLSTREAM_TEST_POSTGRES
postgres --version
"$@"
