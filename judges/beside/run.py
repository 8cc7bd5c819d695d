#!/usr/bin/env python3
"""Measures Millstream beside Apache Kafka, Cassandra and Spark on this machine, and writes the table.

    run.py --work DIR BINARY [--only start,latency,broker,store] [--quick]
           [--keep] [--minutes 5] [--rates 100,10000] [--runs 3] [--port 25000] [--markdown FILE]

Everything needed is installed by package name into DIR, once; DIR should be outside the checkout. Ours and
the peer are measured in one run and alternate run by run; figures are medians. What was started is ended,
also after a failure. DIR/results.json has every single run; the table goes to the file of --markdown.

Needs Java 17, Maven, Cargo, gcc and make, Python 3.9 or newer, 8 GB of free memory, and a quiet machine:
about 40 minutes with the defaults, about 12 with --quick, which is good for finding faults only.
"""

import argparse
import pathlib
import signal
import subprocess
import sys
import time

import tools

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import broker
import latency
import start
import store
import table
from sides import Failed, Sides

PARTS = {"start": start, "latency": latency, "broker": broker, "store": store}
PROBE_SECONDS = 360


class Bench:
    """One whole measurement: its knobs, its tools, its sides and what it has found."""

    def __init__(self, options, found):
        quick = options.quick
        self.quick, self.runs = quick, 1 if quick else options.runs
        self.latency_seconds = 30 if quick else 60 * options.minutes
        self.warm_seconds, self.floor_seconds = (10, 5) if quick else (12, 8)
        self.idle_seconds = 15 if quick else 60
        self.burst_seconds = 1.0 if quick else 1.5
        self.rates, self.samples = tuple(int(rate) for rate in options.rates.split(",")), 20
        self.columns = options.columns.split(",")
        self.tools = found
        self.probe_command = [str(found["python"]), str(pathlib.Path(__file__).with_name("probe.py"))]
        self.sides = Sides(options.work, options.binary, options.port)
        self.part, self.results = None, table.Results(quick, options)
        if options.keep:
            self.results.keep(options)

    def columns_of(self, *columns):
        return [one for one in columns if one.split(":")[0] in self.columns]

    def probe(self, *words):
        """One of the foreign programs, to its end; returns what it printed."""
        done = subprocess.run([*self.probe_command, *map(str, words)], capture_output=True, text=True, check=False,
                              timeout=PROBE_SECONDS)
        if done.returncode:
            raise Failed(f"probe {' '.join(map(str, words[:2]))}: {done.stderr.strip()[-400:]}")
        return done.stdout.strip()

    def add(self, part, what, unit, better, column, value):
        self.results.add(part, what, unit, better, column, value)

    def keep(self, part, value):
        self.results.raw.setdefault(part, []).append(value)

    def remark(self, text):
        self.results.remarks.append((self.part, text))
        self.say(text)

    def say(self, text):
        tools.say(f"{time.strftime('%H:%M:%S')} {text}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--work", required=True, type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--only", default=",".join(PARTS), help="of: " + ",".join(PARTS))
    parser.add_argument("--columns", default="os,group,peer", help="leave a side out: of os,group,peer")
    parser.add_argument("--quick", action="store_true", help="one short run each")
    parser.add_argument("--minutes", type=float, default=5, help="of each latency run")
    parser.add_argument("--rates", default="100,10000", help="records/s of the latency runs")
    parser.add_argument("--runs", type=int, default=3, help="of each throughput figure")
    parser.add_argument("--keep", action="store_true", help="keep the other parts of the last run, if made the same day and way")
    parser.add_argument("--port", type=int, default=25000, help="the first of 1,000 ports that may be used")
    parser.add_argument("--markdown", type=pathlib.Path, help="where the table goes; default: DIR/measurements.md")
    options = parser.parse_args()
    options.parts = options.only.split(",")
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no measurement named {', '.join(sorted(unknown))}")
    return options


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the sides are ended too
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options, tools.everything(options.work, options.parts, "peer" in options.columns.split(",")))
    failed = []
    for name in options.parts:
        began, bench.part = time.monotonic(), name
        try:
            PARTS[name].measure(bench)
        except (Failed, subprocess.SubprocessError, OSError) as error:
            failed.append(name)
            bench.remark(f"{name} failed: {error}")
        finally:
            try:
                bench.sides.end()
            except Failed as error:
                failed.append(name)
                bench.remark(f"{name}: {error}")
        bench.say(f"{name} took {time.monotonic() - began:.0f} s")
        bench.results.write(options)
    print(bench.results.markdown())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
