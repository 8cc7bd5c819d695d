"""Schedules and timetables, as the serialised DAG tells them to Millstream."""

import datetime

from ._exceptions import NotCovered

UTC = datetime.timezone.utc


def micros(length):
    """A length of time in whole microseconds."""
    return length // datetime.timedelta(microseconds=1)


def length_of(value, what):
    """A timedelta, or seconds, as a timedelta."""
    if value is None or isinstance(value, datetime.timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.timedelta(seconds=value)
    raise TypeError("{} must be a timedelta or seconds, not {!r}".format(what, value))


def zone_name(moment):
    """The name of a moment's time zone; UTC for a naive one, as Airflow's default_timezone."""
    zone = getattr(moment, "tzinfo", None)
    if zone is None:
        return "UTC"
    for attribute in ("key", "name", "zone"):
        name = getattr(zone, attribute, None)
        if isinstance(name, str) and name:
            return name
    offset = zone.utcoffset(moment) or datetime.timedelta()
    hours, rest = divmod(offset, datetime.timedelta(hours=1))
    if rest:
        raise ValueError(
            "the start_date has the fixed offset {}; write a named time zone, as in "
            "pendulum.datetime(2026, 1, 1, tz='Asia/Kolkata')".format(offset)
        )
    # The names of fixed offsets have their signs the other way round.
    return "UTC" if hours == 0 else "Etc/GMT{:+d}".format(-hours)


def to_utc(moment, what="start_date"):
    """The moment in UTC; naive ones are in UTC already."""
    if moment is None:
        return None
    if not isinstance(moment, datetime.datetime):
        if isinstance(moment, datetime.date):
            moment = datetime.datetime(moment.year, moment.month, moment.day)
        else:
            raise TypeError("{} must be a datetime, not {!r}".format(what, moment))
    if moment.utcoffset() is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


class Timetable:
    """Base of all. Timetables of authors' own need Airflow itself."""

    text = ""

    def described(self):
        raise NotCovered("the timetable {}".format(type(self).__qualname__))


class _Cron(Timetable):
    kind = ""

    def __init__(self, cron, *, timezone="UTC", interval=datetime.timedelta(), **rest):
        if rest.pop("run_immediately", None) or rest:
            raise NotCovered("{} of {}".format(", ".join(rest) or "run_immediately", type(self).__name__))
        self.cron = cron
        self.zone = timezone if isinstance(timezone, str) else getattr(timezone, "key", None) or getattr(timezone, "name", "UTC")
        self.interval = length_of(interval, "interval")
        self.text = cron


class CronTriggerTimetable(_Cron):
    """At the times of a cron expression."""

    def described(self):
        return {"kind": "cron-trigger", "cron": self.cron, "zone": self.zone, "interval": micros(self.interval)}


class CronDataIntervalTimetable(_Cron):
    """At the end of each interval between two times of a cron expression."""

    def described(self):
        return {"kind": "cron-interval", "cron": self.cron, "zone": self.zone}


def every(delta):
    """A length of time for people: every 2 h."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        count, rest = divmod(delta, datetime.timedelta(seconds=size))
        if not rest:
            return "every {} {}".format(count, unit)
    return "every {:g} s".format(delta.total_seconds())


class DeltaTriggerTimetable(Timetable):
    """So long after the last run."""

    def __init__(self, delta, *, interval=datetime.timedelta()):
        self.delta = length_of(delta, "delta")
        self.interval = length_of(interval, "interval")
        self.text = every(self.delta)

    def described(self):
        return {"kind": "delta-trigger", "delta": micros(self.delta), "interval": micros(self.interval)}


class DeltaDataIntervalTimetable(Timetable):
    """At the end of each interval of a fixed length."""

    def __init__(self, delta):
        self.delta = length_of(delta, "delta")
        self.text = every(self.delta)

    def described(self):
        return {"kind": "delta-interval", "delta": micros(self.delta)}


class NullTimetable(Timetable):
    text = "None"

    def described(self):
        return {"kind": "null"}


class OnceTimetable(Timetable):
    text = "@once"

    def described(self):
        return {"kind": "once"}


class ContinuousTimetable(Timetable):
    text = "@continuous"

    def described(self):
        return {"kind": "continuous"}


def timetable_of(schedule, zone):
    """What a DAG's schedule means, as Airflow 3 takes it."""
    if schedule is None or schedule == "None":
        return NullTimetable()
    if schedule == "@once":
        return OnceTimetable()
    if schedule == "@continuous":
        return ContinuousTimetable()
    if isinstance(schedule, str):
        return CronTriggerTimetable(schedule, timezone=zone)
    if isinstance(schedule, datetime.timedelta):
        return DeltaTriggerTimetable(schedule)
    if isinstance(schedule, Timetable):
        return schedule
    if type(schedule).__module__.split(".")[0] == "dateutil":
        raise NotCovered("a schedule that is a dateutil.relativedelta")
    if type(schedule).__name__ in ("Asset", "AssetAny", "AssetAll", "AssetAlias", "list", "tuple", "set"):
        raise NotCovered("a schedule of assets")
    raise TypeError("a schedule is a cron text, a timedelta or a timetable, not {!r}".format(schedule))


class Asset:
    """A name for what a task makes. Tasks may name it; nothing is started by it."""

    def __init__(self, name=None, uri=None, *, group="asset", extra=None, watchers=None):
        if watchers:
            raise NotCovered("watchers of an Asset")
        self.name = name or uri
        self.uri = uri or name
        self.group = group
        self.extra = dict(extra or {})

    def __repr__(self):
        return "Asset({!r})".format(self.uri)

    def __eq__(self, other):
        return isinstance(other, Asset) and (self.name, self.uri) == (other.name, other.uri)

    def __hash__(self):
        return hash((self.name, self.uri))
