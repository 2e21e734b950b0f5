"""A vendor's support desk in Flask: one person's address, if policy says yes, and what is missing if it says no."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, render_template_string, request
from flask.typing import ResponseReturnValue

from smartify_core.errors import AccessDenied, AuditUnavailable, UnknownRecord
from smartify_core.policy import PersonalField, Policy, Purpose

REFUSED = """
<h1>This is closed to you</h1>
<p>{{ denied.what }}.</p>
{% if denied.cure %}<p>{{ denied.cure }}</p>{% endif %}
<ul>{% for code in denied.missing %}<li>{{ code }}</li>{% endfor %}</ul>
"""


def make_app(policy: Policy, signed_in: Callable[[], str | None]) -> Flask:
    """Return the desk.

    Args:
        policy: The rooms of policy over the host's store.
        signed_in: Returns the id of the employee who is signed in, or ``None``. That is the host's word: the library
            signs nobody in, and believes this id.
    """
    app = Flask(__name__)

    # A POST, although it reads: it leaves a record, and its reason belongs into no URL and no log of URLs.
    @app.post("/support/<tenant>/people/<source_id>/email")
    def email(tenant: str, source_id: str) -> ResponseReturnValue:
        employee = signed_in()
        if employee is None:
            return "Sign in first.", 401
        try:
            person = policy.gate.open(
                employee,
                tenant=tenant,
                purpose=Purpose.CUSTOMER_CARE,
                fields=[PersonalField.EMAIL],
                reason=request.form.get("reason", ""),
                source_id=source_id,
            )
        except AuditUnavailable:  # an AccessDenied too, so it comes first: nobody's fault, and worth another try
            return "What you look at cannot be recorded now, so nothing opens.", 503, {"Retry-After": "30"}
        except AccessDenied as denied:
            return render_template_string(REFUSED, denied=denied), 403
        except UnknownRecord:
            return "There is no such person.", 404
        return {"email": person.email}, 200, {"Cache-Control": "no-store"}

    return app
