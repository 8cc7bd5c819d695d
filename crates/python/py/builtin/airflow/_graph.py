"""Dependencies between tasks and groups of them, and values that flow along."""

import collections.abc

from ._exceptions import AirflowException, DuplicateTaskIdFound, NotCovered

RETURN_VALUE = "return_value"

# What `with DAG(...)` and `with TaskGroup(...)` are in, innermost last.
dags = []
groups = []


class Node:
    """What `>>` and `<<` join: tasks, groups and results of tasks."""

    def roots_(self):
        """The tasks that wait for what this waits for."""
        raise NotImplementedError

    def leaves_(self):
        """The tasks that what comes after this waits for."""
        raise NotImplementedError

    def set_upstream(self, task_or_task_list, edge_modifier=None):
        """This waits for those."""
        for before in flat(task_or_task_list):
            if isinstance(before, Label):
                before.set_downstream(self)
            else:
                join(before, self)

    def set_downstream(self, task_or_task_list, edge_modifier=None):
        """Those wait for this."""
        for after in flat(task_or_task_list):
            if isinstance(after, Label):
                after.set_upstream(self)
            else:
                join(self, after)

    def __rshift__(self, other):
        self.set_downstream(other)
        return other

    def __lshift__(self, other):
        self.set_upstream(other)
        return other

    def __rrshift__(self, other):
        self.set_upstream(other)
        return self

    def __rlshift__(self, other):
        self.set_downstream(other)
        return self


def flat(nodes):
    """One node, or many in lists."""
    if isinstance(nodes, Node):
        return [nodes]
    if isinstance(nodes, collections.abc.Iterable) and not isinstance(nodes, (str, bytes, dict)):
        return [found for node in nodes for found in flat(node)]
    raise AirflowException("a task depends on tasks and task groups, not on {!r}".format(nodes))


def join(before, after):
    for first in after.roots_():
        for last in before.leaves_():
            if first is last:
                raise AirflowException("task {} would wait for itself".format(first.task_id))
            if first.dag is not None and last.dag is not None and first.dag is not last.dag:
                raise AirflowException(
                    "tasks {} and {} are of different DAGs".format(last.task_id, first.task_id)
                )
            first.upstream_task_ids.add(last.task_id)
            last.downstream_task_ids.add(first.task_id)


class Label(Node):
    """A text on an edge of the graph: passed over."""

    def __init__(self, label):
        self.label = label
        self.before = []
        self.after = []

    def set_upstream(self, task_or_task_list, edge_modifier=None):
        nodes = flat(task_or_task_list)
        self.before += nodes
        for after in self.after:
            after.set_upstream(nodes)

    def set_downstream(self, task_or_task_list, edge_modifier=None):
        nodes = flat(task_or_task_list)
        self.after += nodes
        for before in self.before:
            before.set_downstream(nodes)


class XComArg(Node):
    """The result of a task, before there is one."""

    def __init__(self, operator, key=RETURN_VALUE):
        self.operator = operator
        self.key = key

    def __getitem__(self, key):
        if not isinstance(key, str):
            raise ValueError("a result is asked for by a text, not by {!r}".format(key))
        return XComArg(self.operator, key)

    def __iter__(self):
        raise TypeError("the result of {} has no items before the task has run".format(self.operator.task_id))

    def __str__(self):
        return "{{{{ task_instance.xcom_pull(task_ids='{}', dag_id='{}', key='{}') }}}}".format(
            self.operator.task_id, self.operator.dag.dag_id if self.operator.dag else "", self.key
        )

    def roots_(self):
        return [self.operator]

    def leaves_(self):
        return [self.operator]

    def map(self, function):
        raise NotCovered(".map() over the result of a task")

    def zip(self, *others, **options):
        raise NotCovered(".zip() of the results of tasks")

    def concat(self, *others):
        raise NotCovered(".concat() of the results of tasks")

    def as_setup(self):
        raise NotCovered("a setup task")

    def as_teardown(self, *args, **kwargs):
        raise NotCovered("a teardown task")


