"""@dag, @task and @task_group."""

import functools
import inspect
import typing

from . import _graph
from ._base import BaseSensorOperator, PokeReturnValue
from ._dag import DAG, DagParam
from ._exceptions import AirflowException, NotCovered
from ._graph import TaskGroup, XComArg, results_in, unused
from ._operators import BashOperator, BranchPythonOperator, PythonOperator, ShortCircuitOperator, called

# Context arguments that a @task function may name without being given them.
CONTEXT_NAMES = (
    "conf", "conn", "context", "dag", "dag_run", "data_interval_end", "data_interval_start", "ds", "ds_nodash",
    "execution_date", "logical_date", "macros", "next_ds", "outlets", "params", "prev_ds", "run_id", "task", "task_instance",
    "task_instance_key_str", "test_mode", "ti", "ts", "ts_nodash", "ts_nodash_with_tz", "var", "exception", "inlets", "run_after",
    "prev_data_interval_start_success", "prev_data_interval_end_success", "prev_start_date_success", "prev_end_date_success",
)
ELSEWHERE = ("virtualenv", "external_python", "branch_virtualenv", "branch_external_python", "docker", "kubernetes", "pyspark", "stub", "llm")


def returns_dict(function):
    """Whether the function is annotated to return a dict: its items then become XComs of their own."""
    try:
        made = typing.get_type_hints(function).get("return")
    except Exception:
        return False
    origin = getattr(made, "__origin__", made)
    return isinstance(origin, type) and issubclass(origin, dict)


