"""Installs unmodified clients by package name into a work directory, once, and gives the command that runs them.

Every function returns the command prefix for a judge's program. A client that cannot be installed raises
InstallError: a missing client is a failure of the run, never a skip.
"""

import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.sax.saxutils

HERE = pathlib.Path(__file__).resolve().parent
LIMIT_SECONDS = 900


class InstallError(Exception):
    """A client could not be installed; the message has the tool's own last words."""


def run(command, **settings):
    """Runs an installer's command; its output is shown only when it fails."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=LIMIT_SECONDS,
                              check=False, stdin=subprocess.DEVNULL, **settings)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{command[0]}: {error}") from error
    if done.returncode:
        words = " ".join((done.stdout + done.stderr).split())
        shown = words if len(words) <= 600 else f"{words[:400]} ... {words[-200:]}"
        raise InstallError(f"{' '.join(map(str, command[:4]))} ended with {done.returncode}: {shown}")
    return done.stdout


def once(directory, what, fill):
    """Fills `directory` unless an earlier run completed it for the same `what`. Half-filled ones are redone."""
    mark = directory / ".complete"
    wanted = hashlib.sha256(repr(what).encode()).hexdigest()
    if mark.is_file() and mark.read_text() == wanted:
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    fill(directory)
    mark.write_text(wanted)
    return directory


# ---------------------------------------------------------------- one function per packager


def have_apt(*packages):
    """Debian packages, each named as its program."""
    missing = [package for package in packages if shutil.which(package) is None]
    if missing:
        sudo = ["sudo", "-n"] if os.geteuid() else []
        apt = [*sudo, "apt-get", "-o", "DPkg::Lock::Timeout=300", "-y", "-qq"]
        run([*apt, "update"])
        run([*apt, "install", *missing])


def have_pip(work, name, *packages):
    """A virtual environment with the packages; returns its directory."""
    def fill(directory):
        run([sys.executable, "-m", "venv", directory])
        run([directory / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages])
    return once(work / f"venv-{name}", packages, fill)


def have_maven(work, name, *coordinates):
    """The jars of Maven coordinates G:A:V and all they need at run time; returns their directory."""
    def fill(directory):
        entries = "".join("<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
                          .format(*map(xml.sax.saxutils.escape, gav.split(":"))) for gav in coordinates)
        (directory / "pom.xml").write_text(
            '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
            "<groupId>judges</groupId><artifactId>client</artifactId><version>1</version><packaging>pom</packaging>"
            f"<dependencies>{entries}</dependencies></project>")
        run(["mvn", "-q", "-B", "-f", directory / "pom.xml", "dependency:copy-dependencies",
             "-DincludeScope=runtime", f"-DoutputDirectory={directory / 'lib'}"])
    return once(work / f"maven-{name}", coordinates, fill) / "lib"


def have_npm(work, name, *packages):
    """Node packages; returns the directory that holds node_modules."""
    def fill(directory):
        run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory, *packages])
    return once(work / f"npm-{name}", packages, fill)


# ---------------------------------------------------------------- what a judge's program runs in


@dataclasses.dataclass(frozen=True)
class Program:
    """How to start a judge: the command and additions to its environment."""
    command: list
    environment: dict = dataclasses.field(default_factory=dict)


def python(program, *packages):
    """A Python program inside a virtual environment of its own with the packages."""
    def install(work, name):
        venv = have_pip(work, name, *packages)
        return Program([venv / "bin/python", HERE / program],
                       {"PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    return install


def plain_python(program, *apt_packages):
    """A Python program of the standard library that drives Debian packages."""
    def install(_work, _name):
        have_apt(*apt_packages)
        return Program([sys.executable, HERE / program])
    return install


def java(source, *coordinates):
    """A Java program compiled against the jars of the coordinates."""
    def install(work, name):
        lib = have_maven(work, name, *coordinates)
        classes = work / f"classes-{name}"
        shutil.rmtree(classes, ignore_errors=True)
        run(["javac", "-nowarn", "-d", classes, "-cp", lib / "*", HERE / source, HERE / "Checks.java"])
        return Program(["java", "-Xmx256m", "-cp", f"{classes}{os.pathsep}{lib / '*'}", pathlib.Path(source).stem])
    return install


def java_tools(program, *coordinates):
    """A Python program that runs command-line tools out of jars; it finds them in JUDGE_JARS."""
    def install(work, name):
        lib = have_maven(work, name, *coordinates)
        return Program([sys.executable, HERE / program], {"JUDGE_JARS": str(lib / "*")})
    return install


def node(program, *packages):
    """A Node program that finds the packages."""
    def install(work, name):
        directory = have_npm(work, name, *packages)
        return Program(["node", HERE / program], {"NODE_PATH": str(directory / "node_modules")})
    return install


def artifact(jar):
    """A jar's name without its version."""
    return re.sub(r"-[0-9][0-9A-Za-z.+-]*\.jar$", "", jar.name)


def spark(program, pyspark, python_packages, coordinates):
    """A PySpark program with further jars. What PySpark ships wins over a jar of the same name."""
    def install(work, name):
        venv = have_pip(work, name, f"pyspark=={pyspark}", "setuptools", *python_packages)
        home = next(venv.glob("lib/python3*/site-packages/pyspark"))
        lib = have_maven(work, name, *coordinates)
        shipped = {artifact(jar) for jar in (home / "jars").glob("*.jar")}
        jars = [jar for jar in sorted(lib.glob("*.jar")) if artifact(jar) not in shipped]
        return Program([venv / "bin/python", HERE / program],
                       {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "JUDGE_JARS": ",".join(map(str, jars)),
                        "PYSPARK_PYTHON": str(venv / "bin/python")})
    return install
