"""Backends of other packages, installed for real: a distribution with entry points on the path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from smartify_core.errors import MissingExtra, StorageUnavailable, UsageError
from smartify_core.extensions import STORAGE_GROUP, find_extension, installed_extensions
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.url import open_storage

Install = Callable[[str, Mapping[str, str], Mapping[str, Mapping[str, str]]], Path]

URL = "shelf://keeper:s3cret@db.example/one?size=2"
SHELF = """
from smartify_core.errors import MissingExtra, StorageUnavailable
from smartify_core.storage.memory import MemoryStorage

class Shelf(MemoryStorage):
    def __init__(self, url):
        super().__init__()
        self.url = url

class Glass(Shelf):
    def __init__(self, url, *, read_only=False):
        super().__init__(url)
        self.read_only = read_only

def loose(url, **options):
    return Shelf(url)

class Half:
    def __init__(self, url):
        self.url = url
    def claim(self, tenant, *, now, ttl): ...
    def close(self): ...

def down(url):
    raise StorageUnavailable("the shelf is down", cure="Set it up.")

def rude(url):
    raise RuntimeError("cannot reach " + url)

nothing = 5
"""


def refused(words: str) -> UsageError:
    """Open the URL, see it refused, and that no password is told."""
    with pytest.raises(UsageError, match=words) as caught:
        open_storage(URL)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.cure
    return caught.value


def test_a_scheme_is_looked_up_among_the_installed_packages(install: Install) -> None:
    """The object that a package names for the scheme is called with the URL as it is, and what it makes is opened."""
    install("acme-shelf", {"acme_shelf": SHELF}, {STORAGE_GROUP: {"shelf": "acme_shelf:Shelf"}})
    for url in (URL, URL.replace("shelf", "SHELF")):
        with open_storage(url) as storage:
            assert storage.url == url  # type: ignore[attr-defined]  # of the class above
    assert installed_extensions(STORAGE_GROUP) == ["shelf"]


def test_a_backend_is_asked_for_reading_only_where_it_can(install: Install) -> None:
    """It is told so by the parameter of that name, and without being told opens as usual."""
    install("acme-shelf", {"acme_shelf": SHELF}, {STORAGE_GROUP: {"shelf": "acme_shelf:Glass"}})
    with open_storage(URL, read_only=True) as storage, open_storage(URL) as other:
        assert (storage.read_only, other.read_only) == (True, False)  # type: ignore[attr-defined]  # of the class above


@pytest.mark.parametrize("place", ["acme_shelf:Shelf", "acme_shelf:loose", "builtins:min"])
def test_a_backend_that_cannot_is_refused_and_not_opened(install: Install, place: str) -> None:
    """Nobody knows what opening it would write. The package is named, with whom to turn to; the URL is not."""
    install("acme-shelf", {"acme_shelf": SHELF}, {STORAGE_GROUP: {"shelf": place}})
    with pytest.raises(UsageError, match="'shelf' of the package acme-shelf cannot be opened for reading") as caught:
        open_storage(URL, read_only=True)
    assert "authors" in (caught.value.cure or "")
    assert "s3cret" not in str(caught.value)


def test_our_own_schemes_stay_ours(install: Install) -> None:
    """A package that claims a scheme of ours is not asked."""
    install("acme-shelf", {"acme_shelf": SHELF}, {STORAGE_GROUP: {"memory": "acme_shelf:down"}})
    assert type(open_storage("memory:")) is MemoryStorage


def test_an_unknown_scheme_is_told_what_there_is(install: Install) -> None:
    """The cure names our own schemes and those that packages bring."""
    assert "No installed package" in (refused("'shelf'").cure or "")
    install("acme-tape", {}, {STORAGE_GROUP: {"tape": "acme_tape:Tape", "drum": "acme_tape:Drum"}})
    cure = refused("'shelf'").cure or ""
    assert "drum, tape" in cure
    assert "sqlite:///FILE" in cure
    assert "postgresql://" in cure


def test_two_packages_may_not_claim_one_scheme(install: Install) -> None:
    """Nobody is chosen silently: both packages are named. One that is found twice on the path is one."""
    place = {STORAGE_GROUP: {"shelf": "acme_shelf:Shelf"}}
    install("acme-shelf", {"acme_shelf": SHELF}, place)
    install("other-shelf", {}, {STORAGE_GROUP: {"shelf": "other_shelf:Shelf"}})
    assert "acme-shelf, other-shelf" in (refused("more than one package offers 'shelf'").cure or "")


def test_a_package_on_two_places_of_the_path_is_one_package(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that stands on the path twice is no conflict."""
    site = install("acme-shelf", {"acme_shelf": SHELF}, {STORAGE_GROUP: {"shelf": "acme_shelf:Shelf"}})
    monkeypatch.syspath_prepend(str(site))
    open_storage(URL).close()


@pytest.mark.parametrize(
    ("module", "place", "words"),
    [
        ("import no_such_driver", "acme_shelf:Shelf", "cannot be loaded .ModuleNotFoundError: no_such_driver"),
        ("1 / 0", "acme_shelf:Shelf", "cannot be loaded .ZeroDivisionError"),
        (SHELF, "acme_shelf:Shop", "cannot be loaded .AttributeError"),
        (SHELF, "acme_elsewhere:Shelf", "cannot be loaded .ModuleNotFoundError: acme_elsewhere"),
        (SHELF, "acme_shelf:nothing", "nothing that can be called"),
        (SHELF, "acme_shelf:rude", "raised RuntimeError instead"),
        (SHELF, "acme_shelf:Half", "made a Half, which is no Storage; it lacks .*commit.*heads"),
        ("def none(url): ...", "acme_shelf:none", "made a NoneType, which is no Storage"),
    ],
)
def test_a_package_that_does_not_work_is_named(install: Install, module: str, place: str, words: str) -> None:
    """The package, the entry point and the kind of trouble are told, with whom to turn to; the URL is not."""
    install("acme-shelf", {"acme_shelf": module}, {STORAGE_GROUP: {"shelf": place}})
    error = refused(words)
    assert "acme-shelf" in error.what
    assert error.where == f"entry point {place}"
    assert "acme-shelf" in (error.cure or "")


def test_errors_of_ours_pass(install: Install) -> None:
    """What a backend says in our own words is said as it is, also while it is imported."""
    install("acme-shelf", {"acme_shelf": SHELF}, {STORAGE_GROUP: {"shelf": "acme_shelf:down"}})
    with pytest.raises(StorageUnavailable, match="the shelf is down"):
        open_storage(URL)
    module = "from smartify_core.errors import MissingExtra\nraise MissingExtra('a driver is missing', cure='Get it.')"
    install("acme-tape", {"acme_tape": module}, {STORAGE_GROUP: {"tape": "acme_tape:Tape"}})
    with pytest.raises(MissingExtra, match="Get it"):
        open_storage("tape:")


def test_looking_imports_nothing(install: Install) -> None:
    """A package is imported when its storage is opened, not when it is looked for."""
    install("acme-shelf", {"acme_shelf": "1 / 0"}, {STORAGE_GROUP: {"shelf": "acme_shelf:Shelf"}})
    found = find_extension(STORAGE_GROUP, "shelf")
    assert found is not None
    assert (found.name, found.package, found.place) == ("shelf", "acme-shelf", "acme_shelf:Shelf")
    assert find_extension(STORAGE_GROUP, "other") is None
