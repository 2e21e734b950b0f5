"""A storage URL that names nothing is refused with a cure, whatever the file system thinks of it."""

from __future__ import annotations

import pytest

from smartify_core.errors import UsageError
from smartify_core.storage.url import open_storage


@pytest.mark.parametrize(
    "url", ["http://[::1", "sqlite:///%00.db", "sqlite:///" + "n" * 300, "sqlite:/x.db", "sqlite:x"]
)
def test_url_that_names_no_file_is_refused(url: str) -> None:
    """No error of the file system or of the parser comes out, and what does has a cure."""
    with pytest.raises(UsageError) as refused:
        open_storage(url)
    assert refused.value.cure
