"""A register of vendors in a file, for tests of the commands about them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from smartify_core.policy.vendors import Commitment

EVIDENCE: Final = "ab" * 32
#: What a request for an export needs besides the vendor.
WANTED: Final = (
    *("--tenant", "acme", "--purpose", "ServiceProvision"),
    *("--fields", "email,given_name", "--consideration", "none"),
)
#: All commitments, as a file names them.
ALL: Final = tuple(one.value for one in Commitment)


def write_register(
    folder: Path,
    *,
    commitments: tuple[str, ...] = ("all",),
    ends: str = "2099-01-01",
    starts: str = "2020-02-01",
    fields: str = '"email", "given_name"',
) -> Path:
    """Write a register with one vendor, mailer, and return its path."""
    named = ", ".join(f'"{one}"' for one in commitments)
    file = folder / "vendors.toml"
    file.write_text(
        "[vendors.mailer]\n"
        'name = "Mailer Ltd"\n'
        "affiliated = false\n"
        'purposes = ["ServiceProvision"]\n'
        f"fields = [{fields}]\n"
        f"starts_at = {starts}\n"
        "[[vendors.mailer.undertakings]]\n"
        f"commitments = [{named}]\n"
        "given_at = 2020-01-01\n"
        f"expires_at = {ends}\n"
        f'evidence = "{EVIDENCE}"\n',
        encoding="utf-8",
    )
    return file
