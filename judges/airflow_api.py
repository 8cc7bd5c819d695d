"""Uses the orchestrator's API with Apache Airflow's own client, unmodified: what it cannot read is a difference.

  airflow_api.py BINARY

Runs under a Python that has apache-airflow-client (PyPI, 3.x). Starts the product on examples/users with
judges/console/dags/judged.yml and asks as a user named `judge`. The client checks every answer against the models of
Airflow's API. Prints `ok SENTENCE` or `FAIL SENTENCE: why`; the exit code is 0 if nothing failed.
"""

import contextlib
import datetime
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import airflow_client.client as airflow
from airflow_client.client import api, models
from airflow_client.client.exceptions import NotFoundException

import dags_crash

ROOT = pathlib.Path(__file__).resolve().parent.parent
PASSWORD = "a long word for judges"
PATIENCE = 60


class House:
    """The product, and the client of a person with a password."""

    def __init__(self, binary, work):
        project = work / "project"
        shutil.copytree(ROOT / "examples/users", project, ignore=shutil.ignore_patterns("data"))
        shutil.copy(ROOT / "judges/console/dags/judged.yml", project / "dags")
        parts = ("broker", "store", "engine", "webserver", "console", "generator")
        ports = dict(zip(parts, dags_crash.free_ports(len(parts))))
        poll = project / "streams/10_poll.sql"
        poll.write_text(poll.read_text("utf-8").replace("127.0.0.1:8089", f"127.0.0.1:{ports['generator']}"), "utf-8")
        environment = {**os.environ, **{f"MILLSTREAM_{part.upper()}_LISTEN": f"127.0.0.1:{ports[part]}" for part in parts}}
        self.base, log = f"http://localhost:{ports['webserver']}", work / "up.log"
        with open(log, "wb") as file:
            self.process = subprocess.Popen([binary, "up", project, "--data", work / "data"], stdin=subprocess.DEVNULL,
                                            stdout=file, stderr=file, env=environment, start_new_session=True)
        until(lambda: b"Log in" in log.read_bytes(), "the table of parts")
        subprocess.run([binary, "users", "create", "judge", "--role", "Admin", "--project", project, "--data", work / "data"],
                       input=PASSWORD + "\n", text=True, check=True, env=environment, stdout=subprocess.DEVNULL)
        form = json.dumps({"username": "judge", "password": PASSWORD}).encode()
        request = urllib.request.Request(f"{self.base}/auth/token", form, {"Content-Type": "application/json"})
        token = json.load(urllib.request.urlopen(request, timeout=30))["access_token"]
        self.client = airflow.ApiClient(airflow.Configuration(host=self.base, access_token=token))

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def until(holds, what):
    end = time.monotonic() + PATIENCE
    while not (found := holds()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} is not there after {PATIENCE} s")
        time.sleep(0.05)
    return found


class Judge:
    def __init__(self, client):
        self.client, self.failed = client, 0

    @contextlib.contextmanager
    def check(self, sentence):
        try:
            yield
            print(f"ok {sentence}", flush=True)
        except Exception as error:  # whatever the client raises is what a user of it would see
            self.failed += 1
            why = " ".join(str(getattr(error, "body", None) or error).split())[:600]
            print(f"FAIL {sentence}: {type(error).__name__}: {why}", flush=True)


def dags(judge, client):
    about = api.DAGApi(client)
    with judge.check("the service says its version and its health"):
        assert api.VersionApi(client).get_version().version
        health = api.MonitorApi(client).get_health()
        assert health.scheduler.status == "healthy" and health.metadatabase.status == "healthy", health
    with judge.check("DAGs are listed, searched, filtered by tag and ordered"):
        listed = until(lambda: (all := about.get_dags(limit=50)).total_entries > 2 and all, "a list of DAGs")
        assert {dag.dag_id for dag in listed.dags} > {"user_automation"}
        assert [dag.dag_id for dag in about.get_dags(dag_id_pattern="user_auto%").dags] == ["user_automation"]
        assert about.get_dags(tags=["tutorial"]).total_entries >= 1
        names = [dag.dag_id for dag in about.get_dags(order_by=["-dag_id"]).dags]
        assert names == sorted(names, reverse=True), names
        assert about.get_dags(limit=1, offset=1).dags[0].dag_id != about.get_dags(limit=1).dags[0].dag_id
    with judge.check("a DAG, its details, tags, source, versions and tasks are told"):
        assert about.get_dag("user_automation").is_paused is False
        details = about.get_dag_details("user_automation")
        assert details.catchup is False and details.max_active_runs >= 1, details
        assert "tutorial" in about.get_dag_tags().tags
        assert "stream_data_from_api" in api.DagSourceApi(client).get_dag_source("user_automation").content
        versions = api.DagVersionApi(client).get_dag_versions("user_automation")
        assert versions.dag_versions[0].version_number == 1
        tasks = api.TaskApi(client).get_tasks("user_automation")
        assert [task.task_id for task in tasks.tasks] == ["stream_data_from_api"]
        assert api.TaskApi(client).get_task("user_automation", "stream_data_from_api").task_id
    with judge.check("a DAG that is not there is a 404 with its reason"):
        try:
            about.get_dag("nobody")
            raise AssertionError("it was found")
        except NotFoundException as error:
            assert "nobody" in str(error.body), error.body
    with judge.check("a DAG is paused and let on again"):
        for paused in (True, False):
            about.patch_dag("user_automation", models.DAGPatchBody(is_paused=paused))
            assert about.get_dag("user_automation").is_paused is paused


