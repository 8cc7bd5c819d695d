"""Installs what the measurements need, by package name, into the work directory; each thing once.

librdkafka's rdkafka_performance is built from the source that the crate rdkafka-sys carries, which this
workspace depends on anyway; latte comes from the Cargo registry, the servers from Maven and PyPI.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "clients"))
import install  # noqa: E402  the judges' own installers

LATTE = "0.29.0"
DRIVERS = ("cassandra-driver", "confluent-kafka")
INSTALL_SECONDS = 1800


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, log, **settings):
    """Runs an installer; its words go to `log`."""
    with open(log, "ab") as file:
        done = subprocess.run([str(word) for word in command], stdout=file, stderr=file, check=False,
                              stdin=subprocess.DEVNULL, timeout=INSTALL_SECONDS, **settings)
    if done.returncode:
        raise install.InstallError(f"{' '.join(map(str, command[:3]))} ended with {done.returncode}, see {log}")


def probe_python(work):
    return install.have_pip(work, "probe", *DRIVERS) / "bin/python"


def rdkafka_performance(work):
    def fill(directory):
        text = install.run(["cargo", "metadata", "--locked", "--format-version", "1"], cwd=ROOT)
        crate = next(one for one in json.loads(text)["packages"] if one["name"] == "rdkafka-sys")
        shutil.copytree(pathlib.Path(crate["manifest_path"]).parent / "librdkafka", directory, dirs_exist_ok=True)
        log = directory / "build.log"
        for name in ("configure", "lds-gen.py"):
            (directory / name).chmod(0o755)
        run(["./configure", "--disable-curl", "--disable-sasl", "--disable-ssl"], log, cwd=directory)
        run(["make", "-j2", "-C", "src", "librdkafka.a"], log, cwd=directory)
        run(["make", "-C", "examples", "rdkafka_performance"], log, cwd=directory)
    return install.once(work / "librdkafka", "rdkafka-sys", fill) / "examples/rdkafka_performance"


def latte(work):
    def fill(directory):
        run(["cargo", "install", "latte-cli", "--version", LATTE, "--locked", "--root", directory],
            directory / "install.log", env={**os.environ, "CARGO_TARGET_DIR": str(directory / "target")})
        shutil.rmtree(directory / "target", ignore_errors=True)
    return install.once(work / "latte", LATTE, fill) / "bin/latte"


def peer(work, name):
    directory, log = work / name, work / "logs" / f"install-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if not (directory / ".ready").exists():
        run([ROOT / "peers" / f"{name}.sh", "install", directory], log)
        if name == "spark":
            run([directory / "venv/bin/pip", "install", "--quiet", *DRIVERS], log)
        (directory / ".ready").touch()
    return directory


PEERS = {"start": ("kafka", "cassandra", "spark"), "latency": ("kafka", "cassandra", "spark"),
         "broker": ("kafka",), "store": ("cassandra",)}


def everything(work, parts, peers):
    """What the named measurements need; returns the tools' paths by name."""
    say("installing what is missing; the first time takes minutes")
    found = {"python": probe_python(work)}
    if peers:
        for name in sorted({one for part in parts for one in PEERS[part]}):
            peer(work, name)
    if "broker" in parts:
        found["rdkafka_performance"] = rdkafka_performance(work)
    if "store" in parts:
        found["latte"] = latte(work)
    return found
