"""``smartify doctor``: sentence by sentence, what of the clause is enforced here, what is not, and the cure."""

from __future__ import annotations

from pathlib import Path

from smartify_core.policy.clause import SENTENCES, Keeping

from . import _exit_codes as exit_codes
from ._checkups import Checkup, every_checkup
from ._documents import Document
from ._output import Output
from ._policy_of import opened


def doctor(output: Output, file: Path) -> int:
    """Look at the configuration and its store, and say what is enforced; exit with 1 where something is not."""
    with opened(file, guarded=False) as at:
        found = list(every_checkup(at, file))
    rows: list[Document] = []
    for sentence in SENTENCES:
        of_it = [one for one in found if one.sentence == sentence.id]
        if sentence.keeping is Keeping.NOT_BUILT:
            of_it = [Checkup(sentence.id, enforced=False, what="This library does not keep it yet.", cure=_YOURSELF)]
        rows.append(
            {
                "sentence": sentence.id,
                "text": sentence.text,
                "enforced": all(one.enforced for one in of_it),
                "checks": [{"enforced": one.enforced, "what": one.what, "cure": one.cure or None} for one in of_it],
            }
        )
        output.heading(f"{sentence.id}  {sentence.text}")
        for one in of_it:
            output.line(f"  {'ok  ' if one.enforced else 'CURE'}  {one.what}")
            if not one.enforced:
                output.line(f"        {one.cure}")
    output.document({"sentences": rows, "enforced": all(row["enforced"] for row in rows)})
    return exit_codes.DONE if all(row["enforced"] for row in rows) else exit_codes.FAILED


_YOURSELF = "Keep it by other means until it does."