def runs(judge, client):
    about, tasks = api.DagRunApi(client), api.TaskInstanceApi(client)
    dag, run = "hello", None
    with judge.check("a run is triggered with a conf and a note, and succeeds"):
        body = models.TriggerDAGRunPostBody(logical_date=datetime.datetime.now(datetime.timezone.utc), conf={"name": "a client"},
                                            note="by the judge")
        run = about.trigger_dag_run(dag, body).dag_run_id
        api.DAGApi(client).patch_dag(dag, models.DAGPatchBody(is_paused=False))
        done = until(lambda: (now := about.get_dag_run(dag, run)).state in ("success", "failed") and now, "the run's end")
        assert done.state == "success" and done.conf == {"name": "a client"} and done.note == "by the judge", done
    with judge.check("runs are listed, of one DAG and of all, by state"):
        assert run in [one.dag_run_id for one in about.get_dag_runs(dag, state=["success"]).dag_runs]
        assert about.get_dag_runs("~", limit=5).total_entries >= 1
        assert about.get_dag_runs(dag, state=["failed"]).total_entries == 0
    with judge.check("its task instances, their tries, logs and XComs are told"):
        listed = tasks.get_task_instances(dag, run)
        assert listed.total_entries >= 1 and all(one.state == "success" for one in listed.task_instances), listed
        one = listed.task_instances[0]
        assert tasks.get_task_instance(dag, run, one.task_id).duration is not None
        assert tasks.get_task_instance_tries(dag, run, one.task_id).total_entries == 1
        assert tasks.get_log(dag, run, one.task_id, 1).content
        for task in listed.task_instances:
            for entry in api.XComApi(client).get_xcom_entries(dag_id=dag, dag_run_id=run, task_id=task.task_id).xcom_entries:
                assert api.XComApi(client).get_xcom_entry(dag_id=dag, dag_run_id=run, task_id=task.task_id, xcom_key=entry.key)
    with judge.check("a task is cleared, dry first, and runs once more"):
        name = tasks.get_task_instances(dag, run).task_instances[0].task_id
        body = {"dag_run_id": run, "task_ids": [models.ClearTaskInstancesBodyTaskIdsInner(name)], "only_failed": False, "reset_dag_runs": True}
        dry = tasks.post_clear_task_instances(dag, models.ClearTaskInstancesBody(dry_run=True, **body))
        assert [one.task_id for one in dry.task_instances] == [name], dry
        tasks.post_clear_task_instances(dag, models.ClearTaskInstancesBody(dry_run=False, **body))
        again = until(lambda: (now := tasks.get_task_instance(dag, run, name)).try_number == 2 and now.state == "success" and now,
                      "the second try")
        assert again.try_number == 2
    with judge.check("a run and a task are marked, and the run is deleted"):
        assert about.patch_dag_run(dag, run, models.DAGRunPatchBody(state="failed")).state == "failed"
        about.delete_dag_run(dag, run)
        assert run not in [one.dag_run_id for one in about.get_dag_runs(dag).dag_runs]


def rest(judge, client):
    with judge.check("variables are made, changed, listed and deleted"):
        about = api.VariableApi(client)
        about.post_variable(models.VariableBody(key="judge", value="one", description="d"))
        about.patch_variable("judge", models.VariableBody(key="judge", value="two"))
        assert about.get_variable("judge").value == "two" and about.get_variables().total_entries >= 1
        about.delete_variable("judge")
    with judge.check("connections are made, changed and deleted, and never tell their password"):
        about = api.ConnectionApi(client)
        about.post_connection(models.ConnectionBody(connection_id="judge", conn_type="http", host="h", port=1, password="s3cret"))
        about.patch_connection("judge", models.ConnectionBody(connection_id="judge", conn_type="http", host="h2"))
        told = about.get_connection("judge")
        assert told.host == "h2" and told.password != "s3cret", told
        about.get_connections()
        about.delete_connection("judge")
    with judge.check("pools are made, changed and deleted"):
        about = api.PoolApi(client)
        about.post_pool(models.PoolBody(name="judge", slots=3))
        about.patch_pool("judge", models.PoolPatchBody(slots=4))
        assert about.get_pool("judge").slots == 4 and about.get_pools().total_entries >= 2
        about.delete_pool("judge")
    with judge.check("audit, import errors, configuration and backfills are told"):
        assert api.EventLogApi(client).get_event_logs(limit=5).total_entries >= 1
        api.ImportErrorApi(client).get_import_errors()
        assert api.ConfigApi(client).get_config().sections
        assert api.BackfillApi(client).list_backfills("hello").total_entries == 0


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory(prefix="airflow-client-", ignore_cleanup_errors=True) as work:
        house = House(str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(work))
        judge = Judge(house.client)
        try:
            for part in (dags, runs, rest):
                part(judge, house.client)
        finally:
            house.end()
    return judge.failed > 0


if __name__ == "__main__":
    sys.exit(main())
