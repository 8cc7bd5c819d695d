"""Tests of the judges' model: a handful of records, and what must become of each.

  test_model.py
"""

import sys

import model
import read_kcat

DELAY = 60_000
UUIDS = {letter: f"{letter * 8}-0000-4000-8000-000000000000" for letter in "abc"}


def user(letter, country="Iran"):
    return ('{"login":{"uuid":"%s"},"location":{"country":"%s"}}' % (UUIDS[letter], country)).encode()


def outcomes(records, **fields):
    """Records as (partition, seconds, value), offsets by order; their outcomes in that order."""
    offsets, made = {}, []
    for partition, seconds, value in records:
        offset = offsets[partition] = offsets.get(partition, -1) + 1
        made.append(read_kcat.Record(partition, offset, seconds * 1000, None, value, b""))
    stream = model.Stream("s", fields.pop("kind", "count"), "k.t", DELAY, **fields)
    found = model.expect(stream, sorted(made, key=lambda record: (record.partition, record.offset)))
    return [found.outcome[record.partition, record.offset] for record in made], found


W, D, L, X, F = "written", "duplicate", "late", "dead_lettered", "filtered"
BAD_ID, BROKEN = b'{"login":{"uuid":"no"}}', b'{"login":'

CASES = {
    "a record at the watermark is not late, one before it is":
        ([(0, 100, user("a")), (0, 40, user("b")), (0, 39, user("c"))], [W, W, L]),
    "each partition has its own watermark":
        ([(0, 1000, user("a")), (1, 10, user("b"))], [W, W]),
    "a record that fails to decode does not move the watermark":
        ([(0, 1000, BROKEN), (0, 10, user("a"))], [X, W]),
    "a record that fails in an expression does":
        ([(0, 1000, BAD_ID), (0, 10, user("a"))], [X, L]),
    "a late record is late before it is anything else":
        ([(0, 1000, user("a")), (0, 10, BAD_ID)], [W, L]),
    "a late record that does not decode is a dead letter":
        ([(0, 1000, user("a")), (0, 10, BROKEN)], [W, X]),
    "duplicates are judged by event time, over partitions":
        ([(0, 100, user("a")), (1, 90, user("a"))], [D, W]),
    "a record at the horizon is a duplicate, one behind it wins again":
        ([(0, 0, user("a")), (0, 60, user("a")), (0, 61, user("a"))], [W, D, W]),
    "the horizon counts from the last winner, not from the last duplicate":
        ([(0, 0, user("a")), (0, 50, user("a")), (0, 100, user("a")), (0, 150, user("a"))], [W, D, W, D]),
    "a late record wins nothing":
        ([(0, 1000, user("b")), (0, 10, user("a")), (0, 1001, user("a"))], [W, L, W]),
    "null and empty values are dead letters":
        ([(0, 0, None), (0, 0, b""), (0, 0, b"[]"), (0, 0, b"\xff")], [X, X, X, X]),
}


def main():
    failed = 0
    for name, (records, must) in CASES.items():
        found, _ = outcomes(records)
        if found != must:
            failed += 1
            print(f"FAILED {name}: {found}, must be {must}")
    where = [{"path": "location.country", "is": "=", "value": "Iran"}]
    found, _ = outcomes([(0, 1000, user("a", "Peru")), (0, 900, user("b")), (0, 1000, user("c"))], where=where)
    assert found == [F, L, W], found       # a filtered record moves the watermark
    _, expected = outcomes([(0, 59, user("a")), (0, 60, user("b")), (1, 1, user("c"))])
    assert expected.rows == {("Iran", 0): 2, ("Iran", 60_000): 1}, expected.rows
    _, expected = outcomes([(0, 0, user("a", "Peru")), (0, 100, user("a", "Iran"))], kind="upsert")
    assert len(expected.rows) == 1
    assert expected.counters()[0] == {"read": 2, W: 2, F: 0, D: 0, L: 0, X: 0}
    assert model.moment("1969-12-31T23:59:59.5Z") == -500 and model.moment("2020-01-01 01:00:00+0100") == 1_577_836_800_000
    mark, output = b"<m>", b"0 7 5 -1 3 a=b,millstream.stream=s,millstream.reason=x, y=z<m>\n\xff{1 0 6 1 0 <m>k"
    first, second = read_kcat.parse(output, mark)
    assert first.key is None and first.value == b"\n\xff{" and second.key == b"k" and second.value == b""
    assert first.split_headers() == (b"a=b", {"stream": "s", "reason": "x, y=z"})
    print(f"{len(CASES) + 1 - failed} of {len(CASES) + 1} cases hold")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
