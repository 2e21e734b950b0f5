"""What all adapters of frameworks say to a wrong call."""

from __future__ import annotations

from smartify_core.errors import UsageError
from smartify_core.requestlog._request_log import RequestLog


def check_call(framework: str, app: object, kinds: tuple[type, ...], log: object) -> None:
    """Raise `UsageError` unless ``app`` is one of ``kinds``, and ``log`` a request log."""
    where = f"install of smartify_core.requestlog.{framework}"
    names = " or ".join(kind.__name__ for kind in kinds)
    if not isinstance(app, kinds):
        raise UsageError(
            f"the application is a {type(app).__name__}, and no {names}",
            where=where,
            cure="Hand over the framework's own application, before anything is wrapped around it.",
        )
    if not isinstance(log, RequestLog):
        raise UsageError("the log is no RequestLog", where=where, cure="Make one: RequestLog(sink).")


def installed_already(framework: str) -> UsageError:
    """Return the error for an application that would record each of its requests twice."""
    return UsageError(
        "the application has a request log already",
        where=f"install of smartify_core.requestlog.{framework}",
        cure="Install it once.",
    )
