"""The seeded user generator, a second time: the records of crates/generator, without a line of it.

Both read crates/generator/data/names.json and draw every field from splitmix64 keyed by (seed,
position, field) with integer arithmetic only, so their records are equal byte for byte.
judges/test_generator.py compares them through the HTTP endpoint.
"""

import argparse
import dataclasses
import json
import pathlib
import sys

NAMES = json.loads(
    (pathlib.Path(__file__).parent.parent / "crates/generator/data/names.json").read_text("utf-8"))

MASK = (1 << 64) - 1

# Fields of the draw. A field's i-th number has the key field * 256 + i.
KIND, SOURCE, LATENESS, CORRUPTION, CUT = 1, 2, 3, 4, 5
NAT, GENDER, TITLE, FIRST, LAST = 10, 11, 12, 13, 14
NUMBER, STREET, PLACE, POSTCODE, LATITUDE, LONGITUDE, TIMEZONE = 20, 21, 22, 23, 24, 25, 26
UUID, USERNAME, PASSWORD, SALT, MD5, SHA1, SHA256 = 30, 31, 32, 33, 34, 35, 36
DOB, REGISTERED, PHONE, CELL, ID, PICTURE = 40, 41, 50, 51, 52, 53

CORRUPTIONS = ["truncated", "no_uuid", "uuid_not_uuid", "date_not_date", "first_name_object", "not_object"]
DUPLICATE_REACH = 50
LATE_MIN_MS, LATE_SPAN_MS = 60_000, 120_001
DOB_FROM_MS, DOB_SPAN_MS = -788_918_400_000, 1_987_200_000_000          # 1945-01-01, 23,000 days
REGISTERED_FROM_MS, REGISTERED_SPAN_MS = 1_020_211_200_000, 725_760_000_000  # 2002-05-01, 8,400 days
AGE_AT_MS, YEAR_MS = 1_767_225_600_000, 31_556_952_000                  # ages are those of 2026-01-01


def mix(value):
    """splitmix64: one step."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Draw:
    """The numbers of one position."""

    def __init__(self, seed, position):
        self.state = mix(mix(seed & MASK) ^ position)

    def number(self, field, i=0):
        return mix(self.state ^ (field * 256 + i))

    def below(self, bound, field, i=0):
        return self.number(field, i) % bound

    def pick(self, choices, field, i=0):
        return choices[self.below(len(choices), field, i)]

    def hexadecimal(self, length, field):
        text = "".join(f"{self.number(field, i):016x}" for i in range((length + 15) // 16))
        return text[:length]

    def pattern(self, pattern, field):
        """Fills a pattern: # is a digit, ^ a digit that is not 0, A a capital letter."""
        text, i = [], 0
        for character in pattern:
            if character not in "#^A":
                text.append(character)
                continue
            if character == "#":
                text.append(chr(48 + self.below(10, field, i)))
            elif character == "^":
                text.append(chr(49 + self.below(9, field, i)))
            else:
                text.append(chr(65 + self.below(26, field, i)))
            i += 1
        return "".join(text)


def civil(milliseconds):
    """A Unix time in ISO 8601 with milliseconds, by the proleptic Gregorian calendar."""
    days, rest = divmod(milliseconds, 86_400_000)
    z = days + 719_468
    era, day_of_era = divmod(z, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_index + 2) // 5 + 1
    month = month_index + 3 if month_index < 10 else month_index - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    second, millisecond = divmod(rest, 1_000)
    return (f"{year:04d}-{month:02d}-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:"
            f"{second % 60:02d}.{millisecond:03d}Z")


def degrees(draw, bound, field):
    """A coordinate in ten-thousandths of a degree, as text."""
    value = draw.below(2 * bound * 10_000 + 1, field) - bound * 10_000
    return f"{'-' if value < 0 else ''}{abs(value) // 10_000}.{abs(value) % 10_000:04d}"


def letters(text):
    return "".join(c for c in text if c.isascii() and c.isalpha()).lower()