def results_in(value, depth=0):
    """The XComArgs in a value."""
    if isinstance(value, XComArg):
        return [value]
    if depth > 20:
        return []
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set)):
        return [found for item in value for found in results_in(item, depth + 1)]
    return []


def chain(*tasks):
    """Each waits for the one before it; lists of equal length pair by pair."""
    for before, after in zip(tasks, tasks[1:]):
        before_many, after_many = isinstance(before, (list, tuple)), isinstance(after, (list, tuple))
        if before_many and after_many:
            if len(before) != len(after):
                raise AirflowException(
                    "chain() joins lists of equal length, not {} and {}".format(len(before), len(after))
                )
            for one, other in zip(before, after):
                one.set_downstream(other)
        elif before_many:
            after.set_upstream(before)
        else:
            before.set_downstream(after)


def chain_linear(*elements):
    """Each waits for all of the one before it."""
    for before, after in zip(elements, elements[1:]):
        for node in flat(before):
            node.set_downstream(after)


def cross_downstream(from_tasks, to_tasks):
    """Each of the second waits for each of the first."""
    for task in flat(from_tasks):
        task.set_downstream(to_tasks)


class TaskGroup(Node):
    """Tasks that are shown, and depended on, together."""

    def __init__(
        self,
        group_id=None,
        prefix_group_id=True,
        parent_group=None,
        dag=None,
        default_args=None,
        tooltip="",
        ui_color=None,
        ui_fgcolor=None,
        add_suffix_on_collision=False,
        group_display_name="",
    ):
        self.dag = dag or (parent_group.dag if parent_group else None) or (dags[-1] if dags else None)
        if self.dag is None:
            raise AirflowException("the task group {} is in no DAG".format(group_id))
        self.parent_group = parent_group or current_group(self.dag)
        self.prefix_group_id = prefix_group_id
        self.default_args = dict(default_args or {})
        self.tooltip = tooltip
        self.children = []
        taken = self.dag.task_groups_
        name = self.parent_group.child_id(group_id) if self.parent_group else group_id
        if add_suffix_on_collision:
            name = unused(name, lambda tried: tried in taken or tried in self.dag.task_dict)
        if name in taken or name in self.dag.task_dict:
            raise DuplicateTaskIdFound("the group id {} is used twice in DAG {}".format(name, self.dag.dag_id))
        self._group_id = name
        taken[name] = self
        if self.parent_group:
            self.parent_group.children.append(self)

    @property
    def group_id(self):
        return self._group_id

    def child_id(self, label):
        """What a task or group in this one is called."""
        group = self
        while group is not None and not group.prefix_group_id:
            group = group.parent_group
        return "{}.{}".format(group.group_id, label) if group is not None else label

    def tasks_(self):
        """Its tasks, those of groups in it too."""
        found = []
        for child in self.children:
            found += child.tasks_() if isinstance(child, TaskGroup) else [child]
        return found

    def roots_(self):
        tasks = self.tasks_()
        inside = {task.task_id for task in tasks}
        return [task for task in tasks if not task.upstream_task_ids & inside]

    def leaves_(self):
        tasks = self.tasks_()
        inside = {task.task_id for task in tasks}
        return [task for task in tasks if not task.downstream_task_ids & inside]

    get_roots = roots_
    get_leaves = leaves_

    def __enter__(self):
        groups.append(self)
        return self

    def __exit__(self, *_exception):
        groups.pop()


def current_group(dag):
    """The group that new tasks of the DAG go into."""
    return groups[-1] if groups and groups[-1].dag is dag else None


def unused(name, taken):
    """The name, or the first of name__1, name__2, ... that is free."""
    if not taken(name):
        return name
    number = 1
    while taken("{}__{}".format(name, number)):
        number += 1
    return "{}__{}".format(name, number)
