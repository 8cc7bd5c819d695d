#!/usr/bin/env bash
# judges/setup.sh DIR: what the judges need, by package name: kcat and gcc from the system's packages,
# cqlsh and client libraries from the Python package index into a virtual environment in DIR.
# Then run the judges with DIR/bin/python.
set -euo pipefail
dir=${1:?usage: setup.sh DIR}
need=()
for tool in kcat gcc; do command -v "$tool" >/dev/null || need+=("$tool"); done
if ((${#need[@]})); then
  sudo=()
  if ((EUID)); then sudo=(sudo); fi
  "${sudo[@]}" apt-get -o DPkg::Lock::Timeout=300 install -y -qq "${need[@]}" >/dev/null ||
    { "${sudo[@]}" apt-get -o DPkg::Lock::Timeout=300 update -qq && "${sudo[@]}" apt-get -o DPkg::Lock::Timeout=300 install -y -qq "${need[@]}" >/dev/null; }
fi
[[ -x $dir/bin/python ]] || python3 -m venv "$dir"
"$dir/bin/pip" install --quiet --disable-pip-version-check cqlsh cassandra-driver confluent-kafka
echo "judges are ready: $dir/bin/python judges/check.py SCENARIO.json"
