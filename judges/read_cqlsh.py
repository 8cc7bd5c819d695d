"""Reads tables as any user would: with cqlsh, by COPY TO or by SELECT JSON."""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from read_kcat import ReadError

NULL = "<null>"


def cqlsh():
    beside = pathlib.Path(sys.executable).parent / "cqlsh"
    found = os.environ.get("CQLSH") or (str(beside) if beside.exists() else shutil.which("cqlsh"))
    if not found:
        raise ReadError("cqlsh was not found; run judges/setup.sh DIR and use DIR/bin/python")
    return found


def run(address, statement, timeout=300):
    """One cqlsh run; its output as text."""
    host, port = address.rsplit(":", 1)
    command = [cqlsh(), "--no-color", "--request-timeout", str(timeout), "-e", statement, host, port]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout + 30, check=False,
                              env={**os.environ, "TZ": "UTC", "PYTHONWARNINGS": "ignore"})
    except subprocess.TimeoutExpired as error:
        raise ReadError(f"cqlsh did not answer within {timeout} s: {statement}") from error
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode != 0:
        raise ReadError(f"cqlsh {address} refused {statement!r}: {said}")
    return done.stdout.decode()


def table(address, name, columns, how="copy"):
    """The rows of keyspace.table as dicts of text, None for null."""
    return by_copy(address, name, columns) if how == "copy" else by_json(address, name, columns)


def by_copy(address, name, columns):
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "rows.csv"
        said = run(address, f"COPY {name} ({', '.join(columns)}) TO '{path}' WITH HEADER=FALSE AND NULL='{NULL}' "
                            "AND NUMPROCESSES=1 AND PAGETIMEOUT=120 AND DATETIMEFORMAT='%Y-%m-%dT%H:%M:%S.%f%z'")
        if not path.exists():
            raise ReadError(f"cqlsh COPY {name} wrote nothing: {said}")
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[None if cell == NULL else cell for cell in row]
                    for row in csv.reader(file, escapechar="\\", doublequote=False)]
        exported = [line for line in said.splitlines() if "rows exported" in line]
        if not exported or not exported[-1].strip().startswith(f"{len(rows)} rows exported"):
            raise ReadError(f"cqlsh COPY {name}: {len(rows)} rows in the file, but cqlsh says: {said.strip()}")
        return [dict(zip(columns, row, strict=True)) for row in rows]


def by_json(address, name, columns):
    said = run(address, f"PAGING OFF; SELECT JSON {', '.join(columns)} FROM {name};")
    rows = []
    for line in said.splitlines():
        if line.strip().startswith("{"):
            row = json.loads(line.strip())
            rows.append({column: None if row[column] is None else str(row[column]) for column in columns})
    if f"({len(rows)} rows)" not in said:
        raise ReadError(f"cqlsh SELECT JSON from {name}: {len(rows)} rows were understood of: {said[-300:]}")
    return rows
