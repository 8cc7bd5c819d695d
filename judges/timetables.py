"""Asks Airflow's own timetables and ours which runs come next, over zones and changes of clocks.

  timetables.py ANSWERER [--random N] [--runs N] [--whole] [--seed N]

ANSWERER is the example `runs` of crates/timetable. Runs under a Python that has Apache Airflow 3
(peers/airflow.sh install DIR, then DIR/venv/bin/python). Asked are cron expressions as people write them
and N made up ones, as triggers and as data intervals, with and without catchup, each in two zones at two
moments near changes of clocks, by chance; and the timetables of fixed lengths, of once, of continuous. Every run must be the same
to the microsecond; questions at which Airflow itself fails (an AssertionError) are counted. What Airflow takes and we refuse is listed with our words; what we take and Airflow
refuses is a difference. Exit code 0 without differences.
"""

import argparse
import collections
import datetime
import math
import os
import random
import subprocess
import sys

os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "False")
os.environ.setdefault("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite:////nonexistent/airflow.db")

import pendulum
from airflow.timetables import interval, simple, trigger
from airflow.timetables.base import DataInterval, TimeRestriction

UTC = datetime.timezone.utc
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago",
         "Africa/Casablanca", "Pacific/Apia")
EXPRESSIONS = (
    "* * * * *", "*/5 * * * *", "0 * * * *", "30 * * * *", "0 0 * * *", "30 2 * * *", "0 2 * * *", "30 1 * * *",
    "15 3 * * *", "0 */2 * * *", "0 */6 * * *", "10,50 1-3 * * *", "0 9-17 * * 1-5", "0 0 * * 0", "0 0 * * 7",
    "0 0 * * SUN", "0 0 1 * *", "0 0 31 * *", "0 0 L * *", "0 0 29 2 *", "0 0 13 * 5", "0 0 1,15 * MON",
    "0 0 */2 * *", "0 0 */2 * 1", "0 0 * */3 *", "0 12 * JAN-MAR *", "0 0 * * MON#1", "0 0 * * FRI#5", "0 0 * * L5",
    "0 0 * * L0", "0 0 * * MON-WED#2", "0 0 * * SAT-MON", "0 0 * NOV-FEB *", "0 22-2 * * *", "5/15 * * * *", "59/15 * * * *",
    "0 0 5-5 * *", "0 0 1-L * *", "0 0 1-31 * 1", "0 0 * * 1-7", "0 0 * * 0-6", "0 0 3 * 0-6", "0 0 15W * *", "0 0 1W * *",
    "0 0 31W * *", "*/7 */5 */3 */2 *", "0 0 ? * 1", "0 0 1 * ?", "0 0 * * *,1", "0 *,5 * * *", "30 */1 * * *",
    "30 0-23 * * *", "0 0 10-3/5 * *", "0 4-1/5 * * *", "50-10/15 * * * *", "0 0 * 11-2/2 *", "0 0 * * 5-1/2",
    "0 0 * * * 30", "0 0 * * * */20", "* * * * * 15", "0 0 1 1 * 0 2026-2028", "0 0 1 1 * 0 2026/2",
    "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly", "@midnight", "@annually", "@DAILY",
    "60 * * * *", "* * * *", "a * * * *", "* * 0 * *", "* * * * 8", "*/0 * * * *", "0 0 * * 1#6", "0 0 * * 1#0", "H * * * *",
    "R * * * *", "0 0 L,1 * *", "0 0 * * 5,5#2", "0 0 * * 1,5#2", "1-2-3 * * * *", "-1 * * * *", "", "0 0 30 2 *", "0 0 15W * 1",
    "0 0 13 * 5#2", "0 0 L * 5", "? * * * *", "0 0 10,15W * *", "0 0 W15 * *", "0 0 * FOO *", "@never",
)
NOWS = ("2026-03-28T23:10:00", "2026-03-29T01:00:00", "2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-11-01T06:30:00",
        "2026-04-04T15:30:00", "2024-02-29T12:00:00.5", "2026-07-01T00:00:00")


def moment(text):
    return pendulum.instance(datetime.datetime.fromisoformat(text).replace(tzinfo=UTC))


def micros(at):
    if at is None:
        return "-"
    return str(math.floor(at.timestamp()) * 1_000_000 + at.microsecond)


Question = collections.namedtuple("Question", "kind what zone last earliest latest catchup now count")


def line(question):
    start, end = question.last or (None, None)
    return "\t".join((question.kind, question.what, question.zone, micros(start), micros(end), micros(question.earliest),
                      micros(question.latest), str(int(question.catchup)), micros(question.now), str(question.count)))


def timetable(question):
    what, zone = question.what, question.zone
    match question.kind:
        case "cron-trigger": made = trigger.CronTriggerTimetable(what, timezone=zone)
        case "cron-interval": made = interval.CronDataIntervalTimetable(what, zone)
        case "delta-trigger": made = trigger.DeltaTriggerTimetable(datetime.timedelta(seconds=int(what)))
        case "delta-interval": made = interval.DeltaDataIntervalTimetable(datetime.timedelta(seconds=int(what)))
        case "once": made = simple.OnceTimetable()
        case "continuous": made = simple.ContinuousTimetable()
        case "null": made = simple.NullTimetable()
    made.validate()
    return made


