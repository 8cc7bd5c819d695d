"""Reads topics as any user would: with kcat, read_committed, from the first offset to the last."""

import dataclasses
import os
import re
import secrets
import subprocess

OURS = re.compile(rb"(?:^|,)millstream\.(stream|reason|topic|partition|offset|timestamp)=")


class ReadError(Exception):
    """A topic or table could not be read; the message has the tool's own words."""


@dataclasses.dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    timestamp: int          # milliseconds since the Unix epoch
    key: bytes | None
    value: bytes | None
    headers: bytes          # as kcat prints them: name=value,name=value

    def split_headers(self):
        """The headers that came with the source record (bytes), and ours (dict of text)."""
        first = OURS.search(self.headers)
        if first is None:
            return self.headers, {}
        pieces = OURS.split(self.headers[first.start():])
        ours = {pieces[i].decode(): pieces[i + 1].decode("utf-8", "replace") for i in range(1, len(pieces), 2)}
        return self.headers[:first.start()], ours


def topic(bootstrap, name, isolation="read_committed", timeout=300, missing_is_empty=False):
    """All records of a topic, by partition and offset."""
    mark = f"<{secrets.token_hex(8)}>"
    command = [os.environ.get("KCAT", "kcat"), "-C", "-q", "-e", "-b", bootstrap, "-t", name, "-o", "beginning",
               "-X", f"isolation.level={isolation}", "-X", "broker.address.family=v4",
               "-X", "allow.auto.create.topics=false",
               "-f", f"%p %o %T %K %S %h{mark}%k%s"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise ReadError(f"kcat did not reach the end of topic {name!r} within {timeout} s; is a transaction "
                        f"left open? It said: {(error.stderr or b'').decode(errors='replace').strip()}") from error
    said = done.stderr.decode(errors="replace").strip()
    if missing_is_empty and ("Unknown topic" in said or "unknown topic" in said):
        return []
    if done.returncode != 0:
        raise ReadError(f"kcat could not read topic {name!r} at {bootstrap}: {said}")
    return sorted(parse(done.stdout, mark.encode()), key=lambda record: (record.partition, record.offset))


def parse(output, mark):
    records, at = [], 0
    while at < len(output):
        end = output.index(mark, at)
        head = output[at:end].split(b" ", 5)
        partition, offset, timestamp, key_bytes, value_bytes = (int(number) for number in head[:5])
        at = end + len(mark)
        key = None if key_bytes < 0 else output[at:at + key_bytes]
        at += max(0, key_bytes)
        value = None if value_bytes < 0 else output[at:at + value_bytes]
        at += max(0, value_bytes)
        records.append(Record(partition, offset, timestamp, key, value, head[5]))
    return records
