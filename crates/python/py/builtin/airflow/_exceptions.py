"""Airflow's exceptions, and the one of this package."""


class AirflowException(Exception):
    """Base of all."""

    status_code = 500


class NotCovered(ImportError):
    """Something of Apache Airflow that the built-in package does not have."""

    def __init__(self, what):
        super().__init__(
            "{} is not covered by Millstream's built-in airflow package; install apache-airflow (3.1 or later) "
            "for this interpreter, and Millstream uses it instead".format(what)
        )


class AirflowBadRequest(AirflowException):
    status_code = 400


class AirflowNotFoundException(AirflowException):
    status_code = 404


class AirflowConfigException(AirflowException):
    pass


class AirflowSkipException(AirflowException):
    """The task has nothing to do: it is skipped."""


class AirflowFailException(AirflowException):
    """The task fails and is not tried again."""


class AirflowSensorTimeout(AirflowException):
    """A sensor has waited for too long."""


class AirflowTaskTimeout(BaseException):
    """The task ran longer than its execution_timeout."""


class AirflowTaskTerminated(BaseException):
    """The task was told to end."""


class AirflowRescheduleException(AirflowException):
    """The task looks again later."""

    def __init__(self, reschedule_date):
        super().__init__("looks again at {}".format(reschedule_date))
        self.reschedule_date = reschedule_date


class AirflowDagCycleException(AirflowException):
    pass


class AirflowInvalidSchedule(AirflowException):
    pass


class DuplicateTaskIdFound(AirflowException):
    pass


class TaskAlreadyInTaskGroup(AirflowException):
    pass


class TaskNotFound(AirflowNotFoundException):
    pass


class DagNotFound(AirflowNotFoundException):
    pass


class DagRunNotFound(AirflowNotFoundException):
    pass


class XComNotFound(AirflowException):
    pass


class ParamValidationError(AirflowException):
    pass


class DownstreamTasksSkipped(AirflowException):
    """The task succeeded, and some of those after it are skipped."""

    def __init__(self, *, tasks):
        super().__init__("skips {}".format(", ".join(tasks)))
        self.tasks = list(tasks)
