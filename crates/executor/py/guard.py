"""Refuses imports of packages that are not on the Deployment Manager's list.

What is imported is judged by the file it comes from, whatever imports it and how: the standard library is fine,
so is the author's own code in the folder of DAG files, so is a package that is listed and what such a package
itself requires, and what Apache Airflow requires. The hook cannot be taken away once it is there. It keeps
order among colleagues; it is no prison for code that means harm.
"""

import importlib.metadata
import os
import re
import sys
import sysconfig

AIRFLOW = ("apache-airflow", "apache-airflow-core", "apache-airflow-task-sdk")
PLACES = ("site-packages", "dist-packages")
ARCHIVES = (".zip", ".whl", ".egg")
COMPILED = (".so", ".pyd", ".dylib")
INSTALLED = (".dist-info", ".egg-info")
WHERE = (
    "an Admin or a Deployment Manager can add it: page Configuration of the orchestrator, or "
    "POST /api/v2/packages"
)


def normal(name):
    """A name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name or "").lower()


def below(path, folder):
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def both(path):
    """A path as it is written, and as the disk knows it."""
    return {os.path.abspath(path), os.path.realpath(path)}


def top_names(dist):
    """The modules that an installed package brings."""
    text = dist.read_text("top_level.txt")
    if text:
        return set(text.split())
    names = set()
    for file in dist.files or ():
        parts = str(file).replace("\\", "/").split("/")
        if parts[0] == ".." or parts[0].endswith(INSTALLED + (".data",)):
            continue
        names.add(parts[0] if len(parts) > 1 else parts[0].split(".")[0])
    return names or {normal(dist.metadata["Name"]).replace("-", "_")}


class Guard:
    """The list, and what is installed."""

    def __init__(self, listed, dags, own):
        self.listed = {normal(name): version for name, version in listed.items()}
        self.dags = both(dags)
        self.own = set().union(*(both(path) for path in own))
        paths = sysconfig.get_paths()
        standard = (paths["stdlib"], paths["platstdlib"], os.path.dirname(os.__file__))
        self.standard = set().union(*(both(path) for path in standard))
        self.fine = set()
        self.copies = {}
        self.owners = None
        self.allowed = None
        self.busy = False

    def check(self, path):
        """Raises ImportError unless code of this file may run."""
        if not isinstance(path, str) or path.startswith("<") or path in self.fine or self.busy:
            return
        self.busy = True
        try:
            reason = self.reason(os.path.abspath(path))
        finally:
            self.busy = False
        if reason:
            raise ImportError(reason)
        self.fine.add(path)

    def reason(self, path):
        parts = path.split(os.sep)
        at = max((parts.index(place) for place in PLACES if place in parts), default=None)
        if at is not None and any(below(path, folder) for folder in self.dags):
            return "{} is a copy of a package in the folder of DAG files; {}".format(path, WHERE)
        if at is not None:
            return self.of_package(parts[at + 1 :])
        if any(below(path, folder) for folder in self.standard):
            return None
        for folder in self.dags:
            if below(path, folder):
                return self.of_author(path, folder)
        if any(below(path, folder) for folder in self.own):
            return None
        return "{} is neither of the standard library, nor of an installed package, nor in the folder of DAG files".format(path)

    def of_author(self, path, folder):
        """Author code is text of the author's: no package that was copied in."""
        inside = path[len(folder) :].strip(os.sep).split(os.sep)
        if any(part.endswith(ARCHIVES) for part in inside[:-1]) or path.endswith(COMPILED):
            return "{} is no text of an author's; packages come from the list; {}".format(path, WHERE)
        for depth in range(len(inside)):
            copy = self.copy_in(os.path.join(folder, *inside[:depth]))
            if copy:
                return "{} lies beside {}: a package is not added by a copy in the folder of DAG files; {}".format(path, copy, WHERE)
        return None

    def copy_in(self, folder):
        if folder not in self.copies:
            try:
                names = [name for name in os.listdir(folder) if name.endswith(INSTALLED)]
            except OSError:
                names = []
            self.copies[folder] = names[0] if names else None
        return self.copies[folder]

    def look(self):
        """What is installed: the owners of each module, and which packages are allowed."""
        installed = {}
        self.owners = {}
        for dist in importlib.metadata.distributions():
            name = normal(dist.metadata["Name"])
            if name and name not in installed:
                installed[name] = dist
                for top in top_names(dist):
                    self.owners.setdefault(top, []).append((name, dist))
        self.allowed = set()
        left = [*self.listed, *AIRFLOW]
        while left:
            name = left.pop()
            if name in self.allowed:
                continue
            self.allowed.add(name)
            for need in (installed[name].requires or ()) if name in installed else ():
                if "extra ==" not in need.replace("extra==", "extra =="):
                    left.append(normal(re.match(r"[A-Za-z0-9._-]*", need).group()))

    def of_package(self, inside):
        if self.owners is None:
            self.look()
        module = inside[0].split(".")[0]
        owners = self.owners.get(module, [])
        if len(owners) > 1:
            file = "/".join(inside)
            exact = [owner for owner in owners if any(str(one) == file for one in owner[1].files or ())]
            owners = exact or owners
        if not owners:
            return "the module {} belongs to no installed package, so that no list can name it".format(module)
        reasons = [self.of_distribution(module, name, dist) for name, dist in owners]
        return reasons[0] if all(reasons) else None

    def of_distribution(self, module, name, dist):
        shown = "{} {}".format(dist.metadata["Name"], dist.version)
        if name not in self.allowed:
            return "the package {} (module {}) is not on the list of packages that DAGs may use; {}".format(shown, module, WHERE)
        wanted = self.listed.get(name)
        if wanted and wanted != dist.version:
            return "the package {} (module {}) is installed, and the list has version {}; {}".format(shown, module, wanted, WHERE)
        return None


def install(listed, dags, own):
    """From now on code of other files does not run in this process, nor in what it forks."""
    guard = Guard(listed, dags, own)

    def hook(event, arguments):
        if event == "exec":
            guard.check(getattr(arguments[0], "co_filename", None))
        elif event == "import" and arguments[1]:
            guard.check(arguments[1])

    sys.addaudithook(hook)
