"""The operators."""

import inspect
import os
import signal
import subprocess
import tempfile

from ._base import BaseOperator, BaseSensorOperator, PokeReturnValue
from ._dag import plain
from ._exceptions import AirflowException, AirflowSkipException, DownstreamTasksSkipped
from ._graph import results_in


class EmptyOperator(BaseOperator):
    """Does nothing."""

    def execute(self, context):
        return None

    def native_(self):
        plain_one = type(self) is EmptyOperator and not self.on_execute_callback and not self.on_success_callback
        return "empty" if plain_one else "airflow"

    def arguments_(self):
        return {} if self.native_() == "empty" else super().arguments_()


class PythonOperator(BaseOperator):
    """Calls a function."""

    template_fields = ("templates_dict", "op_args", "op_kwargs")

    def __init__(
        self,
        *,
        python_callable,
        op_args=None,
        op_kwargs=None,
        templates_dict=None,
        templates_exts=None,
        show_return_value_in_logs=True,
        provide_context=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not callable(python_callable):
            raise AirflowException("task {}: python_callable must be a function".format(self.task_id))
        self.python_callable = python_callable
        self.op_args = list(op_args or ())
        self.op_kwargs = dict(op_kwargs or {})
        self.templates_dict = templates_dict
        self.show_return_value_in_logs = show_return_value_in_logs

    def native_(self):
        return "python" if type(self) is PythonOperator else "airflow"

    def arguments_(self):
        name = getattr(self.python_callable, "__name__", None) or str(self.python_callable)
        shown = {"python_callable": name}
        return shown if self.native_() == "python" else {"operator": self.class_path_(), **shown}

    def execute(self, context):
        context["templates_dict"] = self.templates_dict
        return self.execute_callable(context)

    def execute_callable(self, context):
        result = called(self, context)
        if inspect.iscoroutine(result):
            import asyncio

            result = asyncio.run(result)
        if self.show_return_value_in_logs:
            self.log.info("Done. Returned value was: %s", result)
        return result


def public(context):
    """The context as functions see it."""
    return {name: context[name] for name in context if not name.startswith("_")}


def called(task, context):
    """What a task's function returns for the task's arguments, and what it names of the context."""
    offered = {**public(context), **task.op_kwargs}
    return task.python_callable(*task.op_args, **wanted(task.python_callable, task.op_args, offered))


def wanted(function, args, offered):
    """Of what is offered, what the function has parameters for."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        names = [n for n, p in parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        taken = set(names[: len(args)])
        return {name: value for name, value in offered.items() if name not in taken}
    names = [
        name
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    positional = [n for n in names if parameters[n].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    taken = set(positional[: len(args)])
    return {name: offered[name] for name in names if name in offered and name not in taken}


class SkipMixin:
    """Skips some of the tasks that come after."""

    def chosen_(self, context, branches):
        """All but the chosen branches are skipped."""
        if branches is None:
            chosen = []
        elif isinstance(branches, str):
            chosen = [branches]
        elif isinstance(branches, (list, tuple, set)) and all(isinstance(name, str) for name in branches):
            chosen = list(branches)
        else:
            raise AirflowException("a branch is a task id, a list of them or None, not {!r}".format(branches))
        dag, followed = self.dag, set()
        for name in chosen:
            group = dag.task_groups_.get(name)
            names = [task.task_id for task in group.roots_()] if group is not None else [name]
            for found in names:
                if found not in dag.task_dict:
                    raise AirflowException("the branch {!r} is no task of DAG {}".format(name, dag.dag_id))
                followed.add(found)
                followed |= dag.followers(found)
        skipped = sorted(self.downstream_task_ids - followed)
        self.log.info("Following %s; skipping %s", ", ".join(chosen) or "no branch", ", ".join(skipped) or "nothing")
        if skipped:
            context["_skipped"] = DownstreamTasksSkipped(tasks=skipped)
        return branches

    def stopped_(self, context, everything):
        """What comes after is skipped."""
        names = self.dag.followers(self.task_id) if everything else self.downstream_task_ids
        if names:
            context["_skipped"] = DownstreamTasksSkipped(tasks=sorted(names))


class BaseBranchOperator(BaseOperator, SkipMixin):
    """Chooses by choose_branch()."""

    def choose_branch(self, context):
        raise NotImplementedError("{} has no choose_branch()".format(type(self).__name__))

    def execute(self, context):
        return self.chosen_(context, self.choose_branch(context))


class BranchPythonOperator(PythonOperator, SkipMixin):
    """Chooses by a function."""

    def execute(self, context):
        return self.chosen_(context, super().execute(context))


class ShortCircuitOperator(PythonOperator, SkipMixin):
    """Goes on only if the function says so."""

    def __init__(self, *, ignore_downstream_trigger_rules=True, **kwargs):
        super().__init__(**kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules

    def execute(self, context):
        result = super().execute(context)
        if not result:
            self.log.info("Skipping what comes after: the function returned %r", result)
            self.stopped_(context, self.ignore_downstream_trigger_rules)
        return result


class BashOperator(BaseOperator):
    """Runs a shell command."""

    template_fields = ("bash_command", "env", "cwd")
    template_ext = (".sh", ".bash")

    def __init__(
        self,
        *,
        bash_command,
        env=None,
        append_env=False,
        output_encoding="utf-8",
        skip_on_exit_code=99,
        cwd=None,
        output_processor=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.append_env = append_env
        self.output_encoding = output_encoding
        codes = [skip_on_exit_code] if isinstance(skip_on_exit_code, int) else list(skip_on_exit_code or ())
        self.skip_on_exit_code = codes
        self.cwd = cwd
        self.output_processor = output_processor
        self.child = None

    def native_(self):
        callbacks = self.on_execute_callback or self.on_success_callback or self.on_failure_callback
        callbacks = callbacks or self.on_retry_callback or self.on_skipped_callback
        env_is_text = self.env is None or all(isinstance(value, str) for value in dict(self.env).values())
        simple = (
            type(self) is BashOperator
            and isinstance(self.bash_command, str)
            and not self.bash_command.endswith(self.template_ext)
            and not results_in([self.env, self.cwd])
            and env_is_text
            and self.do_xcom_push
            and len(self.skip_on_exit_code) <= 1
            and self.output_processor is None
            and not callbacks
            and not self.dag.user_defined_macros
            and not self.dag.user_defined_filters
        )
        return "bash" if simple else "airflow"

    def arguments_(self):
        if self.native_() != "bash":
            return {"operator": self.class_path_(), "bash_command": plain(self.bash_command)}
        arguments = {"bash_command": self.bash_command, "append_env": bool(self.append_env)}
        if self.env is not None:
            arguments["env"] = dict(self.env)
        if self.cwd is not None:
            arguments["cwd"] = self.cwd
        if self.skip_on_exit_code:
            arguments["skip_on_exit_code"] = self.skip_on_exit_code[0]
        return arguments

    def execute(self, context):
        env = dict(os.environ) if self.env is None or self.append_env else {}
        env.update(self.env or {})
        env.update(context["_environment"])
        with tempfile.TemporaryDirectory(prefix="airflowtmp") as folder:
            cwd = self.cwd or folder
            if not os.path.isdir(cwd):
                raise AirflowException("the cwd {} is no directory".format(cwd))
            self.log.info("Running command: %s", self.bash_command)
            self.child = subprocess.Popen(
                ["bash", "-c", self.bash_command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
                start_new_session=False,
            )
            last = ""
            with self.child.stdout:
                for line in self.child.stdout:
                    last = line.decode(self.output_encoding, "backslashreplace").rstrip()
                    self.log.info("%s", last)
            code = self.child.wait()
        if code in self.skip_on_exit_code:
            raise AirflowSkipException("the command ended with exit code {}".format(code))
        if code != 0:
            raise AirflowException("the command failed with exit code {}".format(code))
        return self.output_processor(last) if self.output_processor else last

    def on_kill(self):
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)


class PythonSensor(BaseSensorOperator):
    """Waits until a function says yes."""

    template_fields = ("templates_dict", "op_args", "op_kwargs")

    def __init__(self, *, python_callable, op_args=None, op_kwargs=None, templates_dict=None, **kwargs):
        super().__init__(**kwargs)
        self.python_callable = python_callable
        self.op_args = list(op_args or ())
        self.op_kwargs = dict(op_kwargs or {})
        self.templates_dict = templates_dict

    def poke(self, context):
        found = called(self, context)
        return found if isinstance(found, PokeReturnValue) else bool(found)


class FileSensor(BaseSensorOperator):
    """Waits for a file of this machine."""

    template_fields = ("filepath",)

    def __init__(self, *, filepath, fs_conn_id="fs_default", recursive=False, **kwargs):
        super().__init__(**kwargs)
        self.filepath = filepath
        self.recursive = recursive

    def poke(self, context):
        import glob

        return bool(glob.glob(self.filepath, recursive=self.recursive))


class TimeDeltaSensor(BaseSensorOperator):
    """Waits for so long after the end of the data interval."""

    def __init__(self, *, delta, **kwargs):
        super().__init__(**kwargs)
        self.delta = delta

    def poke(self, context):
        import datetime

        end = context.get("data_interval_end") or context["run_after"]
        return datetime.datetime.now(datetime.timezone.utc) >= end + self.delta