def uuid_of(draw):
    high = (draw.number(UUID, 0) & ~(0xF << 12)) | (4 << 12)
    low = (draw.number(UUID, 1) & ~(3 << 62)) & MASK | (2 << 62)
    text = f"{high & MASK:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def moment(draw, start, span, field):
    at = start + draw.below(span, field)
    return {"date": civil(at), "age": (AGE_AT_MS - at) // YEAR_MS}


def user(seed, position):
    """The user of a position, before any corruption."""
    draw = Draw(seed, position)
    nation = draw.pick(NAMES["nationalities"], NAT)
    male = draw.below(2, GENDER) == 0
    first = draw.pick(nation["male" if male else "female"], FIRST)
    last = draw.pick(nation["last"], LAST)
    city, state = draw.pick(nation["places"], PLACE)
    postcode = draw.pattern(nation["postcode"], POSTCODE)
    offset, description = draw.pick(NAMES["timezones"], TIMEZONE)
    username = (draw.pick(NAMES["colors"], USERNAME, 0) + draw.pick(NAMES["animals"], USERNAME, 1)
                + f"{draw.below(1000, USERNAME, 2):03d}")
    mailbox = f"{letters(first)}.{letters(last)}" if letters(first) and letters(last) else username
    portrait = f"{'men' if male else 'women'}/{draw.below(100, PICTURE)}.jpg"
    site = "https://randomuser.example/api/portraits"
    return {
        "gender": "male" if male else "female",
        "name": {"title": draw.pick(NAMES["titles"]["male" if male else "female"], TITLE),
                 "first": first, "last": last},
        "location": {
            "street": {"number": 1 + draw.below(9_999, NUMBER), "name": draw.pick(nation["streets"], STREET)},
            "city": city, "state": state, "country": nation["country"],
            "postcode": int(postcode) if nation["postcode_integer"] else postcode,
            "coordinates": {"latitude": degrees(draw, 90, LATITUDE), "longitude": degrees(draw, 180, LONGITUDE)},
            "timezone": {"offset": offset, "description": description},
        },
        "email": f"{mailbox}@example.com",
        "login": {
            "uuid": uuid_of(draw), "username": username, "password": draw.pick(NAMES["passwords"], PASSWORD),
            "salt": draw.hexadecimal(8, SALT), "md5": draw.hexadecimal(32, MD5),
            "sha1": draw.hexadecimal(40, SHA1), "sha256": draw.hexadecimal(64, SHA256),
        },
        "dob": moment(draw, DOB_FROM_MS, DOB_SPAN_MS, DOB),
        "registered": moment(draw, REGISTERED_FROM_MS, REGISTERED_SPAN_MS, REGISTERED),
        "phone": draw.pattern(nation["phone"], PHONE),
        "cell": draw.pattern(nation["cell"], CELL),
        "id": {"name": nation["id_name"],
               "value": None if nation["id_value"] is None else draw.pattern(nation["id_value"], ID)},
        "picture": {"large": f"{site}/{portrait}", "medium": f"{site}/med/{portrait}",
                    "thumbnail": f"{site}/thumb/{portrait}"},
        "nat": nation["nat"],
    }


def text_of(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclasses.dataclass(frozen=True)
class Knobs:
    """Percentages may have two digits behind the point: they count in parts per 10,000."""
    seed: int = 1
    rate_per_second: float = 100.0
    start_ms: int = 1_767_225_600_000
    late_percent: float = 0.0
    duplicate_percent: float = 0.0
    corrupt_percent: float = 0.0
    limit: int | None = None


@dataclasses.dataclass(frozen=True)
class Record:
    payload: str        # the raw JSON text of the element, or the broken text
    event_time_ms: int
    kind: str           # "original", "late", "duplicate", or "corrupt:" and one of CORRUPTIONS
    uuid: str | None    # login.uuid where the payload holds a valid one


class Generator:
    def __init__(self, knobs):
        self.knobs = knobs
        self.corrupt = round_half_up(knobs.corrupt_percent * 100)
        self.duplicate = self.corrupt + round_half_up(knobs.duplicate_percent * 100)
        self.late = self.duplicate + round_half_up(knobs.late_percent * 100)
        self.per_thousand_seconds = max(1, round_half_up(knobs.rate_per_second * 1000))

    def base_time(self, position):
        return self.knobs.start_ms + position * 1_000_000 // self.per_thousand_seconds

    def available(self, now_ms):
        """How many positions exist at a time: those whose base time is not after it."""
        elapsed = now_ms - self.knobs.start_ms
        count = 0 if elapsed < 0 else ((elapsed + 1) * self.per_thousand_seconds - 1) // 1_000_000 + 1
        return count if self.knobs.limit is None else min(count, self.knobs.limit)

    def share(self, position):
        return Draw(self.knobs.seed, position).below(10_000, KIND)

    def source_of(self, position):
        """The earlier original that a duplicate repeats, if one is within reach."""
        lowest = max(0, position - DUPLICATE_REACH)
        reach = position - lowest
        if reach == 0:
            return None
        first = Draw(self.knobs.seed, position).below(reach, SOURCE)
        for step in range(reach):
            candidate = lowest + (first + reach - step) % reach
            if self.share(candidate) >= self.late:
                return candidate
        return None

    def record(self, position):
        share, at = self.share(position), self.base_time(position)
        if share < self.corrupt:
            return self.corrupted(position, at)
        kind = "original"
        if share < self.duplicate:
            source = self.source_of(position)
            if source is not None:
                position, at, kind = source, self.base_time(source), "duplicate"
        elif share < self.late:
            at -= LATE_MIN_MS + Draw(self.knobs.seed, position).below(LATE_SPAN_MS, LATENESS)
            kind = "late"
        whole = user(self.knobs.seed, position)
        return Record(text_of(whole), at, kind, whole["login"]["uuid"])

    def corrupted(self, position, at):
        draw, whole = Draw(self.knobs.seed, position), user(self.knobs.seed, position)
        kind = draw.pick(CORRUPTIONS, CORRUPTION)
        known = whole["login"]["uuid"] if kind in ("date_not_date", "first_name_object") else None
        if kind == "truncated":
            text = text_of(whole).encode()
            payload = text[:1 + draw.below(len(text) - 2, CUT)].decode("utf-8", "ignore")
        elif kind == "not_object":
            payload = text_of(["not", "an", "object", position])
        else:
            if kind == "no_uuid":
                del whole["login"]["uuid"]
            elif kind == "uuid_not_uuid":
                whole["login"]["uuid"] = f"not-a-uuid-{position}"
            elif kind == "date_not_date":
                whole["dob"]["date"] = "yesterday"
            else:
                whole["name"]["first"] = {"number": position}
            payload = text_of(whole)
        return Record(payload, at, f"corrupt:{kind}", known)


def round_half_up(value):
    return int(value + 0.5)


def main():
    """Prints the records of a range of positions, one JSON object a line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--from", dest="start", type=int, default=0)
    parser.add_argument("--results", type=int, default=10)
    for field in dataclasses.fields(Knobs):
        parser.add_argument("--" + field.name.replace("_", "-"), type=int if field.default is None else type(field.default), default=field.default)
    arguments = vars(parser.parse_args())
    start, results = arguments.pop("start"), arguments.pop("results")
    generator = Generator(Knobs(**arguments))
    for position in range(start, start + results):
        sys.stdout.write(text_of(dataclasses.asdict(generator.record(position))) + "\n")


if __name__ == "__main__":
    main()
