"""End-to-end latency: an event sent by confluent-kafka until cassandra-driver sees its row.

Beside it the same harness with no pipeline between: rows written directly, seen by the same reader. That
is the floor below which nothing can be measured.
"""

import json
import subprocess

from sides import Failed, Millstream, Tutorial


def first(bench, side):
    """Ends when a record sent now is in the table: the side is up, with all its connections made."""
    return float(bench.probe("first", side.kafka, side.cassandra))


def sampled(bench, command, reader_address, seconds, log):
    """Runs `probe COMMAND | probe watch`; returns both reports."""
    with open(log, "wb") as errors:
        source = subprocess.Popen([*bench.probe_command, *map(str, command)], stdout=subprocess.PIPE, stderr=errors)
        reader = subprocess.Popen([*bench.probe_command, "watch", reader_address], stdin=source.stdout,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        source.stdout.close()
        try:
            said, wrong = reader.communicate(timeout=seconds + 150)
            source.wait(60)
        finally:
            for process in (source, reader):
                if process.poll() is None:
                    process.kill()
                    process.wait()
    words = log.read_text()
    if reader.returncode or source.returncode:
        raise Failed(f"the latency probe failed: {words[-300:]} {wrong[-300:]}")
    lines = [line for line in words.splitlines() if line.startswith("{")]
    return json.loads(said), json.loads(lines[-1]) if lines else {}


def stream(bench, side, rate):
    """One run at `rate` records/s; returns the reader's report with the sender's and the side's cost."""
    first(bench, side)
    seconds, warm = bench.latency_seconds, bench.warm_seconds
    before = side.cpu()
    seen, sent = sampled(bench, ["send", side.kafka, "--rate", rate, "--seconds", seconds, "--warm", warm,
                                 "--samples", bench.samples], side.cassandra, seconds + warm,
                         bench.sides.logs / "probe-send.log")
    # Over the reader's whole life, so that what a side does after the last record counts too.
    return {**seen, "sender": sent, "side_cpu_seconds": side.cpu() - before, "side_pss_mb": side.pss(),
            "side_cpu_percent": 100 * (side.cpu() - before) / seen["seconds"]}


def floor(bench, side):
    """Rows written by cassandra-driver itself and seen by the reader."""
    bench.probe("table", side.cassandra)
    seconds = bench.floor_seconds
    seen, _ = sampled(bench, ["write", side.cassandra, "--rate", bench.samples, "--seconds", seconds, "--warm", 2,
                              "--samples", bench.samples], side.cassandra, seconds, bench.sides.logs / "probe-write.log")
    return seen


def note(bench, column, rate, seen):
    what = f"{rate:,} records/s"
    kept = seen["samples"] and seen["lost"] <= seen["samples"] // 100
    for part in ("p50", "p99"):
        bench.add("latency", f"event to row, {what}: {part}", "ms", "lower", column,
                  seen[f"{part}_ms"] if kept else None)
    bench.add("latency", f"CPU of the side, {what}", "% of a core", "lower", column, seen["side_cpu_percent"])
    if not kept:
        bench.remark(f"{column} at {what}: fell behind, {seen['lost']} of {seen['lost'] + seen['samples']} "
                     "sampled rows were not seen within 30 s")
    bench.keep("latency", {"column": column, "rate": rate, **seen})
    bench.say(f"latency {column} {what}: p50 {seen['p50_ms']} ms, p99 {seen['p99_ms']} ms, lost {seen['lost']}; "
              f"{seen['side_cpu_percent']:.0f} % of a core; reader: gap p50 {seen['poll_gap_p50_ms']} ms, "
              f"p99 {seen['poll_gap_p99_ms']} ms, {seen['cpu_seconds']} CPU-s in {seen['seconds']} s; "
              f"sender at most {seen['sender'].get('most_behind_ms')} ms behind")


def measure(bench):
    for rate in bench.rates:
        for column in bench.columns_of("os", "peer", "group"):
            if column == "peer":
                side = bench.sides.start(Tutorial, bench.probe)
            else:
                side = bench.sides.start(Millstream, column)
            note(bench, column, rate, stream(bench, side, rate))
            if rate == bench.rates[0]:
                seen = floor(bench, side)
                for part in ("p50", "p99"):
                    bench.add("latency", f"the harness alone, row to row: {part}", "ms", None, column, seen[f"{part}_ms"])
                bench.add("latency", "the harness alone, between two looks: p99", "ms", None, column,
                          seen["poll_gap_p99_ms"])
                bench.keep("floor", {"column": column, **seen})
            bench.sides.end(side)


