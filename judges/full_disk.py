"""Runs the product with its data directory on a small file system, feeds it until that is full, and judges
what it says and what it has kept.

  full_disk.py BINARY [--size-mib N] [--records N] [options of crash_loop.py]

When the file system is full, the cause and the next step must be readable on the command line (`status`, or
what `up` printed), in the engine's /status and on the console's page, and nothing may be acknowledged that
is not there later. Then the product is ended by --end (kill, stop), the file system is made larger, the
product starts again, the rest is sent, and everything must be right: check.py judges it.

Needs root for mount(8), or a system that gives user namespaces (it then calls itself by `unshare`). Exit
code 0 green, 1 red, 2 not allowed to mount.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import crash_loop
import produce

CAUSE = re.compile(r"no space left|disk (is )?full|storage full|file system is full", re.I)
NEXT = re.compile(r"\bfree\b|make room|larger|more space|delete", re.I)
QUIET_SECONDS = 8.0         # so long without an acknowledgement: full
SAY_SECONDS = 30.0          # so long it may take until every place says why


class MountError(Exception):
    """The small file system could not be made."""


def mount(*words):
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise MountError(done.stderr.strip())


def own_namespace():
    """Runs this program again with the right to mount, if it has not got it and the system gives it."""
    if os.geteuid() == 0 or os.environ.get("FULL_DISK_UNSHARED"):
        return
    unshare = shutil.which("unshare")
    if unshare and subprocess.run([unshare, "-rm", "true"], capture_output=True, timeout=30, check=False).returncode == 0:
        os.execve(unshare, [unshare, "-rm", sys.executable, *sys.argv], os.environ | {"FULL_DISK_UNSHARED": "1"})


class FullDisk(crash_loop.Round):
    """A round in which the disk fills up."""

    silent = ()

    def run(self):
        data = self.product.data
        data.mkdir()
        mount("-t", "tmpfs", "-o", f"size={self.arguments.size_mib}m", "full-disk", data)
        try:
            filled = self.fill()
            right = filled and self.last_life()
            return right and not self.silent
        finally:
            self.product.kill()
            subprocess.run(["umount", data], timeout=30, check=False)
            if self.green and not self.silent:
                shutil.rmtree(self.directory, ignore_errors=True)

    def fill(self):
        self.product.start()
        if not crash_loop.answers(self.names["kafka_address"], 60):
            print("WRONG the product did not start:", self.product.tail())
            return False
        produce.create_topics(self.names["kafka_address"], {self.scenario["topic"]: self.load.partitions})
        self.producer = produce.Producer(self.names["kafka_address"], self.scenario["topic"], self.names["produced"])
        self.messages = produce.messages(self.load)
        if not self.feed_until_full():
            print(f"WRONG all {self.load.records} records fit: use more records or a smaller --size-mib")
            return False
        usage = shutil.disk_usage(self.product.data)
        print(f"  full: {self.producer.count} records acknowledged, {usage.free} of {usage.total} bytes free", flush=True)
        self.silent = self.listen()
        code = self.end()
        print(f"  ended with {code}", flush=True)
        mount("-o", f"remount,size={self.arguments.larger_mib}m", self.product.data)
        return True

    def feed_until_full(self):
        """Sends at a pace until nothing has been acknowledged for a while."""
        count, since = 0, time.monotonic()
        for message in self.messages:
            self.producer.send(message)
            time.sleep(0.0005)
            while len(self.producer.client) > 2_000 and time.monotonic() < since + QUIET_SECONDS:
                self.producer.client.poll(0.1)
                if self.producer.count > count:
                    count, since = self.producer.count, time.monotonic()
            if self.producer.count > count:
                count, since = self.producer.count, time.monotonic()
            if time.monotonic() > since + QUIET_SECONDS or self.product.process.poll() is not None:
                return True
        return False

    def places(self):
        """What each place says now."""
        command = [self.arguments.binary, "status", str(self.product.project)]
        try:
            status = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
            status = status.stdout + status.stderr
        except subprocess.TimeoutExpired:
            status = ""
        log = (self.directory / "product.log").read_text("utf-8", "replace")
        return {"what `up` printed": log, "`millstream status`": status, "the engine's /status": page(self.product.status),
                "the console's page": page(f"http://127.0.0.1:{self.names['console_port']}/")}

    def listen(self):
        """The places that do not tell cause and next step; of a product that ended, only what it printed counts."""
        deadline = time.monotonic() + SAY_SECONDS
        while True:
            alive = self.product.process.poll() is None
            places = self.places()
            if not alive:
                places = {"what `up` printed": places["what `up` printed"]}
            silent = [place for place, text in places.items() if not (CAUSE.search(text) and NEXT.search(text))]
            if not silent or time.monotonic() > deadline:
                break
            time.sleep(1)
        for place, text in places.items():
            line = next((line.strip() for line in re.split(r"[\n>]", text) if CAUSE.search(line)), None)
            print(f"  {place}: {line[:300] if line else 'does not name the cause'}", flush=True)
        for name, text in places.items():
            (self.directory / f"{re.sub('[^a-z]+', '-', name.lower()).strip('-')}.said").write_text(text, "utf-8")
        for place in silent:
            print(f"  WRONG {place} does not name cause and next step", flush=True)
        return silent

    def end(self):
        """Ends the product as asked; how it ended."""
        code = self.product.process.poll()
        if code is not None:
            return f"{code}, by itself"
        if self.arguments.end == "stop":
            return self.product.stop()
        self.product.kill()
        return "kill -9"


def page(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode("utf-8", "replace")
    except (OSError, urllib.error.URLError):
        return ""


def main():
    parser = crash_loop.parser_of(__doc__)
    parser.add_argument("--size-mib", type=int, default=24)
    parser.add_argument("--larger-mib", type=int, default=512, help="the file system's size afterwards")
    parser.add_argument("--end", choices=("kill", "stop"), default="kill", help="how the product is ended while it is full")
    parser.set_defaults(records=40_000, parallelism="2")
    arguments = crash_loop.arguments_of(parser)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that the product is ended too
    own_namespace()
    try:
        green = FullDisk(arguments, int(arguments.parallelism.split(",")[0]), arguments.seed).run()
    except MountError as error:
        print(f"full_disk.py must mount a small file system and may not ({error}); run it as root", file=sys.stderr)
        return 2
    print("green" if green else "red")
    return not green


if __name__ == "__main__":
    sys.exit(main())
