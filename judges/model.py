"""What must be there: the streams' semantics over the records of a topic, recomputed from scratch.

Per record, in the order of offsets of its partition:
  decode             fails: dead letter, class "decode"; the watermark does not move
  late?              timestamp < watermark at this offset; then the watermark moves, also for what follows
  evaluate           fails: dead letter, class "expression"
  WHERE              not true: filtered
  duplicate?         by key, over all partitions, within the horizon
  written
A partition's watermark at an offset is the largest timestamp of its earlier decodable records minus
the delay. Deduplication takes a key's records in the order (timestamp, partition, offset): the first
wins; a later one is a duplicate if it is at most the delay after the last winner, else it wins.
"""

import collections
import dataclasses
import datetime
import json
import re
import uuid

# What the demo's source declares, and what each of its streams evaluates. A path that ends in "!" may
# not be null. A scenario may replace both.
DECODE = {
    "gender": "string", "name.first": "string", "name.last": "string",
    "location.street.number": "integer", "location.street.name": "string", "location.city": "string",
    "location.state": "string", "location.country": "string", "location.postcode": "text",
    "email": "string", "login.uuid": "string", "login.username": "string",
    "dob.date": "string", "registered.date": "string", "phone": "string", "picture.medium": "string",
}
EVALUATE = {"login.uuid": "uuid!", "dob.date": "timestamp", "registered.date": "timestamp"}
OUTCOMES = ("written", "filtered", "duplicate", "late", "dead_lettered")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?")


def moment(text):
    """Milliseconds since the Unix epoch of an ISO 8601 time; ValueError if it is none."""
    match = MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time")
    day, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    whole = datetime.datetime.strptime(f"{day} {clock} {zone}", "%Y-%m-%d %H:%M:%S %z")
    return int(whole.timestamp()) * 1000 + int(((fraction or "") + "000")[:3])


def at_path(document, path):
    for name in path.split("."):
        if document is None:
            return None
        if not isinstance(document, dict):
            raise ValueError(f"{path}: what holds {name!r} is not an object")
        document = document.get(name)
    return document


def conform(value, kind, path):
    """Raises ValueError unless a value, or null, is of a kind."""
    if value is None:
        if kind.endswith("!"):
            raise ValueError(f"{path} is null")
        return
    kind = kind.removesuffix("!")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    good = {
        "string": isinstance(value, str),
        "text": isinstance(value, str) or number,
        "integer": isinstance(value, int) and number,
        "timestamp": isinstance(value, str),
        "uuid": isinstance(value, str) and UUID.fullmatch(value) is not None,
    }[kind]
    if not good:
        raise ValueError(f"{path} is no {kind}: {value!r}")
    if kind == "timestamp":
        moment(value)


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def decode(value, declared):
    """The document of a record's bytes; ValueError says why there is none."""
    if value is None:
        raise ValueError("the value is null")
    document = json.loads(value.decode("utf-8"), parse_constant=refuse_constant)
    if not isinstance(document, dict):
        raise ValueError("the value is not an object")
    for path, kind in declared.items():
        conform(at_path(document, path), kind, path)
    return document


def kept(document, where):
    """WHERE: every condition holds. A comparison with null is not true."""
    for condition in where:
        value = at_path(document, condition["path"])
        wanted = condition["value"]
        if value is None:
            return False
        holds = {"=": lambda a, b: a == b, "!=": lambda a, b: a != b, "in": lambda a, b: a in b,
                 "<": lambda a, b: a < b, ">=": lambda a, b: a >= b}[condition["is"]]
        if not holds(value, wanted):
            return False
    return True


def user_row(document):
    """The 12 fields of the table created_users, as text; times in milliseconds."""
    place = at_path(document, "location") or {}
    street = place.get("street") or {}
    parts = [street.get("number"), street.get("name"), place.get("city"), place.get("state"), place.get("country")]
    address = None if None in parts else "{} {}, {}, {}, {}".format(*parts)
    postcode = place.get("postcode")
    return {
        "id": str(uuid.UUID(at_path(document, "login.uuid"))),
        "first_name": at_path(document, "name.first"), "last_name": at_path(document, "name.last"),
        "gender": document.get("gender"), "address": address,
        "post_code": None if postcode is None else str(postcode),
        "email": document.get("email"), "username": at_path(document, "login.username"),
        "dob": at_path(document, "dob.date"), "registered_date": at_path(document, "registered.date"),
        "phone": document.get("phone"), "picture": at_path(document, "picture.medium"),
    }


@dataclasses.dataclass
class Stream:
    """One stream as a scenario declares it."""
    name: str
    kind: str                                   # "upsert" or "count"
    table: str                                  # keyspace.table
    delay_ms: int
    key: str = "login.uuid"
    decode: dict = dataclasses.field(default_factory=lambda: dict(DECODE))
    evaluate: dict = dataclasses.field(default_factory=lambda: dict(EVALUATE))
    where: list = dataclasses.field(default_factory=list)
    window_ms: int = 60_000


@dataclasses.dataclass
class Expected:
    outcome: dict                               # (partition, offset) -> one of OUTCOMES
    late: set                                   # (partition, offset)
    dead: dict                                  # (partition, offset) -> (class, why)
    rows: dict                                  # primary key -> row

    def counters(self):
        """Per partition: read, and each outcome."""
        counts = collections.defaultdict(lambda: dict.fromkeys(("read", *OUTCOMES), 0))
        for (partition, _), outcome in self.outcome.items():
            counts[partition]["read"] += 1
            counts[partition][outcome] += 1
        return dict(counts)


def expect(stream, records):
    """The truth about one stream over a topic's records, sorted by partition and offset."""
    outcome, late, dead = {}, set(), {}
    highest, by_key = {}, collections.defaultdict(list)
    for record in records:
        place = (record.partition, record.offset)
        try:
            document = decode(record.value, stream.decode)
        except (ValueError, RecursionError) as error:
            outcome[place], dead[place] = "dead_lettered", ("decode", str(error))
            continue
        seen = highest.get(record.partition)
        highest[record.partition] = record.timestamp if seen is None else max(seen, record.timestamp)
        if seen is not None and record.timestamp < seen - stream.delay_ms:
            outcome[place] = "late"
            late.add(place)
            continue
        try:
            for path, kind in stream.evaluate.items():
                conform(at_path(document, path), kind, path)
        except ValueError as error:
            outcome[place], dead[place] = "dead_lettered", ("expression", str(error))
            continue
        if not kept(document, stream.where):
            outcome[place] = "filtered"
            continue
        by_key[at_path(document, stream.key)].append((record.timestamp, *place, document))
    winners = []
    for candidates in by_key.values():
        candidates.sort(key=lambda candidate: candidate[:3])
        last = None
        for timestamp, partition, offset, document in candidates:
            if last is not None and timestamp - last <= stream.delay_ms:
                outcome[partition, offset] = "duplicate"
                continue
            last = timestamp
            outcome[partition, offset] = "written"
            winners.append((timestamp, partition, offset, document))
    return Expected(outcome, late, dead, table_rows(stream, winners))


def table_rows(stream, winners):
    rows = {}
    if stream.kind == "upsert":
        for *_, document in sorted(winners, key=lambda winner: winner[:3]):
            row = user_row(document)
            rows[row["id"]] = row
        return rows
    for timestamp, _, _, document in winners:
        window = timestamp // stream.window_ms * stream.window_ms
        group = (at_path(document, "location.country"), window)
        rows[group] = rows.get(group, 0) + 1
    return rows
