"""XCom values as JSON. Types beyond JSON's are marked by the names that Airflow's serialisation uses."""

import base64
import datetime
import decimal
import enum
import uuid

from ._exceptions import AirflowException

CLASS, VERSION, DATA = "__classname__", "__version__", "__data__"
DEPTH_MAX = 50


def wrapped(name, data, version=1):
    return {CLASS: name, VERSION: version, DATA: data}


def encode(value, what="the value", depth=0):
    """The value as what json.dumps takes; TypeError names what it does not."""
    if depth > DEPTH_MAX:
        raise AirflowException("{} is nested more than {} deep".format(what, DEPTH_MAX))
    if isinstance(value, enum.Enum):
        return encode(value.value, what, depth)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): encode(item, what, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [encode(item, what, depth + 1) for item in value]
    if isinstance(value, (tuple, set, frozenset)):
        items = [encode(item, what, depth + 1) for item in value]
        return wrapped("builtins." + type(value).__name__, items)
    if isinstance(value, datetime.datetime):
        offset = value.utcoffset()
        return wrapped("datetime.datetime", {"iso": value.isoformat(), "naive": offset is None}, 2)
    if isinstance(value, datetime.date):
        return wrapped("datetime.date", value.isoformat(), 2)
    if isinstance(value, datetime.timedelta):
        return wrapped("datetime.timedelta", value.total_seconds(), 2)
    if isinstance(value, decimal.Decimal):
        return wrapped("decimal.Decimal", str(value))
    if isinstance(value, uuid.UUID):
        return wrapped("uuid.UUID", str(value))
    if isinstance(value, (bytes, bytearray)):
        return wrapped("builtins.bytes", base64.b64encode(bytes(value)).decode())
    item = getattr(value, "item", None)
    if callable(item) and type(value).__module__.split(".")[0] == "numpy":
        return encode(item(), what, depth + 1)
    raise TypeError(
        "{} holds a {}.{}, which an XCom cannot hold; return texts, numbers, lists and dicts".format(
            what, type(value).__module__, type(value).__qualname__
        )
    )


def decode(value):
    """The value that was encoded so."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {CLASS, VERSION, DATA}:
        return {key: decode(item) for key, item in value.items()}
    name, data = value[CLASS], value[DATA]
    if name == "datetime.datetime" and isinstance(data, dict) and "iso" in data:
        return parse_moment(data["iso"])
    makers = {
        "builtins.tuple": lambda: tuple(decode(data)),
        "builtins.set": lambda: set(decode(data)),
        "builtins.frozenset": lambda: frozenset(decode(data)),
        "builtins.bytes": lambda: base64.b64decode(data),
        "datetime.date": lambda: datetime.date(*(int(part) for part in data.split("-"))),
        "datetime.timedelta": lambda: datetime.timedelta(seconds=data),
        "decimal.Decimal": lambda: decimal.Decimal(data),
        "uuid.UUID": lambda: uuid.UUID(data),
    }
    maker = makers.get(name)
    return maker() if maker else value


def parse_moment(text):
    """A datetime of an ISO 8601 text; Python before 3.11 reads neither Z nor every number of digits."""
    text = text.strip()
    if text.endswith(("Z", "z")):
        text = text[:-1] + "+00:00"
    head, dot, tail = text.partition(".")
    if dot:
        digits = 0
        while digits < len(tail) and tail[digits].isdigit():
            digits += 1
        text = head + "." + tail[:digits][:6].ljust(6, "0") + tail[digits:]
    return datetime.datetime.fromisoformat(text)
