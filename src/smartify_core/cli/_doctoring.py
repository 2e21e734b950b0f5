"""``smartify doctor``: sentence by sentence, what of the clause is enforced here, what is not, and the cure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from smartify_core.policy.clause import SENTENCES, Keeping

from . import _exit_codes as exit_codes
from ._checkups import Checkup, every_checkup
from ._documents import Document
from ._output import Output
from ._policy_of import opened


def doctor(output: Output, file: Path) -> int:
    """Look at the configuration and its store, and say what is enforced; exit with 1 where something is amiss."""
    with opened(file, guarded=False) as at:
        found = list(every_checkup(at, file))
    rows: list[Document] = []
    for sentence in SENTENCES:
        of_it = [one for one in found if one.sentence == sentence.id]
        if sentence.keeping is Keeping.NOT_BUILT:
            of_it = [Checkup(sentence.id, enforced=None, what=_YOURS)]
        rows.append(
            {
                "sentence": sentence.id,
                "text": sentence.text,
                "enforced": _of_all(of_it),
                "checks": [{"enforced": one.enforced, "what": one.what, "cure": one.cure or None} for one in of_it],
            }
        )
        output.heading(f"{sentence.id}  {sentence.text}")
        for one in of_it:
            output.line(f"  {'NOTE ' if one.is_note else _MARKS[one.enforced]}  {one.what}")
            if one.enforced is False:
                output.line(f"         {one.cure}")
    amiss = any(row["enforced"] is False for row in rows)
    output.document({"sentences": rows, "enforced": not amiss})
    return exit_codes.FAILED if amiss else exit_codes.DONE


def _mark(one: Checkup) -> str:
    return "NOTE " if one.is_note else _MARKS[one.enforced]


def _of_all(checkups: Sequence[Checkup]) -> bool | None:
    """Return what the checks of one sentence come to: what is amiss outweighs what is the host's to keep."""
    found = {one.enforced for one in checkups}
    return False if False in found else None if None in found else True


_YOURS = "It is yours to keep by other means: this library does not keep it yet."
_MARKS = {True: "ok   ", False: "CURE ", None: "yours"}
