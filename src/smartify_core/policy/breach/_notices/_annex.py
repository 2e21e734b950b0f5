"""The list of the people whom an incident concerns, by name: opened through the gate, for one customer (164.410(c)(1)).

It is made when it is needed and kept nowhere in the clear.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from smartify_core.errors import IncidentClash
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._gate._disclosed import Disclosed
from smartify_core.policy._gate._gate import Gate
from smartify_core.policy._gate._recording import MoreFacts
from smartify_core.policy._vocabulary import PersonalField, Purpose
from smartify_core.policy.breach._certificates import check_certificate, encrypted
from smartify_core.policy.breach._impact import SubjectImpact
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_head_page

#: How the accounts of a tenant are asked for that an incident may concern: incident, tenant and revision.
SubjectsOf: TypeAlias = Callable[[str, str, int], Iterable[SubjectImpact]]

_FIELDS: Final = (PersonalField.EMAIL, PersonalField.GIVEN_NAME, PersonalField.FAMILY_NAME)
_COLUMNS: Final = ("account", "state", "email", "given_name", "family_name", "concerned")
#: What a spreadsheet takes for a formula at the beginning of a cell.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Annexes:
    """The lists of people that notices have as annexes.

    Args:
        storage: Where the accounts are.
        gate: What opens them, and records that it does.
        subjects: Tells which accounts an incident may concern.
    """

    def __init__(self, storage: Storage, gate: Gate, subjects: SubjectsOf) -> None:
        self._storage = storage
        self._gate = gate
        self._subjects = subjects

    def opened(self, incident_id: str, tenant: str, revision: int, *, by: str, reason: str) -> bytes:
        """Return the people of a tenant whom an incident may concern, as a table: CSV (RFC 4180) in UTF-8.

        Those whose accounts have ended since are there by the id of the account alone.

        Args:
            incident_id: The incident.
            tenant: The tenant.
            revision: Which computation of the impact.
            by: The employee who opens it: their grant has to be for the provision of the service, for email, first
                and last name.
            reason: Why, in words. It is kept sealed in the trail.

        Raises:
            IncidentClash: The impact lists nobody of this tenant.
            AccessDenied: They may not.
            AuditUnavailable: It cannot be recorded now, so nothing opens.
        """
        check_id("by", by)
        wanted = {one.account_id: one.fields for one in self._subjects(incident_id, tenant, revision)}
        if not wanted:
            raise IncidentClash(
                "the impact lists nobody of this tenant",
                where=f"incident {incident_id}, tenant {tenant}",
                cure="Assess the incident, or ask for a tenant that is affected.",
            )
        found: dict[str, Disclosed] = {}
        sources = list(self._sources(tenant, wanted))
        if sources:
            facts: MoreFacts = {"incident": incident_id, "impact": revision}
            with self._gate.view(
                by,
                tenant=tenant,
                purpose=Purpose.SERVICE_PROVISION,
                fields=_FIELDS,
                reason=reason,
                source_ids=sources,
                facts=facts,
            ) as view:
                # A person who comes back gets a new account: of theirs nothing was concerned.
                found = {one.account_id: one for one in view if one.account_id in wanted}
        return _table((account, found.get(account), fields) for account, fields in sorted(wanted.items()))

    def sealed(self, incident_id: str, tenant: str, revision: int, *, by: str, reason: str, certificate: str) -> str:
        """Return what `opened` does, encrypted under the customer's certificate: CMS in PEM.

        Raises:
            ContactInvalid: Nothing can be encrypted under the certificate; nothing was opened.
            IncidentClash, AccessDenied, AuditUnavailable: As `opened` does.
        """
        check_certificate(certificate)
        return encrypted(self.opened(incident_id, tenant, revision, by=by, reason=reason), certificate)

    def _sources(self, tenant: str, wanted: Iterable[str]) -> Iterator[str]:
        """Yield the ids in the directory of those accounts that still live: the gate asks for people by these."""
        accounts = frozenset(wanted)
        for page in every_head_page(self._storage, tenant):
            loaded = self._storage.load(tenant, page.source_ids)
            yield from (source for source, account in loaded.items() if account.account_id in accounts)


def _table(rows: Iterable[tuple[str, Disclosed | None, tuple[str, ...]]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for account, person, fields in rows:
        known = (
            ("ended", "", "", "")
            if person is None
            else (person.state.value, person.email, person.given_name, person.family_name)
        )
        writer.writerow(map(_cell, (account, *known, " ".join(fields))))
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: str | None) -> str:
    """Return what a cell holds. A name that would be a formula has an apostrophe in front, and stays a name."""
    text = value or ""
    return f"'{text}" if text.startswith(_FORMULA) else text
