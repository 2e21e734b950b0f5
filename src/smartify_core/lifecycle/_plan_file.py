"""A plan kept in a file, to be looked at and applied later: sealed whole, and refused wherever it does not belong."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from smartify_core.errors import FileExists, NewerSchema, PlanForeign, SealBroken
from smartify_core.sealing import Sealer

from ._plan import Plan

if TYPE_CHECKING:
    from cattrs import Converter

_FORMAT: Final = "smartify-plan"
_VERSION: Final = 1
_KIND: Final = "plan file"
_OWNER_ONLY: Final = 0o600
_CURE: Final = "Make a new plan."


def save_plan(plan: Plan, path: str | os.PathLike[str], sealer: Sealer) -> None:
    """Write ``plan`` into a new file that only its owner may read, sealed under the tenant's key.

    The file holds the sealed fields of whoever would change, also after the store has deleted them: remove it when the
    plan was applied or is not wanted any more.

    Raises:
        FileExists: Something is there already; it was left as it is.
        PlanForeign: The file cannot be written.
    """
    content = json.dumps(_converter().unstructure(plan), separators=(",", ":")).encode()
    header = {"format": _FORMAT, "version": _VERSION, "tenant": plan.tenant, "hash": plan.hash}
    sealed = sealer.seal_document(plan.tenant, _KIND, plan.hash, content)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(header).encode() + b"\n" + sealed)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise FileExists(
            "a file is there already; it was left as it is", where=str(path), cure="Name a new file."
        ) from None
    except (OSError, ValueError) as error:  # a path with a null character is a ValueError
        raise PlanForeign(
            f"the plan cannot be written ({type(error).__name__})", where=str(path), cure="Name a new file."
        ) from None


def load_plan(path: str | os.PathLike[str], sealer: Sealer, *, tenant: str) -> Plan:
    """Read a plan that `save_plan` wrote.

    Raises:
        PlanForeign: The file is missing, no plan, or another tenant's.
        NewerSchema: A newer version of this library wrote it.
        WrongKey: It was sealed under a key that this key ring does not hold.
        SealBroken: It was altered or cut short.
    """
    where = str(path)
    try:
        head, _, sealed = Path(path).read_bytes().partition(b"\n")
    except (OSError, ValueError) as error:
        raise PlanForeign(
            f"the plan cannot be read ({type(error).__name__})", where=where, cure="Name a readable file."
        ) from None
    header = _header(head)
    if header is None:
        raise PlanForeign("the file is not a plan of this library", where=where, cure=_CURE)
    if header["version"] > _VERSION:
        raise NewerSchema("a newer version of this library saved the plan", where=where, cure="Upgrade smartify-core.")
    if header["tenant"] != tenant:
        raise PlanForeign("the plan is another tenant's", where=where, cure=f"Name a plan of tenant {tenant}.")
    content = sealer.open_document(tenant, _KIND, header["hash"], sealed)
    try:
        plan = _converter().structure(json.loads(content), Plan)
    except Exception:  # noqa: BLE001 - whatever a structuring error is called, its message may quote the file
        plan = None
    if plan is None or plan.hash != header["hash"] or plan.tenant != tenant:
        raise SealBroken("the saved plan is not what its hash says", where=where, cure=_CURE)
    return plan


def _header(head: bytes) -> dict[str, Any] | None:
    try:
        header = json.loads(head)
    except (ValueError, RecursionError):
        return None
    kinds = {"version": int, "tenant": str, "hash": str}
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        return None
    return header if all(type(header.get(key)) is kind for key, kind in kinds.items()) else None


@cache
def _converter() -> Converter:
    # Imported at first use: it is slow to import, and few processes keep plans in files.
    from cattrs.preconf.json import make_converter  # noqa: PLC0415 - as said above

    return make_converter(forbid_extra_keys=True, detailed_validation=False)
