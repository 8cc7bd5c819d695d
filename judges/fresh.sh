#!/usr/bin/env bash
# The README's two commands as a newcomer runs them: in a clone of this checkout, with a HOME of its own, nothing
# compiled before. Prints what each took. Needs git, Rust, gcc, make, python3, and the parts' ports free.
#
#   judges/fresh.sh [DIR]       DIR: where the clone is made, and left if something fails; default: a temporary one
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d -p "${1:-${TMPDIR:-/tmp}}" fresh-XXXXXX)
pid=
finish() {
  local code=$?
  if [[ -n $pid ]]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  if ((code)); then echo "failed; see $work"; else rm -rf "$work"; fi
}
trap finish EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check cqlsh
export RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} HOME=$work/home
mkdir "$HOME"
unset CARGO_TARGET_DIR CARGO_HOME
minutes() { awk -v s="$1" 'BEGIN { printf "%.1f minutes", s / 60 }'; }
# A look by cqlsh costs a third of a core, which the build should have: only once something listens.
row() {
  (exec 3<>/dev/tcp/127.0.0.1/9042) 2>/dev/null &&
    "$work/venv/bin/cqlsh" 127.0.0.1 9042 -e "SELECT id FROM spark_streams.created_users LIMIT 1" 2>/dev/null |
    grep -q '(1 rows)'
}

began=$SECONDS
git clone --quiet "$checkout" "$work/clone"
cd "$work/clone"
cargo run --release -- up >"$work/up.log" 2>&1 &
pid=$!
until row; do
  kill -0 "$pid" 2>/dev/null || { tail -n 20 "$work/up.log"; exit 1; }
  sleep 1
done
echo "fresh clone to first row: $(minutes $((SECONDS - began)))"
kill "$pid"
wait "$pid" || true
pid=

began=$SECONDS
cargo test --release >"$work/test.log" 2>&1 || { grep -E "^(error|test .*FAILED|failures)" "$work/test.log"; exit 1; }
echo "cargo test --release after that: $(minutes $((SECONDS - began))), $(grep -cE '^test .* ok$' "$work/test.log") tests"
