"""What a side costs, from /proc: CPU-seconds and proportional memory of a process and all it started."""

import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """The fields of /proc/PID/stat behind the name, or None when the process has gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rsplit(")", 1)[1].split()


def tree(root):
    """`root` and all its descendants that live now."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := stat(entry)):
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, next_ones = [], [root]
    while next_ones:
        pid = next_ones.pop()
        if stat(pid):
            found.append(pid)
        next_ones += children.get(pid, [])
    return found


def cpu_seconds(roots):
    """User and system time of every process under `roots`, of its reaped children too."""
    total = 0
    for root in roots:
        for pid in tree(root):
            if fields := stat(pid):
                total += sum(int(value) for value in fields[11:15])
    return total / TICKS


def pss_mb(roots):
    """Proportional set size in MiB: memory that processes share is counted once."""
    total = 0
    for root in roots:
        for pid in tree(root):
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
            except (OSError, StopIteration):
                continue
    return total / 1024


def began(pid):
    """Start of a process on the clock of time.monotonic, with 10 ms resolution.

    Both count from boot without the time asleep, as long as the machine was never suspended.
    """
    fields = stat(pid)
    return int(fields[19]) / TICKS if fields else None
