"""The line to Millstream: questions and answers, one JSON object a line."""

import json
import threading


class HostError(Exception):
    """Millstream could not answer."""


class Host:
    """Asks over a socket. Threads of the author's code may ask at the same time: one after another."""

    def __init__(self, sock):
        self._file = sock.makefile("rwb")
        self._lock = threading.Lock()
        self._number = 0

    def start(self):
        """What to do: the first line."""
        return self._read()

    def ask(self, what, **fields):
        """The answer to a question."""
        with self._lock:
            self._number += 1
            fields["ask"] = what
            fields["id"] = self._number
            self._file.write(json.dumps(fields).encode() + b"\n")
            self._file.flush()
            answer = self._read()
        if answer.get("id") != fields["id"]:
            raise HostError("Millstream answered another question than {}".format(what))
        if "error" in answer:
            raise HostError(answer["error"])
        return answer.get("value")

    def _read(self):
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise HostError("Millstream is gone")
        return json.loads(line)


# The line of this process; none outside of Millstream.
current = None


def ask(what, **fields):
    """Asks Millstream."""
    if current is None:
        raise HostError("there is no Millstream to ask for a {}: this process was not started by it".format(what))
    return current.ask(what, **fields)
