"""The little of pendulum that DAG files use, for interpreters that do not have it."""

import datetime as _datetime
import importlib.abc
import importlib.util
import sys
import types

from ._exceptions import NotCovered
from ._values import parse_moment

UTC = _datetime.timezone.utc


def timezone(name="UTC"):
    """A time zone by name."""
    if name in ("UTC", "utc"):
        return UTC
    try:
        import zoneinfo
    except ImportError:
        try:
            from backports import zoneinfo
        except ImportError:
            raise NotCovered("the time zone {} without pendulum, on a Python before 3.9,".format(name)) from None
    return zoneinfo.ZoneInfo(name)


class Duration(_datetime.timedelta):
    """A length of time."""

    def in_seconds(self):
        return int(self.total_seconds())

    def in_minutes(self):
        return int(self.total_seconds() // 60)

    def in_hours(self):
        return int(self.total_seconds() // 3600)


class DateTime(_datetime.datetime):
    """A datetime with pendulum's commonest methods."""

    @classmethod
    def of(cls, value):
        return cls(
            value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond,
            tzinfo=value.tzinfo or UTC, fold=value.fold,
        )

    def add(self, years=0, months=0, **lengths):
        whole = self.year * 12 + self.month - 1 + years * 12 + months
        year, month = divmod(whole, 12)
        last = [31, 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        moved = self.replace(year=year, month=month + 1, day=min(self.day, last[month]))
        return DateTime.of(moved + _datetime.timedelta(**lengths))

    def subtract(self, **lengths):
        return self.add(**{name: -value for name, value in lengths.items()})

    def in_timezone(self, zone):
        return DateTime.of(self.astimezone(timezone(zone) if isinstance(zone, str) else zone))

    in_tz = in_timezone

    def start_of(self, unit):
        if unit not in ("day", "hour", "minute", "second"):
            raise NotCovered("DateTime.start_of({!r}) without pendulum".format(unit))
        smaller = ("hour", "minute", "second", "microsecond")
        parts = smaller[("day", "hour", "minute", "second").index(unit) :]
        return DateTime.of(self.replace(**{part: 0 for part in parts}))

    def to_date_string(self):
        return self.strftime("%Y-%m-%d")

    def to_datetime_string(self):
        return self.strftime("%Y-%m-%d %H:%M:%S")

    def to_iso8601_string(self):
        return self.isoformat().replace("+00:00", "Z")

    @property
    def int_timestamp(self):
        return int(self.timestamp())

    @property
    def timezone_name(self):
        return getattr(self.tzinfo, "key", "UTC")


def datetime(year, month, day, hour=0, minute=0, second=0, microsecond=0, tz=UTC, fold=1, **_rest):
    """A moment of a zone."""
    zone = timezone(tz) if isinstance(tz, str) else tz
    return DateTime(year, month, day, hour, minute, second, microsecond, tzinfo=zone or UTC)


def now(tz=UTC):
    return DateTime.of(_datetime.datetime.now(timezone(tz) if isinstance(tz, str) else tz))


def today(tz="UTC"):
    return now(tz).start_of("day")


def yesterday(tz="UTC"):
    return today(tz).subtract(days=1)


def tomorrow(tz="UTC"):
    return today(tz).add(days=1)


def instance(value, tz=UTC):
    return DateTime.of(value)


def parse(text, tz=UTC, **_rest):
    found = parse_moment(text)
    return DateTime.of(found if found.tzinfo else found.replace(tzinfo=timezone(tz) if isinstance(tz, str) else tz))


def from_timestamp(timestamp, tz=UTC):
    return DateTime.of(_datetime.datetime.fromtimestamp(timestamp, timezone(tz) if isinstance(tz, str) else tz))


def duration(days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0, years=0, months=0):
    if years or months:
        raise NotCovered("pendulum.duration(years=..., months=...) without pendulum")
    return Duration(days, seconds, microseconds, milliseconds, minutes, hours, weeks)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Last of all finders: makes `pendulum` where no other has it."""

    def find_spec(self, name, path=None, target=None):
        if name == "pendulum":
            return importlib.util.spec_from_loader(name, self)
        return None

    def create_module(self, spec):
        return types.ModuleType(spec.name, "The little of pendulum that DAG files use.")

    def exec_module(self, module):
        for name in (
            "DateTime", "Duration", "UTC", "datetime", "duration", "from_timestamp", "instance", "now", "parse", "timezone", "today",
            "tomorrow", "yesterday",
        ):
            setattr(module, name, globals()[name])

        def missing(name):
            if name.startswith("__"):
                raise AttributeError(name)
            raise NotCovered("pendulum.{} without pendulum".format(name))

        module.__getattr__ = missing


def install():
    """From now on `import pendulum` works."""
    sys.meta_path.append(Finder())
