"""Tests of the power cut: small programs that write, sync and are killed; then what is left.

  test_power_cut.py
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from power_cut import PowerCut

PRELUDE = """
import os, signal, sys
os.chdir(sys.argv[1])
W = os.O_CREAT | os.O_RDWR
def sync_dir(name='.'):
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY); os.fsync(fd); os.close(fd)
def put(name, text, sync=True, flags=0):
    fd = os.open(name, W | flags); os.write(fd, text)
    if sync: os.fsync(fd)
    return fd
"""
EPILOGUE = "\nos.kill(os.getpid(), signal.SIGKILL)\n"

# name: (files before, program, files after)
CASES = {
    "a synced file stays with its name": ({}, "put('a', b'one')", {"a": b"one"}),
    "an unsynced file is gone": ({}, "put('a', b'one', sync=False)", {}),
    "a closed file is not synced": ({}, "os.close(put('a', b'one', sync=False))", {}),
    "bytes after the last sync are gone": ({}, "fd = put('a', b'one'); os.write(fd, b'two')", {"a": b"one"}),
    "fdatasync keeps bytes and length": ({}, "fd = put('a', b'one'); os.write(fd, b'two'); os.fdatasync(fd)", {"a": b"onetwo"}),
    "a directory's sync keeps a name without bytes": ({}, "put('a', b'one', sync=False); sync_dir()", {"a": b""}),
    "a descriptor's duplicate syncs too": ({}, "fd = put('a', b'x', sync=False); os.fsync(os.dup(fd))", {"a": b"x"}),
    "another descriptor's sync counts": (
        {}, "put('a', b'x', sync=False); os.fsync(os.open('a', os.O_RDONLY))", {"a": b"x"}),
    "what was there before stays": ({"a": b"old", "d/b": b"deep"}, "pass", {"a": b"old", "d/b": b"deep"}),
    "an overwrite without sync is undone": ({"a": b"old"}, "fd = os.open('a', os.O_WRONLY); os.pwrite(fd, b'new', 0)", {"a": b"old"}),
    "a positioned write with sync stays": (
        {"a": b"0123456789"}, "fd = os.open('a', os.O_WRONLY); os.pwrite(fd, b'XY', 4); os.fsync(fd)", {"a": b"0123XY6789"}),
    "writes of parts are followed": (
        {}, "fd = os.open('a', W); os.writev(fd, [b'a', b'b']); os.pwritev(fd, [b'c', b'd'], 2); os.fsync(fd)", {"a": b"abcd"}),
    "a cut without sync is undone": ({"a": b"0123456789"}, "os.truncate('a', 3) if False else os.ftruncate(os.open('a', os.O_WRONLY), 3)",
                                     {"a": b"0123456789"}),
    "a cut with sync stays and what grows back is new": (
        {"a": b"x" * 10}, "fd = os.open('a', os.O_WRONLY); os.ftruncate(fd, 2); os.pwrite(fd, b'y', 5); os.fsync(fd)",
        {"a": b"xx\0\0\0y"}),
    "opening with O_TRUNC without sync is undone": ({"a": b"old"}, "os.open('a', os.O_WRONLY | os.O_TRUNC)", {"a": b"old"}),
    "O_DSYNC writes are durable at once": ({}, "put('a', b'one', sync=False, flags=os.O_DSYNC)", {"a": b"one"}),
    "appends are followed": (
        {"a": b"old"}, "fd = os.open('a', os.O_WRONLY | os.O_APPEND); os.write(fd, b'+1'); os.fsync(fd); os.write(fd, b'+2')",
        {"a": b"old+1"}),
    "a rename without any sync is undone": ({"a": b"old"}, "os.rename('a', 'b')", {"a": b"old"}),
    "a rename is kept by the directory's sync": ({"a": b"old"}, "os.rename('a', 'b'); sync_dir()", {"b": b"old"}),
    "a rename is kept by the file's sync": (
        {"a": b"old"}, "fd = os.open('a', os.O_RDWR); os.rename('a', 'b'); os.fsync(fd)", {"b": b"old"}),
    "replacing by rename without the directory's sync leaves both": (
        {"a": b"old"}, "put('t', b'new'); os.rename('t', 'a')", {"a": b"old", "t": b"new"}),
    "replacing by rename with the directory's sync is whole": (
        {"a": b"old"}, "put('t', b'new'); os.rename('t', 'a'); sync_dir()", {"a": b"new"}),
    "replacing without the file's sync leaves nothing in it": (
        {"a": b"old"}, "put('t', b'new', sync=False); os.rename('t', 'a'); sync_dir()", {"a": b""}),
    "a removal without sync is undone": ({"a": b"old"}, "os.unlink('a')", {"a": b"old"}),
    "a removal with the directory's sync stays": ({"a": b"old", "b": b"b"}, "os.unlink('a'); sync_dir()", {"b": b"b"}),
    "a new file under a removed one's name is told apart": (
        {"a": b"old"}, "os.unlink('a'); put('a', b'new')", {"a": b"new"}),
    "a new file under a removed one's name, unsynced": (
        {"a": b"old"}, "os.unlink('a'); put('a', b'new', sync=False)", {"a": b"old"}),
    "files in new directories": (
        {}, "os.mkdir('d'); put('d/a', b'one'); put('d/b', b'two', sync=False)", {"d/a": b"one"}),
    "a removed directory with its parent's sync": (
        {"d/a": b"x", "b": b"b"}, "os.unlink('d/a'); os.rmdir('d'); sync_dir()", {"b": b"b"}),
    "a renamed directory with its parent's sync": ({"d/a": b"x"}, "os.rename('d', 'e'); sync_dir()", {"e/a": b"x"}),
    "another directory's sync keeps nothing here": (
        {"d/x": b"x"}, "put('a', b'one', sync=False); sync_dir('d')", {"d/x": b"x"}),
    "os.sync keeps everything": ({}, "put('a', b'one', sync=False); os.sync()", {"a": b"one"}),
    "large files are followed by ranges": (
        {"a": b"x" * 400_000},
        "fd = os.open('a', os.O_WRONLY); os.pwrite(fd, b'NEW', 300_000); os.fsync(fd); os.pwrite(fd, b'LOST', 100)",
        {"a": b"x" * 300_000 + b"NEW" + b"x" * 99_997}),
    "copies inside the kernel are followed": (
        {"a": b"source"}, "s = os.open('a', os.O_RDONLY); d = os.open('b', W); os.copy_file_range(s, d, 6); os.fsync(d)",
        {"a": b"source", "b": b"source"}),
    "a deleted file's sync leaves no name": (
        {}, "fd = put('a', b'x', sync=False); os.unlink('a'); os.fsync(fd)", {}),
}


def files_of(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def run(program, before):
    """The files that are left, and the fault."""
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        fault = PowerCut(work, work / "data", torn_tails=False)
        environment = os.environ | fault.environment()
        for name, content in before.items():
            (work / "data" / name).parent.mkdir(parents=True, exist_ok=True)
            (work / "data" / name).write_bytes(content)
        done = subprocess.run([sys.executable, "-c", PRELUDE + program + EPILOGUE, work / "data"], env=environment,
                              capture_output=True, check=False, timeout=60)
        if done.returncode != -9:
            return {"failed": done.stderr}
        fault.cut()
        return files_of(work / "data")


def torn_tail_is_a_prefix():
    """Torn tails are a prefix of what was written, or end in zeros, and repeat by seed."""
    results = set()
    for seed in range(20):
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            fault = PowerCut(work, work / "data")
            subprocess.run([sys.executable, "-c", PRELUDE + "fd = put('a', b'one'); os.write(fd, b'2' * 1000)" + EPILOGUE,
                            work / "data"], env=os.environ | fault.environment(), check=False, timeout=60)
            fault.cut(seed)
            left = (work / "data" / "a").read_bytes()
            assert left.startswith(b"one") and (b"one" + b"2" * 1000).startswith(left.rstrip(b"\0")), left
            results.add(len(left))
    assert len(results) > 3, results


def main():
    failed = 0
    for name, (before, program, after) in CASES.items():
        left = run(program, before)
        if left != after:
            failed += 1
            print(f"FAILED {name}: left {left}, must be {after}"[:400])
    torn_tail_is_a_prefix()
    print(f"{len(CASES) + 1 - failed} of {len(CASES) + 1} cases hold")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