class Decorated:
    """What @task leaves in the place of a function: calling it makes a task."""

    def __init__(self, function, operator, options):
        self.function = function
        self.operator = operator
        self.options = options
        self.multiple_outputs = options.pop("multiple_outputs", None)
        functools.update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        options = dict(self.options)
        name = options.pop("task_id", None) or self.function.__name__
        group = options.get("task_group") or (_graph.groups[-1] if _graph.groups else None)
        dag = options.get("dag") or (group.dag if group else None) or (_graph.dags[-1] if _graph.dags else None)
        if dag is not None:
            place = group if group is not None and group.dag is dag else None
            full = (lambda tried: place.child_id(tried)) if place is not None else (lambda tried: tried)
            name = unused(name, lambda tried: full(tried) in dag.task_dict)
        self.check(args, kwargs)
        multiple = self.multiple_outputs
        task = self.operator(
            task_id=name,
            python_callable=self.function,
            op_args=args,
            op_kwargs=kwargs,
            multiple_outputs=returns_dict(self.function) if multiple is None else multiple,
            **options,
        )
        if task.doc_md is None and self.function.__doc__:
            task.doc_md = inspect.cleandoc(self.function.__doc__)
        return XComArg(task)

    def check(self, args, kwargs):
        """The call fits the function, which finds what it needs of the context by name."""
        signature = inspect.signature(self.function)
        offered = {
            name: None
            for name, parameter in signature.parameters.items()
            if name in CONTEXT_NAMES and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        try:
            bound = signature.bind_partial(*args, **kwargs).arguments
            missing = {name: value for name, value in offered.items() if name not in bound}
            signature.bind(*args, **{**kwargs, **missing})
        except TypeError as error:
            raise TypeError("task {}: {}".format(self.function.__name__, error)) from None

    def override(self, **options):
        """The same with other options."""
        merged = {**self.options, "multiple_outputs": self.multiple_outputs, **options}
        return Decorated(self.function, self.operator, merged)

    def expand(self, **_kwargs):
        raise NotCovered("dynamic task mapping (.expand of {})".format(self.function.__name__))

    expand_kwargs = expand

    def partial(self, **_kwargs):
        raise NotCovered("dynamic task mapping (.partial of {})".format(self.function.__name__))


class DecoratedPythonOperator(PythonOperator):
    """A @task."""

    def __init__(self, *, show_return_value_in_logs=True, **kwargs):
        super().__init__(show_return_value_in_logs=show_return_value_in_logs, **kwargs)

    def native_(self):
        return "python" if type(self) is DecoratedPythonOperator else "airflow"


class DecoratedBranchOperator(BranchPythonOperator):
    """A @task.branch."""


class DecoratedShortCircuitOperator(ShortCircuitOperator):
    """A @task.short_circuit."""


class DecoratedBashOperator(BashOperator):
    """A @task.bash: the function returns the command."""

    template_fields = (*BashOperator.template_fields, "op_args", "op_kwargs")

    def __init__(self, *, python_callable, op_args=None, op_kwargs=None, **kwargs):
        super().__init__(bash_command="", **kwargs)
        self.python_callable = python_callable
        self.op_args = list(op_args or ())
        self.op_kwargs = dict(op_kwargs or {})

    def execute(self, context):
        command = called(self, context)
        if not isinstance(command, str) or not command.strip():
            raise TypeError("a @task.bash function returns a command, not {!r}".format(command))
        self.bash_command = context["_renderer"].render(command)
        return super().execute(context)


class DecoratedSensor(BaseSensorOperator):
    """A @task.sensor."""

    template_fields = ("op_args", "op_kwargs")

    def __init__(self, *, python_callable, op_args=None, op_kwargs=None, **kwargs):
        super().__init__(**kwargs)
        self.python_callable = python_callable
        self.op_args = list(op_args or ())
        self.op_kwargs = dict(op_kwargs or {})

    def poke(self, context):
        found = called(self, context)
        return found if isinstance(found, PokeReturnValue) else bool(found)


class TaskDecorator:
    """`task`, with its kinds as attributes."""

    def __init__(self, operator):
        self.operator = operator

    def __call__(self, function=None, **options):
        if function is None:
            return lambda function: Decorated(function, self.operator, options)
        if not callable(function):
            raise AirflowException("@task takes keyword arguments only: @task(task_id=...)")
        return Decorated(function, self.operator, options)

    def __getattr__(self, name):
        if name in ELSEWHERE:
            raise NotCovered("@task." + name)
        raise AttributeError("there is no @task." + name)


task = TaskDecorator(DecoratedPythonOperator)
task.python = TaskDecorator(DecoratedPythonOperator)
task.branch = TaskDecorator(DecoratedBranchOperator)
task.short_circuit = TaskDecorator(DecoratedShortCircuitOperator)
task.bash = TaskDecorator(DecoratedBashOperator)
task.sensor = TaskDecorator(DecoratedSensor)


def dag(dag_id="", **options):
    """Makes a function that, when called, makes the DAG of its body."""

    def decorate(function):
        @functools.wraps(function)
        def factory(*args, **kwargs):
            name = dag_id if isinstance(dag_id, str) and dag_id else function.__name__
            if "doc_md" not in options and function.__doc__:
                options["doc_md"] = function.__doc__
            made = DAG(name, **options)
            bound = inspect.signature(function).bind(*args, **kwargs)
            bound.apply_defaults()
            given = {}
            for parameter, value in bound.arguments.items():
                made.param(parameter, value)
                given[parameter] = DagParam(made, parameter, value)
            with made:
                function(**given)
            return made

        return factory

    if callable(dag_id):
        function, dag_id = dag_id, ""
        return decorate(function)
    return decorate


class DecoratedGroup:
    """What @task_group leaves in the place of a function: calling it makes a group."""

    def __init__(self, function, options):
        self.function = function
        self.options = options
        functools.update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        options = {"add_suffix_on_collision": True, **self.options}
        name = options.pop("group_id", None) or self.function.__name__
        if not options.get("tooltip") and self.function.__doc__:
            options["tooltip"] = inspect.cleandoc(self.function.__doc__)
        group = TaskGroup(name, **options)
        with group:
            result = self.function(*args, **kwargs)
        # A result flows on by itself; the group as a whole is depended on by its own.
        return result if results_in(result) else group

    def override(self, **options):
        return DecoratedGroup(self.function, {**self.options, **options})

    def expand(self, **_kwargs):
        raise NotCovered("dynamic task mapping (.expand of {})".format(self.function.__name__))

    expand_kwargs = partial = expand


def task_group(function=None, **options):
    """Makes a function that, when called, makes a group of the tasks of its body."""
    if function is None:
        return lambda function: DecoratedGroup(function, options)
    if isinstance(function, str):
        return lambda inner: DecoratedGroup(inner, {"group_id": function, **options})
    return DecoratedGroup(function, options)


def setup(*_args, **_kwargs):
    """Setup tasks need Airflow itself."""
    raise NotCovered("@setup")


def teardown(*_args, **_kwargs):
    """Teardown tasks need Airflow itself."""
    raise NotCovered("@teardown")
