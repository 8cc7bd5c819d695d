"""Runs examples/users with nothing changed but `[addresses]` on real Kafka, Cassandra and PostgreSQL, and uses
it as a person would: DAGs, topics, tables, messages; then a broker is killed, and the database goes away.

  real_servers.py BINARY --kafka HOST:PORT,... --kafka-directory DIR --cassandra HOST:PORT [--postgres ADDRESS]

DIR is where peers/kafka.sh started the brokers (three, for the kill). Without --postgres a PostgreSQL is
made for the run and thrown away: that needs initdb and pg_ctl (in PATH or below /usr/lib/postgresql), and,
for root, the user postgres. Everything is judged from outside: by the pages and APIs of :8080 and :9021,
by the confluent-kafka client, by the Cassandra driver and by psql. Prints `ok SENTENCE` or
`FAIL SENTENCE: why`; the exit code is 0 if nothing failed.
"""

import argparse
import contextlib
import glob
import http.cookiejar
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from cassandra.cluster import Cluster
from confluent_kafka import Producer, admin

HERE = pathlib.Path(__file__).resolve().parent
PARTS = ("broker", "store", "engine", "webserver", "console", "generator")
STREAM_TOPICS = ("users_created", "created_users.dead-letters", "created_users.late")


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Postgres:
    """A database of its own, on a port of its own."""

    def __init__(self, directory):
        for found in glob.glob("/usr/lib/postgresql/*/bin"):
            os.environ["PATH"] = f"{found}:{os.environ['PATH']}"
        self.data = pathlib.Path(directory) / "postgres"
        self.data.mkdir()
        self.runner = []
        if os.getuid() == 0:
            shutil.chown(self.data, "postgres")
            self.runner = ["runuser", "-u", "postgres", "--"]
        self.port = free_ports(1)[0]
        self.address = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.start()

    def call(self, program, *arguments):
        subprocess.run([*self.runner, program, "-D", str(self.data), *arguments], check=True,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def start(self):
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories=''"
        self.call("pg_ctl", "-l", str(self.data / "log"), "-w", "-o", options, "start")

    def stop(self):
        self.call("pg_ctl", "-m", "immediate", "-w", "stop")


class Browser:
    """Follows redirects, keeps cookies, and says where it comes from, as a browser does."""

    def __init__(self):
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def ask(self, url, form=None, body=None):
        """The status and the text of an answer."""
        headers = {"Origin": "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(url))}
        data = None
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(url, data, headers)
        try:
            with self.opener.open(request, timeout=15) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
        except OSError as error:
            return 0, str(error)

    def json(self, url, **what):
        status, text = self.ask(url, **what)
        if status not in (200, 201):
            raise AssertionError(f"{url} answered {status}: {text[:200]}")
        return json.loads(text)


class Judge:
    def __init__(self, options, directory):
        self.options, self.directory = options, pathlib.Path(directory)
        self.failed = 0
        self.browser = Browser()
        self.ports = dict(zip(PARTS, free_ports(len(PARTS)), strict=True))
        self.dags = f"http://localhost:{self.ports['webserver']}"
        self.center = f"http://localhost:{self.ports['console']}"
        self.kafka = admin.AdminClient({"bootstrap.servers": options.kafka, "log_level": 2})
        host, port = options.cassandra.split(",")[0].rsplit(":", 1)
        self.cluster = Cluster([host], port=int(port))
        self.session = self.cluster.connect()
        self.product = None

    def check(self, sentence, act):
        started = time.monotonic()
        try:
            act()
        except Exception as error:      # whatever it is, the table must tell it
            self.failed += 1
            print(f"FAIL {sentence}: {type(error).__name__}: {str(error)[:400]}", flush=True)
        else:
            print(f"ok   {sentence} ({time.monotonic() - started:.1f} s)", flush=True)

    def until(self, what, seconds, test):
        """Waits until `test` gives something; what it gave last is told when it does not."""
        end, last = time.monotonic() + seconds, None
        while time.monotonic() < end:
            try:
                last = test()
            except Exception as error:  # not there yet
                last, found = error, None
            else:
                found = last
            if found:
                return found
            time.sleep(0.3)
        raise AssertionError(f"{what} not within {seconds} s; last: {str(last)[:300]}")

    def page(self, url, *words, without=(), seconds=30):
        """Waits until a page says these words."""
        def shows():
            status, text = self.browser.ask(url)
            plain = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))
            missing = [word for word in words if word not in plain and word not in text]
            present = [word for word in without if word in plain]
            if status != 200 or missing or present:
                raise AssertionError(f"status {status}, missing {missing}, present {present}")
            return text
        return self.until(f"{url} with {words}", seconds, shows)

    def rows(self):
        return self.session.execute("SELECT count(*) FROM spark_streams.created_users", timeout=30).one()[0]

    # ---- the project ----

    def clean(self):
        """What an earlier run left on the servers."""
        topics = [name for name in self.kafka.list_topics(timeout=20).topics
                  if name.startswith(("users_", "created_users", "real_servers"))]
        if topics:
            for done in self.kafka.delete_topics(topics).values():
                done.result(30)
            self.until("topics deleted", 30,
                       lambda: not set(topics) & set(self.kafka.list_topics(timeout=20).topics))
        self.session.execute("DROP KEYSPACE IF EXISTS spark_streams", timeout=60)

    def start(self, database):
        project = self.directory / "users"
        shutil.copytree(HERE.parent / "examples/users", project)
        poll = project / "streams/10_poll.sql"
        poll.write_text(poll.read_text().replace(":8089/", f":{self.ports['generator']}/"))
        shutil.copy(HERE / "console/dags/judged.yml", project / "dags")
        settings = project / "millstream.toml"
        text = settings.read_text().replace('kafka = "embedded"', f'kafka = "{self.options.kafka}"', 1)
        text = text.replace('cassandra = "embedded"',
                            f'cassandra = "{self.options.cassandra}"\ndatabase = "{database}"', 1)
        settings.write_text(text)
        environment = os.environ | {
            f"MILLSTREAM_{part.upper()}_LISTEN": f"127.0.0.1:{port}" for part, port in self.ports.items()}
        self.log = self.directory / "up.log"
        with self.log.open("w") as log:
            self.product = subprocess.Popen(
                [self.options.binary, "up", str(project), "--data", str(self.directory / "data")],
                env=environment, cwd=self.directory, stdout=log, stderr=subprocess.STDOUT)

    def log_in(self):
        link = self.until("a login link", 60, lambda: re.search(r"http://\S+/login/link\S+", self.log.read_text()))
        status, _ = self.browser.ask(link[0])
        assert status == 200, f"the link answered {status}"

    # ---- what is used ----

    def first_rows(self):
        self.until("rows in real Cassandra", 90, lambda: self.rows() >= 50)

    def nothing_embedded(self):
        data = self.directory / "data"
        found = [name for name in ("broker", "store", "metadata.db") if (data / name).exists()]
        assert not found, f"{found} below {data}"

    def runs_of_the_demo(self):
        def ended():
            runs = self.browser.json(f"{self.dags}/api/v2/dags/user_automation/dagRuns")["dag_runs"]
            return [run for run in runs if run["state"] == "success"]
        self.until("a run of user_automation that succeeded", 120, ended)

    def trigger(self):
        runs = f"{self.dags}/api/v2/dags/hello/dagRuns"
        self.until("DAG hello", 30, lambda: self.browser.json(f"{self.dags}/api/v2/dags/hello"))
        run = self.browser.json(runs, body={"logical_date": None, "conf": {}})["dag_run_id"]
        path = f"{runs}/{urllib.parse.quote(run)}"
        self.until("the run's success", 30, lambda: self.browser.json(path)["state"] == "success")
        self.page(f"{self.dags}/dags/hello/runs/{urllib.parse.quote(run)}/tasks/greet", "hello from a task")

    def console_pages(self):
        self.page(f"{self.center}/", "users_created", "created_users")
        self.page(f"{self.center}/brokers", "Broker 1", "Broker 2", "Broker 3", "voter")
        self.page(f"{self.center}/topics", "users_created")
        self.page(f"{self.center}/topics/users_created", 'gender')
        self.page(f"{self.center}/groups", "millstream.created_users")
        self.page(f"{self.center}/tables", "spark_streams", "created_users")
        self.page(f"{self.center}/tables/spark_streams/created_users", "first_name")
        self.page(f"{self.center}/streams", "users_per_minute")

    def replicas(self):
        topics = self.kafka.list_topics(timeout=20).topics
        few = {name: len(topics[name].partitions[0].replicas) for name in STREAM_TOPICS
               if len(topics[name].partitions[0].replicas) < 3}
        assert not few, f"the cluster's default of three replicas does not rule: {few}"

    def a_topic_of_ones_own(self):
        name = "real_servers_topic"
        status, text = self.browser.ask(f"{self.center}/topics/create", form={"name": name, "partitions": "2"})
        assert status == 200, f"creating it answered {status}: {text[:200]}"
        self.until("the topic", 20, lambda: name in self.kafka.list_topics(timeout=20).topics)
        producer = Producer({"bootstrap.servers": self.options.kafka})
        producer.produce(name, key=b"k", value=b'{"hello": "console"}')
        producer.flush(20)
        self.page(f"{self.center}/topics/{name}", "console")

    def doctor(self, *words, without=(), seconds=30):
        return self.page(f"{self.center}/doctor", *words, without=without, seconds=seconds)

    def a_broker_dies(self):
        script = HERE.parent / "peers/kafka.sh"
        controller = self.kafka.describe_cluster().result(20).controller.id
        broker = next(id for id in (3, 2, 1) if id != controller)
        call = lambda *what: subprocess.run(
            ["bash", str(script), *what], check=True, stdout=subprocess.DEVNULL, timeout=300)
        before = self.rows()
        call("kill", self.options.kafka_directory, str(broker), "-9")
        try:
            self.check("its page names the broker that was killed", lambda: self.page(
                f"{self.center}/brokers", f"Broker {broker} is away", "2 of 3", seconds=30))
            self.check("the pipelines' page names it too", lambda: self.page(
                f"{self.center}/", f"Broker {broker} is away", seconds=30))
            self.check("the doctor names it", lambda: self.doctor(f"Broker {broker} is down"))
            self.until("more rows while it is down", 60, lambda: self.rows() > before + 50)
        finally:
            call("restart", self.options.kafka_directory, str(broker))
        self.page(f"{self.center}/brokers", without=(f"Broker {broker} is away",), seconds=60)
        self.doctor(without=(f"Broker {broker} is down", f"Broker {broker} lags"), seconds=90)

    def the_database_goes_away(self, postgres):
        runs = f"{self.dags}/api/v2/dags/user_automation/dagRuns?order_by=-id&limit=1"
        last = self.browser.json(runs)["dag_runs"][0]["dag_run_id"]
        postgres.stop()
        try:
            def refused():
                status, text = self.browser.ask(f"{self.dags}/dags")
                return status == 503 and "database" in text
            self.check("pages say that the database does not answer", lambda: self.until("503", 20, refused))
            self.check("the doctor says so", lambda: self.until("the finding", 20, lambda: any(
                "metadata database" in finding["sentence"] for finding in self.report()["findings"])))
        finally:
            postgres.start()
        self.page(f"{self.dags}/dags", "user_automation", seconds=30)
        before = self.rows()
        self.until("rows after it came back", 90, lambda: self.rows() > before + 20)
        self.until("another run", 120, lambda: self.browser.json(runs)["dag_runs"][0]["dag_run_id"] != last)

    def report(self):
        said = subprocess.run(
            [self.options.binary, "doctor", "--json", str(self.directory / "users")],
            env=os.environ | {f"MILLSTREAM_{part.upper()}_LISTEN": f"127.0.0.1:{port}"
                              for part, port in self.ports.items()},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        return json.loads(said.stdout)

    def counts_add_up(self):
        status = self.browser.json(f"http://localhost:{self.ports['engine']}/status")
        for stream in status["streams"]:
            for one in stream["partitions"]:
                parts = sum(one[name] for name in ("written", "filtered", "duplicate", "late", "dead_lettered"))
                assert one["read"] == parts, f"{stream['name']} {one}"

    def stop(self):
        self.product.send_signal(signal.SIGINT)
        assert self.product.wait(60) == 0, f"ended with {self.product.returncode}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--kafka-directory", required=True)
    parser.add_argument("--cassandra", required=True)
    parser.add_argument("--postgres")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that all is ended too
    # Root's PostgreSQL is somebody else's: it must be able to come in.
    directory = tempfile.mkdtemp(prefix="millstream-real-")
    os.chmod(directory, 0o755)
    postgres = None if options.postgres else Postgres(directory)
    judge = Judge(options, directory)
    try:
        judge.clean()
        judge.start(options.postgres or postgres.address)
        judge.check("the printed link logs in", judge.log_in)
        judge.check("rows arrive in real Cassandra", judge.first_rows)
        judge.check("nothing embedded was started", judge.nothing_embedded)
        judge.check("topics have the cluster's own number of replicas", judge.replicas)
        judge.check("a DAG that is triggered succeeds, and its log is read", judge.trigger)
        judge.check("every page of the console shows the real servers", judge.console_pages)
        judge.check("a topic is made by the console and read by it", judge.a_topic_of_ones_own)
        judge.check("the doctor finds nothing that keeps rows away", lambda: judge.doctor(without=("server-away",)))
        judge.check("DAG user_automation has runs that succeeded", judge.runs_of_the_demo)
        judge.check("rows go on, and all is well again after a broker was killed", judge.a_broker_dies)
        if postgres:
            judge.check("runs go on after PostgreSQL was away", lambda: judge.the_database_goes_away(postgres))
        judge.check("read = written + filtered + duplicate + late + dead-lettered", judge.counts_add_up)
        judge.check("it stops when asked", judge.stop)
    finally:
        if judge.product and judge.product.poll() is None:
            judge.product.kill()
        judge.cluster.shutdown()
        if postgres:
            postgres.stop()
    if judge.failed:
        print(f"{judge.failed} failed; see {judge.directory}")
    else:
        shutil.rmtree(judge.directory, ignore_errors=True)
    return bool(judge.failed)


if __name__ == "__main__":
    sys.exit(main())
