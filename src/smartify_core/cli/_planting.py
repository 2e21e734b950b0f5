"""Decoys: planting them, and taking them out."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from smartify_core.errors import UnknownRecord, UsageError
from smartify_core.policy.breach import Canaries, Decoy, DecoyKind

from . import _exit_codes as exit_codes
from ._breaches_of import opened_breaches
from ._documents import Document
from ._documents_of_breach import of_value
from ._output import Output


@frozen(order=False)
class Named:
    """What the options of the command line name: one decoy."""

    tenant: str | None
    account: str | None
    grant: str | None
    employee: str | None

    def place(self) -> tuple[DecoyKind, str | None, str]:
        """Return what the decoy is told from others by.

        Raises:
            UsageError: None is named, or several.
        """
        named = {
            DecoyKind.SUBJECT: self.account,
            DecoyKind.GRANT: self.grant,
            DecoyKind.EMPLOYEE: self.employee,
        }
        found = [(kind, one) for kind, one in named.items() if one is not None]
        if len(found) != 1 or (self.account is None) is not (self.tenant is None):
            raise UsageError(
                "one decoy is named at a time",
                where="command line",
                cure="Give --tenant with --account, or --grant, or --employee.",
            )
        ((kind, one),) = found
        return kind, self.tenant, one


def plant(output: Output, file: Path, named: Named, *, note: str, by: str) -> int:
    """Make an account, a grant or an employee a decoy."""
    place = named.place()
    with opened_breaches(file, note=output.note) as at:
        decoy = _planted(at.breaches.canaries, place, note=note, by=by)
    output.document({"decoy": _of_decoy(decoy)})
    output.line(f"{_line(decoy)}: whoever touches it opens an incident")
    return exit_codes.DONE


def remove(output: Output, file: Path, named: Named, *, by: str) -> int:
    """Let a decoy be none any more."""
    place = named.place()
    with opened_breaches(file, note=output.note) as at:
        decoy = next((one for one in at.breaches.canaries.all() if one.place == place), None)
        if decoy is None:
            raise UnknownRecord("there is no such decoy", cure="List them with: smartify breach canary list")
        at.breaches.canaries.remove(decoy, by=by)
    output.document({"removed": _of_decoy(decoy)})
    output.line(f"{_line(decoy)}: it is no decoy any more")
    return exit_codes.DONE


def listing(output: Output, file: Path) -> int:
    """Print the decoys."""
    with opened_breaches(file, note=output.note) as at:
        found = at.breaches.canaries.all()
    output.document({"decoys": [_of_decoy(one) for one in found]})
    for one in found:
        output.line(_line(one))
    if not found:
        output.note("No decoy is planted.")
    return exit_codes.DONE


def _planted(canaries: Canaries, place: tuple[DecoyKind, str | None, str], *, note: str, by: str) -> Decoy:
    kind, tenant, one = place
    if kind is DecoyKind.SUBJECT:
        return canaries.plant_subject(tenant or "", one, by=by, note=note)
    plant_it = canaries.plant_grant if kind is DecoyKind.GRANT else canaries.plant_employee
    return plant_it(one, by=by, note=note)


def _of_decoy(decoy: Decoy) -> Document:
    """Return a decoy with what its ``repr`` does not show: whoever asks here may know."""
    return {**of_value(decoy), "id": decoy.id, "tenant": decoy.tenant}


def _line(decoy: Decoy) -> str:
    of = "" if decoy.tenant is None else f" of {decoy.tenant}"
    return f"{decoy.kind.value} {decoy.id}{of}"
