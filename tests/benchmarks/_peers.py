"""One case of another tool: ``python -m tests.benchmarks._peers CASE FOLDER NUMBER``. Prints its figures as JSON.

The tools are in the dependency group ``benchmarks``; the library itself never needs them.
"""

from __future__ import annotations

import importlib
import json
import logging
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from tests.benchmarks._measured import measured
from tests.benchmarks._pages import Pages

Figures = dict[str, float]


def rows(folder: Path, number: int) -> Figures:
    """Write the people as rows without sealing: the host's side for `diffsync`."""
    connection = sqlite3.connect(folder / "rows.db")
    connection.execute("create table account (source_id text primary key, email, given, family, reason, groups)")
    people = (
        (one.source_id, one.email, one.given_name, one.family_name, "", " ".join(m.group.id for m in one.memberships))
        for one in Pages(folder / "pages").identities()
    )
    connection.executemany("insert into account values (?, ?, ?, ?, ?, ?)", people)
    connection.commit()
    connection.close()
    return {}


def diffsync(folder: Path, number: int) -> Figures:
    """Have diffsync bring the host's rows in step, of which none differs; groups are an attribute of a person."""
    return synchronise(folder, number, as_models=False)


def diffsync_memberships(folder: Path, number: int) -> Figures:
    """Do the same with each membership as a model of its own, a child of the person."""
    return synchronise(folder, number, as_models=True)


def synchronise(folder: Path, number: int, *, as_models: bool) -> Figures:
    """Load both sides into diffsync's adapters, and ``sync_from``."""
    tool: Any = importlib.import_module("diffsync")

    class Member(tool.DiffSyncModel):  # type: ignore[misc] # the tool is not there when types are checked
        _modelname = "member"
        _identifiers = ("source_id", "group_id")
        source_id: str
        group_id: str

    class Person(tool.DiffSyncModel):  # type: ignore[misc] # as above
        _modelname = "person"
        _identifiers = ("source_id",)
        _attributes = ("email", "given", "family", "reason", "groups")
        _children: ClassVar[dict[str, str]] = {"member": "members"} if as_models else {}
        source_id: str
        email: str
        given: str
        family: str
        reason: str
        groups: list[str] = []  # noqa: RUF012 # as above
        members: list[str] = []  # noqa: RUF012 # as above

    class Side(tool.Adapter):  # type: ignore[misc] # as above
        person = Person
        member = Member
        top_level = ("person",)

        def take(self, fields: Sequence[str], groups: list[str]) -> None:
            source_id, email, given, family, reason = fields
            inline = [] if as_models else groups
            person = Person(source_id=source_id, email=email, given=given, family=family, reason=reason, groups=inline)
            self.add(person)
            if as_models:
                for group in groups:
                    member = Member(source_id=source_id, group_id=group)
                    self.add(member)
                    person.add_child(member)

    source, figures = Pages(folder / "pages"), dict[str, float]()
    logging.disable()
    with measured(figures):
        host, directory = Side(), Side()
        connection = sqlite3.connect(folder / "rows.db")
        for *fields, groups in connection.execute("select * from account"):
            host.take(fields, groups.split(" "))
        connection.close()
        for one in source.identities():
            fields = [one.source_id, one.email, one.given_name, one.family_name, ""]
            directory.take(fields, [membership.group.id for membership in one.memberships])
        summary = host.sync_from(directory).summary()
    assert summary["no-change"] >= number, summary
    assert not summary["create"] + summary["update"] + summary["delete"], summary
    return figures


def django(folder: Path, number: int) -> Figures:
    """Run the obvious script: ``update_or_create`` for each person, and their groups set; all in one transaction.

    The first time it fills the database, the second time nothing has changed.
    """
    settings: Any = importlib.import_module("django.conf").settings
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.db"}
    # An application that is nothing but its models below: Django wants a package for it.
    sys.modules["bench"] = package = ModuleType("bench")
    package.__path__ = [str(folder)]
    key = "django.db.models.AutoField"
    settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["bench"], DEFAULT_AUTO_FIELD=key)
    importlib.import_module("django").setup()
    models: Any = importlib.import_module("django.db.models")
    db: Any = importlib.import_module("django.db")

    class Group(models.Model):  # type: ignore[misc] # as above
        group_id = models.CharField(max_length=64, primary_key=True)
        email = models.CharField(max_length=254)
        name = models.CharField(max_length=254)

        class Meta:
            app_label = "bench"

    class Person(models.Model):  # type: ignore[misc] # as above
        source_id = models.CharField(max_length=64, unique=True)
        email = models.CharField(max_length=254, unique=True)
        given = models.CharField(max_length=150)
        family = models.CharField(max_length=150)
        active = models.BooleanField()
        groups = models.ManyToManyField(Group)

        class Meta:
            app_label = "bench"

    if not (folder / "django.db").exists():
        with db.connection.schema_editor() as editor:
            editor.create_model(Group)
            editor.create_model(Person)
    source, figures = Pages(folder / "pages"), dict[str, float]()
    with measured(figures), db.transaction.atomic():
        seen, known = set[str](), set[str]()
        for one in source.identities():
            for membership in one.memberships:
                group = membership.group
                if group.id not in known:
                    known.add(group.id)
                    Group.objects.update_or_create(
                        group_id=group.id, defaults={"email": group.email, "name": group.name}
                    )
            person, _ = Person.objects.update_or_create(
                source_id=one.source_id,
                defaults={
                    "email": one.email,
                    "given": one.given_name,
                    "family": one.family_name,
                    "active": one.active,
                },
            )
            person.groups.set([membership.group.id for membership in one.memberships])
            seen.add(one.source_id)
        for source_id in set(Person.objects.values_list("source_id", flat=True)) - seen:
            Person.objects.filter(source_id=source_id).delete()
    assert Person.objects.count() == number
    return figures


CASES: dict[str, Callable[[Path, int], Figures]] = {
    case.__name__: case for case in (rows, diffsync, diffsync_memberships, django)
}

if __name__ == "__main__":
    name, where, size = sys.argv[1:]
    print(json.dumps(CASES[name](Path(where), int(size))))
