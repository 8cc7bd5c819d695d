"""The fork server: loads a runtime once, then forks a child for every job.

Millstream starts it with its end of the control socket as standard input and one argument, the settings as
JSON. It answers one JSON line, {"ready": ...} or {"failed": text}. From then on each message on the control
socket is one byte, the kind of the job, with files: the leash, the request socket, standard output, standard
error, the log socket, and perhaps a lock that the child is to hold.

The leash is how a job is watched. Down it go {"pid": ...} and {"code": ..., "signal": ...}; a byte up it, or
its end, ends the job: SIGTERM to its process group, and SIGKILL after the grace. The end of the control
socket ends all jobs, so that none outlives Millstream.

Runs no author code: that is what the children are for. Starts no thread: a fork would lose it.
"""

import array
import errno
import gc
import json
import os
import select
import signal
import socket
import sys
import time

FILES = ("leash", "requests", "out", "err", "logs", "lock")
FILES_MIN = 5
# After SIGKILL, for the rest of a group to be gone.
KILL_PATIENCE = 5.0
PARSE, RUN = b"P", b"T"


class Job:
    """A child, from its fork to the end of its process group."""

    def __init__(self, pid, leash):
        self.pid = pid
        self.leash = leash
        self.kill_at = None
        self.ended = None
        self.gone_by = None

    def signal_group(self, number):
        try:
            os.killpg(self.pid, number)
            return True
        except ProcessLookupError:
            return False
        except PermissionError:
            # On some systems this is what a group of zombies answers.
            return False

    def stop(self, grace):
        if self.kill_at is None and self.ended is None:
            self.kill_at = time.monotonic() + grace
            self.signal_group(signal.SIGTERM)

    def look(self):
        """Whether the job is over, its group too."""
        now = time.monotonic()
        if self.ended is None:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                if self.kill_at is not None and now >= self.kill_at:
                    self.signal_group(signal.SIGKILL)
                return False
            # What the child left behind goes before its number may be used again.
            self.signal_group(signal.SIGKILL)
            _pid, status = os.waitpid(self.pid, 0)
            self.ended = status
            self.gone_by = now + KILL_PATIENCE
        if self.signal_group(0) and now < self.gone_by:
            return False
        code = os.WEXITSTATUS(self.ended) if os.WIFEXITED(self.ended) else None
        number = os.WTERMSIG(self.ended) if os.WIFSIGNALED(self.ended) else None
        tell(self.leash, {"code": code, "signal": number})
        self.leash.close()
        return True


def tell(sock, message):
    try:
        sock.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        pass  # Millstream is gone; the end of the control socket says so too.


def receive(control):
    """A job's kind and files; (b"", []) at the end."""
    size = array.array("i").itemsize
    kind, ancillary, _flags, _from = control.recvmsg(1, socket.CMSG_SPACE(len(FILES) * size))
    files = array.array("i")
    for level, what, data in ancillary:
        if level == socket.SOL_SOCKET and what == socket.SCM_RIGHTS:
            files.frombytes(data[: len(data) - len(data) % size])
    for number in files:
        os.set_inheritable(number, False)
    return kind, list(files)


class Server:
    """The loop."""

    def __init__(self, control, driver, settings):
        self.control = control
        self.driver = driver
        self.settings = settings
        self.jobs = []
        self.closing = False
        self.wake, wake_up = os.pipe()
        for end in (self.wake, wake_up):
            os.set_blocking(end, False)
        self.wake_up = wake_up

    def serve(self):
        signal.set_wakeup_fd(self.wake_up, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.close())
        while self.jobs or not self.closing:
            self.turn()

    def close(self):
        self.closing = True
        for job in self.jobs:
            job.stop(self.settings["grace_s"])

    def turn(self):
        watched = {job.leash: job for job in self.jobs if job.kill_at is None and job.ended is None}
        readers = [self.wake, *watched]
        if not self.closing:
            readers.append(self.control)
        # Signals end the wait; the rest is for groups that are on their way out.
        leaving = any(job.kill_at is not None or job.ended is not None for job in self.jobs)
        try:
            ready, _, _ = select.select(readers, [], [], 0.02 if leaving else 60.0)
        except InterruptedError:
            ready = []
        for reader in ready:
            if reader is self.wake:
                try:
                    os.read(self.wake, 4096)
                except BlockingIOError:
                    pass
            elif reader is self.control:
                self.start()
            else:
                self.on_leash(watched[reader])
        self.jobs = [job for job in self.jobs if not job.look()]
        self.reap()

    def reap(self):
        """Takes away what tasks have left behind and what has ended since."""
        leaders = {job.pid for job in self.jobs if job.ended is None}
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in leaders:
                return
            os.waitpid(found.si_pid, 0)

    def on_leash(self, job):
        # A byte and the end say the same.
        try:
            job.leash.recv(1)
        except OSError:
            pass
        job.stop(self.settings["grace_s"])

    def start(self):
        try:
            kind, files = receive(self.control)
        except ConnectionResetError:
            kind, files = b"", []
        if kind not in (PARSE, RUN) or len(files) < FILES_MIN:
            for number in files:
                os.close(number)
            self.close()
            return
        named = dict(zip(FILES, files))
        leash = socket.socket(fileno=named.pop("leash"))
        try:
            pid = os.fork()
        except OSError as error:
            tell(leash, {"failed": "fork: {}".format(os.strerror(error.errno or errno.EAGAIN))})
            leash.close()
            pid = None
        if pid == 0:
            self.child(kind, named, leash)
        for number in named.values():
            os.close(number)
        if pid is not None:
            try:
                # The child does it too: whoever comes first.
                os.setpgid(pid, pid)
            except OSError:
                pass
            tell(leash, {"pid": pid})
            self.jobs.append(Job(pid, leash))

    def child(self, kind, files, leash):
        code = 125
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.close(self.wake)
            os.close(self.wake_up)
            self.control.close()
            leash.close()
            for job in self.jobs:
                job.leash.close()
            if "lock" in files:
                # Held, unread, by the child and what it starts.
                os.set_inheritable(files["lock"], True)
            if kind == PARSE and self.settings.get("parse_memory"):
                limit_memory(self.settings["parse_memory"])
            code = self.driver.child(kind == PARSE, files, self.settings)
        except BaseException:
            import traceback

            try:
                os.write(files["err"], traceback.format_exc().encode("utf-8", "replace"))
            except OSError:
                pass
        finally:
            os._exit(code)


def adopt_orphans():
    """Processes whose parents go become children of this one, which takes them away once they end."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, Linux
    except (ImportError, OSError, AttributeError):
        pass  # Then the system's first process does it.


def limit_memory(size):
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ImportError, OSError, ValueError):
        pass  # Not every system has this limit; the time limit holds everywhere.


def load(settings):
    """The driver of the rung, with everything loaded that its children need."""
    if settings["rung"] == "airflow":
        import airflow_driver as driver
    else:
        import builtin_driver as driver
    about = driver.load(settings)
    return driver, about


def main():
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        if settings.get("packages") is not None:
            import guard

            own = [settings["project"], os.path.dirname(os.path.abspath(__file__)), settings["home"]]
            guard.install(settings["packages"], settings["dags"], own)
        driver, about = load(settings)
    except BaseException as error:
        import traceback

        last = traceback.format_exception_only(type(error), error)[-1].strip()
        sys.stderr.write(traceback.format_exc())
        tell(control, {"failed": last})
        return 1
    gc.collect()
    if hasattr(gc, "freeze"):
        # What is loaded now stays shared with the children.
        gc.freeze()
    adopt_orphans()
    tell(control, {"ready": about})
    Server(control, driver, settings).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
