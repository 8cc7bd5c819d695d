"""Judges a run from outside: reads topics with kcat and tables with cqlsh, recomputes what must be
there, and compares it with what is there and with what the product says of itself.

  check.py SCENARIO.json [--retry-seconds S] [--report FILE]

The scenario:
  {"kafka": "127.0.0.1:9092", "cassandra": "127.0.0.1:9042",
   "topic": "users_created",
   "watermark_delay_ms": 60000,
   "streams": [
     {"name": "created_users", "kind": "upsert", "table": "spark_streams.created_users"},
     {"name": "users_per_minute", "kind": "count", "table": "spark_streams.users_per_minute",
      "columns": {"country": "country", "window": "minute", "count": "users"}}],
   "status": "status.json, or http://...; left out: not compared",
   "produced": "a JSON-lines file of what was acknowledged; left out: not compared",
   "source": {"knobs": {"seed": 1, ...}, "from": 0, "count": 1000 or "all"}; left out: not compared,
   "reasons": {"decode": ["decode"], "expression": ["expression", "key"]}; left out: not compared}
A stream may also give late_topic, dead_letter_topic, columns (ours -> the table's), decode, evaluate,
where, key, watermark_delay_ms, read ("copy" or "json").

Exit code: 0 all is as it must be, 1 it is not, 2 something could not be read.
"""

import argparse
import base64
import collections
import json
import pathlib
import sys
import time
import urllib.request

import generator
import model
import read_cqlsh
import read_kcat

USER_COLUMNS = ("id", "first_name", "last_name", "gender", "address", "post_code", "email", "username", "dob",
                "registered_date", "phone", "picture")
COUNT_COLUMNS = {"country": "country", "window": "minute", "count": "users"}
SHOWN = 5


class Findings:
    """What is wrong, in words, and the numbers of the run."""

    def __init__(self):
        self.wrong, self.numbers = [], {}

    def differ(self, what, missing, extra):
        """Compares two collections: what must be there and is not, and what is there and must not be."""
        for word, things in (("missing", list(missing)), ("too many", list(extra))):
            if things:
                shown = ", ".join(str(thing) for thing in sorted(things, key=str)[:SHOWN])
                self.wrong.append(f"{what}: {len(things)} {word}: {shown}{' ...' if len(things) > SHOWN else ''}")


def stream_of(entry, scenario):
    fields = {name: entry[name] for name in ("key", "decode", "evaluate", "where", "window_ms") if name in entry}
    if "decode" in scenario:
        fields.setdefault("decode", scenario["decode"])
    delay = entry.get("watermark_delay_ms", scenario["watermark_delay_ms"])
    return model.Stream(entry["name"], entry["kind"], entry["table"], delay, **fields)


# --- the source topic -----------------------------------------------------------------------


def check_source(scenario, records, findings):
    """The topic holds what was produced: nothing lost, doubled or changed."""
    if "produced" in scenario:
        wanted = collections.Counter()
        with open(scenario["produced"], encoding="utf-8") as file:
            for line in file:
                sent = json.loads(line)
                wanted[sent["partition"], sent["timestamp"], decoded(sent["key"]), decoded(sent["value"])] += 1
        found = collections.Counter((r.partition, r.timestamp, r.key, r.value) for r in records)
        findings.differ("source topic against what was acknowledged (partition, timestamp, key)",
                        [key[:3] for key in (wanted - found).elements()],
                        [key[:3] for key in (found - wanted).elements()])
    if "source" in scenario:
        source = scenario["source"]
        made = generator.Generator(generator.Knobs(**source["knobs"]))
        count = len(records) if source["count"] == "all" else source["count"]
        positions = range(source.get("from", 0), source.get("from", 0) + count)
        wanted = collections.Counter()
        for position in positions:
            record = made.record(position)
            wanted[record.event_time_ms, record.payload.encode()] += 1
        found = collections.Counter((r.timestamp, r.value) for r in records)
        findings.differ("source topic against the generator (timestamp, value)",
                        [(t, v[:60]) for t, v in (wanted - found).elements()],
                        [(t, (v or b"")[:60]) for t, v in (found - wanted).elements()])


def decoded(text):
    return None if text is None else base64.b64decode(text)


# --- late records and dead letters ------------------------------------------------------------


