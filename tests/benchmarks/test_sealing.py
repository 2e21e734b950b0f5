"""What sealing costs beside AES-GCM as it comes, and beside Fernet, in one run.

Run with ``nox -s benchmarks -- -k sealing``. Each record has a data key of its own, which is wrapped and unwrapped.
Time is the processor's, the least of all rounds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Rounds = Callable[..., list[dict[str, dict[str, float]]]]

RECORDS, ROUNDS = 5_000, 5
LIMIT = 1.3
#: For bytes there is no work on fields that the seal could disappear in.
LIMIT_OF_BYTES = 1.75


def test_sealing_beside_bare_ciphers(rounds: Rounds, tmp_path: Path) -> None:
    """An account takes at most 1.3 times AES-GCM with a wrapped key, from fields to fields; and bytes less than Fernet.

    The account has its fingerprint and its blind indexes besides, the other has not.
    """
    names = [("ours",), ("bare_and_fields",), ("documents",), ("bare",), ("fernet",)]
    told = rounds("_sealing_case", names, tmp_path, RECORDS, ROUNDS)
    least = {name: min(one[name]["cpu"] for one in told) for (name,) in names}
    figures = {
        "records": RECORDS,
        **{f"{name}, µs each": round(spent / RECORDS * 1e6, 2) for name, spent in least.items()},
        "accounts / bare from fields": round(least["ours"] / least["bare_and_fields"], 2),
        "sealed bytes / bare": round(least["documents"] / least["bare"], 2),
        "fernet / sealed bytes": round(least["fernet"] / least["documents"], 2),
    }
    print(json.dumps(figures))
    assert least["ours"] <= LIMIT * least["bare_and_fields"], figures
    assert least["documents"] <= LIMIT_OF_BYTES * least["bare"], figures
    assert least["documents"] < least["fernet"], figures
