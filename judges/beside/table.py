"""The results: every run as JSON, and the table of medians as Markdown."""

import json
import os
import platform
import statistics
import time

COLUMNS = {"os": "Millstream, `os`", "group": "Millstream, `group`", "peer": "peer", "durable": "peer, durable"}
TITLES = {
    "start": ("Start, memory, idle", "The peer is one Apache Kafka 4.4, one Apache Cassandra 5 and one Spark 4.2 job."),
    "latency": ("End-to-end latency", "From `produce()` in confluent-kafka to the row in an answer of cassandra-driver, 1 % of "
                "the records corrupt. The peer is Kafka, Spark 4.2 (`foreachBatch` with the Python cassandra-driver) and Cassandra."),
    "broker": ("Broker", "librdkafka's rdkafka_performance, `acks=all`, 8 partitions, against one Apache Kafka 4.4; durable: "
               "the same with `flush.messages=1`. The tool repeats one payload, so its lz4 figures flatter both sides alike."),
    "store": ("Store", "latte, one row of about 220 bytes per operation, 128 in flight, against Apache Cassandra 5 with "
              "`commitlog_sync: periodic`; durable: `group` with its 10 ms window."),
}


def figure(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


class Results:
    """Values by measurement, figure and column; a value None means that the side did not manage it."""

    def __init__(self, quick, options):
        self.quick, self.rows, self.raw, self.remarks = quick, {}, {}, []
        self.conditions = (f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}; "
                           + ("one short run each (`--quick`)" if quick else
                              f"latency runs of {options.minutes:g} minutes, throughput medians of {options.runs} runs"))

    def keep(self, options):
        """Takes over the parts of the last run that are not measured now, if its conditions were the same."""
        try:
            last = json.loads((options.work / "results.json").read_text("utf-8"))
        except FileNotFoundError:
            return
        if last["conditions"] != self.conditions:
            return
        for row in last["rows"]:
            if row["part"] not in options.parts:
                self.rows[row["part"], row["what"], row["unit"]] = {"better": row["better"], "values": row["values"]}
        self.raw = {part: value for part, value in last["raw"].items() if part not in options.parts}
        self.remarks = [(part, text) for part, text in last["remarks"] if part not in options.parts]

    def add(self, part, what, unit, better, column, value):
        row = self.rows.setdefault((part, what, unit), {"better": better, "values": {}})
        row["values"].setdefault(column, []).append(value)

    def medians(self, row):
        return {column: None if None in values else statistics.median(values) for column, values in row["values"].items()}

    @staticmethod
    def ratio(better, ours, peer):
        """How many times better ours is: above 1 we win, below 1 we lose."""
        if better is None or not ours or not peer:
            return "-"
        return f"{(peer / ours if better == 'lower' else ours / peer):.2f}"

    def markdown(self):
        lines = ["# Measurements", "", "Made by `judges/beside/run.py`; do not edit. " + self.conditions + ".", "",
                 "Ratios say how many times better Millstream is: above 1 it wins, below 1 it loses. `os` is held against the",
                 "peer's own defaults, `group` against the durable peer where there is one, else against the same.", "",
                 "CPU is that of all processes of a side, from `/proc`, without the measuring programs."]
        for part, (title, text) in TITLES.items():
            rows = [(key, row) for key, row in self.rows.items() if key[0] == part]
            if not rows:
                continue
            columns = [one for one in COLUMNS if any(one in row["values"] for _, row in rows)]
            lines += ["", f"## {title}", "", text, "",
                      "| | unit | " + " | ".join(COLUMNS[one] for one in columns) + " | `os` ratio | `group` ratio |",
                      "|---|---|" + "---:|" * (len(columns) + 2)]
            for (_, what, unit), row in rows:
                at = self.medians(row)
                ratios = (self.ratio(row["better"], at.get("os"), at.get("peer")),
                          self.ratio(row["better"], at.get("group"), at.get("durable") or at.get("peer")))
                lines.append(f"| {what} | {unit} | " + " | ".join(figure(at.get(one)) for one in columns)
                             + f" | {ratios[0]} | {ratios[1]} |")
        if self.remarks:
            lines += ["", "## Remarks", "", *(f"- {text}" for _, text in self.remarks)]
        return "\n".join(lines) + "\n"

    def write(self, options):
        rows = [{"part": part, "what": what, "unit": unit, **row, "median": self.medians(row)}
                for (part, what, unit), row in self.rows.items()]
        text = json.dumps({"conditions": self.conditions, "rows": rows, "raw": self.raw, "remarks": self.remarks}, indent=1)
        (options.work / "results.json").write_text(text + "\n")
        (options.markdown or options.work / "measurements.md").write_text(self.markdown())