def check_side_topic(what, entry, scenario, wanted, by_place, copies, findings, reasons=None):
    """Each record that must be in a side topic is there once, as it came, with headers that say whence."""
    source_topic, found = scenario["topic"], collections.Counter()
    for copy in copies:
        original, ours = copy.split_headers()
        at = f"{what} at partition {copy.partition} offset {copy.offset}"
        if ours.get("topic") != source_topic or ours.get("stream") != entry["name"]:
            findings.wrong.append(f"{at}: says stream {ours.get('stream')!r}, topic {ours.get('topic')!r}")
            continue
        try:
            place = (int(ours["partition"]), int(ours["offset"]))
        except (KeyError, ValueError):
            findings.wrong.append(f"{at}: has no source partition and offset: {copy.headers[:200]!r}")
            continue
        found[place] += 1
        came = by_place.get(place)
        if came is None:
            continue
        if (copy.key, copy.value) != (came.key, came.value):
            findings.wrong.append(f"{at}: key or value differ from the source record {place}")
        if original != came.headers:
            findings.wrong.append(f"{at}: headers {original[:80]!r} differ from the source's {came.headers[:80]!r}")
        if ours.get("timestamp") != str(came.timestamp):
            findings.wrong.append(f"{at}: timestamp {ours.get('timestamp')!r}, the source's is {came.timestamp}")
        if not ours.get("reason"):
            findings.wrong.append(f"{at}: gives no reason")
        elif reasons and place in wanted:
            allowed = reasons.get(wanted[place][0], [])
            if not any(ours["reason"].startswith(prefix) for prefix in allowed):
                findings.wrong.append(f"{at}: reason {ours['reason']!r} where one of {allowed} is due ({wanted[place][1]})")
    findings.differ(f"{what} (partition, offset)", set(wanted) - set(found), set(found) - set(wanted))
    findings.differ(f"{what}, doubled", [], [place for place, times in found.items() if times > 1])


# --- tables -------------------------------------------------------------------------------------


def same(ours, theirs, column):
    if ours == theirs:
        return True
    if column in ("dob", "registered_date") and ours is not None and theirs is not None:
        try:
            return model.moment(ours) == model.moment(theirs)
        except ValueError:
            return False
    return False


def check_table(entry, stream, expected, address, findings):
    named = entry.get("columns", {})
    if stream.kind == "upsert":
        columns = [named.get(column, column) for column in USER_COLUMNS if named.get(column, column)]
        back = {named.get(column, column): column for column in USER_COLUMNS}
    else:
        back = {named.get(ours, theirs): ours for ours, theirs in COUNT_COLUMNS.items()}
        columns = list(back)
    found, doubled = {}, []
    for raw in read_cqlsh.table(address, stream.table, columns, entry.get("read", "copy")):
        row = {back[column]: value for column, value in raw.items()}
        if stream.kind == "upsert":
            key, value = row["id"], row
        else:
            key, value = (row["country"], model.moment(row["window"])), int(row["count"])
        if key in found:
            doubled.append(key)
        found[key] = value
    what = f"table {stream.table}"
    findings.differ(what, set(expected.rows) - set(found), set(found) - set(expected.rows))
    findings.differ(f"{what}, doubled rows", [], doubled)
    for key in sorted(set(found) & set(expected.rows), key=str):
        must, is_there = expected.rows[key], found[key]
        if stream.kind == "count":
            if must != is_there:
                findings.wrong.append(f"{what}: {key} counts {is_there}, must be {must}")
            continue
        for column in is_there:
            if not same(must[column], is_there[column], column):
                findings.wrong.append(f"{what}: {key} {column} is {is_there[column]!r}, must be {must[column]!r}")
    findings.numbers.setdefault(stream.name, {})["rows"] = len(found)


# --- the product's own word -------------------------------------------------------------------


def plain(name):
    return "".join(character for character in name.lower() if character.isalpha())


ALIASES = {"deadletters": "deadlettered", "deadletter": "deadlettered", "duplicates": "duplicate"}


def numbers_of(entry):
    return {ALIASES.get(plain(name), plain(name)): value for name, value in entry.items()
            if isinstance(value, int) and not isinstance(value, bool)}


def load_status(where):
    if where.startswith(("http://", "https://")):
        with urllib.request.urlopen(where, timeout=10) as answer:
            return json.load(answer)
    return json.loads(pathlib.Path(where).read_text("utf-8"))