def airflows(question):
    """Airflow's answer, in our words."""
    trigger.utcnow = interval.utcnow = simple.timezone.utcnow = lambda: question.now
    try:
        made = timetable(question)
    except Exception as error:
        return f"refused {error}"
    last = DataInterval(*question.last) if question.last else None
    restriction = TimeRestriction(question.earliest, question.latest, question.catchup)
    runs = []
    for _ in range(question.count):
        try:
            run = made.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        except Exception as error:
            # A day that never comes: Airflow says so by failing, we by having no next run.
            if "failed to find" not in str(error):
                return f"failed {type(error).__name__}: {error}"
            run = None
        if run is None:
            runs.append("none")
            break
        runs.append(" ".join(map(micros, (run.run_after, run.data_interval.start, run.data_interval.end))))
        last = run.data_interval
    return "\t".join(runs)


def made_up(chance):
    """A cron expression that is likely to be understood."""
    def field(low, high, names=()):
        def value():
            return chance.choice(names) if names and chance.random() < 0.3 else str(chance.randint(low, high))
        kind = chance.random()
        if kind < 0.35:
            return "*"
        if kind < 0.5:
            return f"*/{chance.randint(1, high)}"
        if kind < 0.65:
            return f"{value()}-{value()}" + (f"/{chance.randint(1, 7)}" if chance.random() < 0.5 else "")
        return ",".join(value() for _ in range(chance.randint(1, 3)))
    months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
    days = "SUN MON TUE WED THU FRI SAT".split()
    last = chance.choice([field(0, 7, days)] * 4 + [f"{chance.choice(days)}#{chance.randint(1, 5)}", f"L{chance.randint(0, 6)}"])
    day = chance.choice([field(1, 31)] * 5 + ["L", f"{chance.randint(1, 31)}W"])
    return " ".join((field(0, 59), field(0, 23), day, field(1, 12, months), last))


def questions(arguments):
    chance = random.Random(arguments.seed)
    expressions = list(EXPRESSIONS) + [made_up(chance) for _ in range(arguments.random)]
    for expression in expressions:
        named = expression in EXPRESSIONS
        for zone in ZONES if arguments.whole and named else chance.sample(ZONES, 2):
            for now in map(moment, NOWS if arguments.whole and named else chance.sample(NOWS, 2)):
                for kind in ("cron-trigger", "cron-interval"):
                    start = now - datetime.timedelta(days=chance.choice((0, 1, 3)), seconds=chance.choice((0, 0, 1, 61)))
                    last = (start, start + datetime.timedelta(seconds=chance.choice((0, 3600, 86400))))
                    yield Question(kind, expression, zone, None, start, None, True, now, arguments.runs)
                    yield Question(kind, expression, zone, None, start, None, False, now, 3)
                    yield Question(kind, expression, zone, last, chance.choice((None, start)), None, chance.random() < 0.5, now, 3)
                    yield Question(kind, expression, zone, None, None, now + datetime.timedelta(days=2), chance.random() < 0.5, now, 3)
    for now in map(moment, NOWS):
        for seconds in ("60", "3600", "86400", "100000", "7"):
            for kind in ("delta-trigger", "delta-interval"):
                for catchup in (True, False):
                    for earliest in (None, now - datetime.timedelta(hours=5, seconds=3)):
                        yield Question(kind, seconds, "UTC", None, earliest, None, catchup, now, 3)
                        yield Question(kind, seconds, "UTC", (now, now), earliest, None, catchup, now, 3)
        for kind in ("once", "continuous", "null"):
            for earliest in (None, now - datetime.timedelta(days=1), now + datetime.timedelta(days=1)):
                for latest in (None, now):
                    yield Question(kind, "", "UTC", None, earliest, latest, False, now, 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answerer")
    parser.add_argument("--random", type=int, default=100, help="made up expressions")
    parser.add_argument("--runs", type=int, default=15, help="runs in a row of each question with catchup")
    parser.add_argument("--whole", action="store_true", help="ask every expression in every zone: an hour")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    asked = list(questions(arguments))
    done = subprocess.run([arguments.answerer], input="".join(line(one) + "\n" for one in asked), capture_output=True, text=True,
                          check=True)
    ours = done.stdout.splitlines()
    same, different, unsupported, broken = 0, [], {}, 0
    for question, our in zip(asked, ours, strict=True):
        theirs = airflows(question)
        if our.startswith("refused") and theirs.startswith("refused"):
            same += 1
        elif theirs.startswith("failed"):
            broken += 1
        elif our.startswith("refused"):
            unsupported[question.what] = our
        elif our == theirs:
            same += 1
        else:
            different.append((question, our, theirs))
    seen = set()
    for question, our, theirs in different:
        if (question.kind, question.what) not in seen and len(seen) < 25:
            seen.add((question.kind, question.what))
            print(f"DIFFERENT {question.kind} {question.what!r} {question.zone} catchup={question.catchup} now={question.now} "
                  f"earliest={question.earliest} last={question.last}\n  ours    {our[:200]}\n  Airflow {theirs[:200]}")
    for what, why in unsupported.items():
        print(f"not supported: {what!r}: {why.removeprefix('refused ')}")
    print(f"{len(asked)} questions: {same} the same, {len(different)} different, {broken} at which Airflow fails, "
          f"{len(unsupported)} expressions that Airflow takes and we refuse by name")
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())
