"""Counts what a task gives to Kafka, so that a task that ends well and has sent nothing says so.

Wraps the producers of kafka-python and confluent-kafka once the author's code imports them. Changes nothing of
what they do. The last line of the log then tells what was sent and acknowledged; it starts with "kafka:" and is a
warning when a record was lost or none was sent.
"""

import atexit
import functools
import importlib.machinery
import logging
import sys
import threading
import weakref

ERROR_CHARS_MAX = 300


class Tally:
    """What has happened so far. Callbacks come from the producers' threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.producers = 0
        self.topics = set()
        self.sent = 0
        self.acknowledged = 0
        self.refused = 0
        self.lost = 0
        self.not_made = 0
        self.flushed = False
        self.first_error = None
        self.first_not_made = None
        self.no_connection = None
        self.ended_well = True
        # Whether this thread is in a send, which counts the errors of serialisers itself, and what the json
        # module said there: kafka-python may hide that behind an error of its own.
        self.inside = threading.local()

    def add(self, name, error=None):
        with self.lock:
            setattr(self, name, getattr(self, name) + 1)
            if error is not None and self.first_error is None:
                self.first_error = words(error)

    def report(self):
        """The line and whether it is a warning; None if no producer was made."""
        if not self.producers and self.no_connection is None:
            return None
        tried = self.sent + self.refused + self.not_made
        topics = ", ".join(sorted(self.topics)[:5])
        if self.sent and self.acknowledged == tried:
            return "kafka: {} sent to {}, {} acknowledged".format(records(self.sent), topics, self.acknowledged), False
        but = "the task ended without an error, but " if self.ended_well else ""
        if self.acknowledged:
            reached = "{} of {} reached Kafka ({})".format(self.acknowledged, records(tried), topics)
        else:
            reached = "no record reached Kafka"
        return "kafka: {}{}: {}".format(but, reached, "; ".join(self.causes()) or "none was sent"), True

    def causes(self):
        found = []
        if self.no_connection is not None:
            found.append("no producer could be made: {}".format(self.no_connection))
        if self.not_made:
            found.append("{} could not be serialised: {}".format(records(self.not_made), self.first_not_made))
        if self.refused:
            found.append("{} failed: {}".format(count(self.refused, "send"), self.first_error))
        if self.lost:
            found.append("{} sent and not accepted: {}".format(records(self.lost), self.first_error))
        waiting = self.sent - self.acknowledged - self.lost
        if waiting > 0:
            why = "" if self.flushed else ", since the producer was neither flushed nor closed; end with producer.flush()"
            found.append("{} still on the way when the task ended{}".format(records(waiting), why))
        return found


tally = Tally()


def count(number, what):
    return "{} {}{}".format(number, what, "" if number == 1 else "s")


def records(number):
    return count(number, "record")


def words(error):
    text = str(error).strip() or type(error).__name__
    if not isinstance(error, (TypeError, ValueError)) and type(error).__name__ not in text:
        text = "{}: {}".format(type(error).__name__, text)
    text = " ".join(text.split())
    return text[:ERROR_CHARS_MAX]


def watch_json():
    """Counts values that the json module has no form for: what was to be sent is then never made."""
    import json

    original = json.JSONEncoder.default

    @functools.wraps(original)
    def default(self, value):
        try:
            return original(self, value)
        except TypeError as error:
            if getattr(tally.inside, "send", False):
                tally.inside.cause = error
            else:
                with tally.lock:
                    tally.not_made += 1
                    if tally.first_not_made is None:
                        tally.first_not_made = words(error)
            raise

    json.JSONEncoder.default = default


def watch_kafka_python(module):
    producer = getattr(module, "KafkaProducer", None)
    if producer is None:
        return
    make, send, flush, close = producer.__init__, producer.send, producer.flush, producer.close

    @functools.wraps(make)
    def watched_make(self, *args, **kwargs):
        try:
            make(self, *args, **kwargs)
        except Exception as error:
            tally.no_connection = tally.no_connection or words(error)
            raise
        tally.producers += 1

    @functools.wraps(send)
    def watched_send(self, topic, *args, **kwargs):
        tally.inside.send, tally.inside.cause = True, None
        try:
            future = send(self, topic, *args, **kwargs)
        except Exception as error:
            tally.add("refused", tally.inside.cause or error)
            raise
        finally:
            tally.inside.send = False
        tally.topics.add(str(topic))
        tally.add("sent")
        future.add_callback(lambda *_: tally.add("acknowledged"))
        future.add_errback(lambda error=None, *_: tally.add("lost", error or "no reason was given"))
        return future

    @functools.wraps(flush)
    def watched_flush(self, *args, **kwargs):
        result = flush(self, *args, **kwargs)
        tally.flushed = True
        return result

    @functools.wraps(close)
    def watched_close(self, *args, **kwargs):
        # The producer closes itself at the end of the process, without patience: that counts for nothing.
        if kwargs.get("timeout", args[0] if args else None) != 0:
            tally.flushed = True
        return close(self, *args, **kwargs)

    producer.__init__, producer.send, producer.flush, producer.close = watched_make, watched_send, watched_flush, watched_close
    watch_json()


def watch_confluent(module):
    original = getattr(module, "Producer", None)
    if original is None:
        return
    alive = weakref.WeakSet()

    class Producer(original):
        """confluent_kafka's, counted."""

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            tally.producers += 1
            alive.add(self)

        def produce(self, topic, *args, **kwargs):
            # Positions: value, key, partition, callback (or on_delivery).
            args = list(args)
            asked = kwargs.pop("on_delivery", None) or kwargs.pop("callback", None)
            if len(args) > 3:
                asked = args.pop(3) or asked

            def delivered(error, message):
                if error is None:
                    tally.add("acknowledged")
                else:
                    tally.add("lost", error)
                if asked is not None:
                    asked(error, message)

            try:
                super().produce(topic, *args, on_delivery=delivered, **kwargs)
            except Exception as error:
                tally.add("refused", error)
                raise
            tally.topics.add(str(topic))
            tally.add("sent")

        def flush(self, *args, **kwargs):
            tally.flushed = True
            return super().flush(*args, **kwargs)

    module.Producer = Producer
    tally.poll = lambda: [producer.poll(0) for producer in list(alive)]
    watch_json()


WATCHED = {"kafka": watch_kafka_python, "confluent_kafka": watch_confluent}


class Finder:
    """Lets Python find the module, and wraps its producers once it is loaded."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        watch = WATCHED.get(name)
        if watch is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            try:
                watch(module)
            except Exception:
                logging.getLogger("airflow.task").debug("kafka: cannot count the records of %s", name, exc_info=True)

        spec.loader.exec_module = exec_module
        return spec


def report():
    """Writes the last line."""
    try:
        poll = getattr(tally, "poll", None)
        if poll is not None:
            poll()
        found = tally.report()
    except Exception:
        return
    if found is not None:
        text, warns = found
        logging.getLogger("airflow.task").log(logging.WARNING if warns else logging.INFO, "%s", text)


def install():
    """From now on, in this process; before the author's code is loaded."""
    sys.meta_path.insert(0, Finder)
    # First registered, last called: after the producers have closed themselves.
    atexit.register(report)