def named_entries(holder):
    if isinstance(holder, dict):
        return {str(name): entry for name, entry in holder.items()}
    return {str(entry.get("name", entry.get("stream", entry.get("partition", entry.get("id"))))): entry for entry in holder}


def check_status(status, stream, expected, findings):
    says = named_entries(status.get("streams", {})).get(stream.name)
    if says is None:
        findings.wrong.append(f"status: knows no stream {stream.name!r}")
        return
    must = expected.counters()
    totals = {name: sum(counts[name] for counts in must.values()) for name in ("read", *model.OUTCOMES)}
    parts = named_entries(says.get("partitions", {}))
    pairs = [(f"partition {partition}", numbers_of(parts.get(str(partition), {})), counts)
             for partition, counts in must.items()] if parts else []
    whole = numbers_of(says.get("totals", says.get("total", says)))
    if not parts or "read" in whole:
        pairs.append(("all partitions", whole, totals))
    for where, found, wanted in pairs:
        wrong = {name: (found.get(plain(name)), count) for name, count in wanted.items()
                 if found.get(plain(name)) != count}
        if wrong:
            findings.wrong.append(f"status of {stream.name}, {where}: " + ", ".join(
                f"{name} {says_it}, must be {count}" for name, (says_it, count) in wrong.items()))
        elif found["read"] != sum(found[plain(name)] for name in model.OUTCOMES):
            findings.wrong.append(f"status of {stream.name}, {where}: read is not the sum of its parts")
    for name in set(parts) - {str(partition) for partition in must}:
        if numbers_of(parts[name]).get("read"):
            findings.wrong.append(f"status of {stream.name}: partition {name} has read what is not there")


# --- all together -----------------------------------------------------------------------------


def check(scenario):
    findings = Findings()
    records = read_kcat.topic(scenario["kafka"], scenario["topic"])
    by_place = {(record.partition, record.offset): record for record in records}
    check_source(scenario, records, findings)
    status = load_status(scenario["status"]) if "status" in scenario else None
    for entry in scenario["streams"]:
        stream = stream_of(entry, scenario)
        expected = model.expect(stream, records)
        totals = collections.Counter(expected.outcome.values())
        findings.numbers[stream.name] = {"read": len(records)} | {name: totals[name] for name in model.OUTCOMES}
        for what, topic, wanted, reasons in (
                ("late records", entry.get("late_topic", f"{stream.name}.late"),
                 {place: ("late", "late") for place in expected.late}, None),
                ("dead letters", entry.get("dead_letter_topic", f"{stream.name}.dead-letters"),
                 expected.dead, scenario.get("reasons"))):
            copies = read_kcat.topic(scenario["kafka"], topic, missing_is_empty=True)
            check_side_topic(f"{what} of {stream.name}", entry, scenario, wanted, by_place, copies, findings, reasons)
        check_table(entry, stream, expected, scenario["cassandra"], findings)
        if status is not None:
            check_status(status, stream, expected, findings)
    return findings


def judge(scenario, retry_seconds=0.0):
    """Checks until all is right or the time is over: findings, and what could not be read."""
    deadline = time.monotonic() + retry_seconds
    while True:
        try:
            findings, unread = check(scenario), None
        except (read_kcat.ReadError, OSError, ValueError) as error:
            findings, unread = Findings(), f"{type(error).__name__}: {error}"
        if (not findings.wrong and unread is None) or time.monotonic() >= deadline:
            return findings, unread
        time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", type=pathlib.Path)
    parser.add_argument("--retry-seconds", type=float, default=0.0, help="try again until all is right or this is over")
    parser.add_argument("--report", type=pathlib.Path, help="also write the findings there, as JSON")
    arguments = parser.parse_args()
    findings, unread = judge(json.loads(arguments.scenario.read_text("utf-8")), arguments.retry_seconds)
    if arguments.report:
        arguments.report.write_text(json.dumps(
            {"wrong": findings.wrong, "unread": unread, "numbers": findings.numbers}, indent=1), "utf-8")
    for name, numbers in findings.numbers.items():
        print(f"{name}: " + ", ".join(f"{what} {count}" for what, count in numbers.items()))
    for line in findings.wrong[:40]:
        print("WRONG", line)
    if unread:
        print("UNREAD", unread)
    print("red" if findings.wrong or unread else "green")
    return 2 if unread else bool(findings.wrong)


if __name__ == "__main__":
    sys.exit(main())
