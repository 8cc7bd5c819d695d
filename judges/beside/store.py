"""Store throughput and latency, by latte: one prepared INSERT or SELECT by key per operation."""

import json
import pathlib
import subprocess

from sides import Cassandra, Failed, Millstream

WORKLOAD = pathlib.Path(__file__).with_name("store.rn")
RATE = 2000


def latte(bench, *words, seconds=150):
    command = [str(bench.tools["latte"]), *map(str, words)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds, cwd=bench.sides.work)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"latte {words[0]} did not end in {seconds} s") from error
    if done.returncode:
        raise Failed(f"latte {' '.join(command[1:4])} ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
    return done.stdout


def run(bench, side, what, seconds, warm, rate=None):
    """Returns (operations/s, p50 ms, p99 ms, server CPU-seconds per 100,000 operations)."""
    report = bench.sides.logs / "latte.json"
    report.unlink(missing_ok=True)
    limit = ["-r", rate] if rate else []
    before = side.cpu()
    latte(bench, "run", WORKLOAD, "-f", what, "-d", f"{seconds}s", "-w", f"{warm}s", "-t", 1, "-p", 128, *limit, "-q",
          "-o", report, side.cassandra)
    used = side.cpu() - before
    said = json.loads(report.read_text())
    result = said["result"]
    if result["error_count"]:
        raise Failed(f"{result['error_count']} of {result['cycle_count']} operations failed: {result['errors'][:2]}")
    rate_seen = result["cycle_throughput"]["value"]
    p50, p99 = (result["cycle_latency"]["percentiles"][said["percentiles"].index(part)]["value"] for part in (50.0, 99.0))
    # The warm-up's operations are in the CPU time too: count them as if they were as fast.
    return rate_seen, p50, p99, used / (rate_seen * (seconds + warm)) * 1e5


def measure(bench):
    targets = [(column, bench.sides.start(Millstream, column, only="store")) for column in bench.columns_of("os", "group")]
    if "peer" in bench.columns:
        targets += [("peer", bench.sides.start(Cassandra)), ("durable", bench.sides.start(Cassandra, "group"))]
    seconds, warm = (3, 1) if bench.quick else (4, 1)
    for column, side in targets:
        latte(bench, "schema", WORKLOAD, side.cassandra)
        latte(bench, "load", WORKLOAD, "-q", side.cassandra)
        if column in ("peer", "durable"):
            for what in ("write", "read"):
                run(bench, side, what, 3 if bench.quick else 8, 1)  # the virtual machine compiles
    for what in ("write", "read"):
        for _ in range(bench.runs):
            for column, side in targets:
                found = run(bench, side, what, seconds, warm)
                bench.add("store", f"{what} by key, 128 in flight", "operations/s", "higher", column, found[0])
                bench.add("store", f"{what} by key, 128 in flight: p50", "ms", "lower", column, found[1])
                bench.add("store", f"{what} by key, 128 in flight: p99", "ms", "lower", column, found[2])
                bench.add("store", f"{what} by key, server's CPU", "s per 100,000", "lower", column, found[3])
                bench.say(f"store {what} {column}: {found[0]:,.0f}/s, p50 {found[1]:.2f} p99 {found[2]:.2f} ms, "
                          f"{found[3]:.2f} CPU-s/100k")
        for column, side in targets:
            found = run(bench, side, what, seconds, warm, RATE)
            bench.add("store", f"{what} by key at {RATE:,}/s: p50", "ms", "lower", column, found[1])
            bench.add("store", f"{what} by key at {RATE:,}/s: p99", "ms", "lower", column, found[2])
            bench.say(f"store {what} at {RATE}/s {column}: p50 {found[1]:.2f} p99 {found[2]:.2f} ms")
    for column, side in targets:
        bench.add("store", "memory (PSS) after the load", "MiB", "lower", column, side.pss())
