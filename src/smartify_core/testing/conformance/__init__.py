"""Kits that prove a directory source or a storage backend of yours. Needs the extra ``[testing]``.

Subclass a kit in your tests and give it one fixture; each test in it is one numbered clause of the contract
(``docs/reference/directory-contract.md``).
"""

from __future__ import annotations

try:
    import hypothesis  # noqa: F401 - looked for here, so that what is missing is named
    import pytest
except ImportError:
    from smartify_core.errors import MissingExtra

    raise MissingExtra.named("testing", needed_for="smartify_core.testing.conformance") from None

# Before the clauses are imported, so that a failing one shows the values that it compared.
pytest.register_assert_rewrite(
    *(
        f"{__name__}._directory_{part}"
        for part in ("confirming", "groups", "looking_up", "people", "snapshots", "trouble")
    )
)

from ._directory_kit import DirectoryConformance  # noqa: E402 - after the rewriting is registered
from ._directory_world import DirectoryWorld  # noqa: E402 - as above
from ._fake_directory_world import FakeDirectoryWorld  # noqa: E402 - as above

__all__ = ["DirectoryConformance", "DirectoryWorld", "FakeDirectoryWorld"]
