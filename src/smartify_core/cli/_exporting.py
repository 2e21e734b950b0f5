"""Exports to vendors: whether one is open, and the one command that writes what a vendor gets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.policy import Disclosed
from smartify_core.policy.vendors import Consideration, ExportRequest, Exports

from . import _documents_of_vendors as documents
from . import _exit_codes as exit_codes
from ._documents import Document
from ._numbers import numbered
from ._output import Output
from ._policy_of import existing, known_purpose, opened
from ._whole_files import writing


@frozen(order=False)
class Wanted:
    """What shall go to whom, as the command line says it."""

    vendor: str
    tenant: str
    purpose: str
    fields: Sequence[str]
    consideration: str
    form: str

    def request(self) -> ExportRequest:
        """Return it as policy asks.

        Raises:
            UsageError: There is no such purpose or field.
        """
        purpose, fields = known_purpose(self.purpose), existing(self.fields)
        consideration = self.consideration.replace("-", " ")
        return ExportRequest(self.vendor, self.tenant, purpose, fields, consideration, self.form)


def why(output: Output, file: Path, wanted: Wanted) -> int:
    """Say whether an export would be open, and if not, all that is missing; opens and records nothing."""
    request = wanted.request()
    with opened(file, wanted.tenant) as at:
        decision = at.policy.vendors.decide(request)
    output.document({"decision": documents.of_export_decision(decision)})
    for line in decision.explanation().splitlines():
        output.line(line)
    return exit_codes.DONE if decision.allowed else exit_codes.DENIED


def export(
    output: Output,
    file: Path,
    wanted: Wanted,
    *,
    employee: str,
    reason: str,
    to: Path,
    people: Sequence[str],
) -> int:
    """Write the fields that a vendor gets, a JSON object a line: whole, or not at all."""
    request = wanted.request()
    if to.exists() and not to.is_file():
        raise UsageError("that is no file", where="--to", cure="Name a file to write.")
    with opened(file, wanted.tenant) as at:
        count = _written(at.policy.exports, request, to, employee=employee, reason=reason, people=people)
    output.document({"vendor": wanted.vendor, "tenant": wanted.tenant, "file": str(to), "accounts": count})
    output.line(
        f"wrote {to}: {numbered(count, 'account')} of {wanted.tenant} for {wanted.vendor}; only you may read it"
    )
    return exit_codes.DONE


def _written(
    exports: Exports, request: ExportRequest, to: Path, *, employee: str, reason: str, people: Sequence[str]
) -> int:
    # The file is put in its place when the end of the export is on record, too.
    with (
        writing(to) as target,
        exports.open(
            vendor=request.vendor,
            tenant=request.tenant,
            employee=employee,
            purpose=request.purpose,
            fields=request.fields,
            consideration=request.consideration,
            reason=reason,
            form=request.form,
            source_ids=people or None,
        ) as opening,
    ):
        for account in opening:
            target.write(json.dumps(_of_account(account), ensure_ascii=False) + "\n")
    return opening.count


def _of_account(one: Disclosed) -> Document:
    """Return what leaves: the account's own id, and the fields that were asked for. The directory's id stays here."""
    named = {"email": one.email, "given_name": one.given_name, "family_name": one.family_name}
    document: Document = {"account_id": one.account_id}
    document |= {name: value for name, value in named.items() if value is not None}
    if one.groups is not None:
        document["groups"] = list(one.groups)
    return document


#: What may be said to be given for the data.
CONSIDERATIONS = tuple(one.value.replace(" ", "-") for one in Consideration)
