from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.policy.breach.delivery._host import GONE, Host, Scripted, mail

from smartify_core.errors import (
    AuditUnavailable,
    ContactInvalid,
    StorageUnavailable,
    UnknownRecord,
    UnknownTenant,
    UsageError,
)
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.policy.breach import (
    ClockStart,
    Contact,
    Customer,
    Customers,
    LimitKind,
    Phase,
    TimeLimit,
    read_customers,
)
from smartify_core.testing import MemoryNotifier

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


class Picky(Scripted):
    """A channel that takes no address with a space."""

    def check(self, address: str) -> None:
        """Refuse an address with a space."""
        if " " in address:
            raise ContactInvalid("that is no address", where=address, cure="Give one.")


@pytest.fixture
def host() -> Host:
    """Return a host whose store knows Acme."""
    made = Host()
    made.storage.schedule({"acme": made.clock()})
    return made


def customers_of(host: Host, **options: Any) -> Customers:
    """Return the customers of a host, who are told by mail."""
    return Customers(host.storage, host.sealer, host.trail, **{"notifiers": [Picky()], **options})


def test_a_customer_comes_on_record(host: Host) -> None:
    """A registered customer is there, and the trail has its contacts by id and channel, without an address."""
    customers = customers_of(host)
    acme = Customer("acme", (mail("acme"), mail("acme", name="desk", tier=2)), call="e-4")
    assert customers.register(acme, by="admin") == (acme,)
    assert customers.get("acme") == acme
    assert list(customers.all()) == [acme]
    (entry,) = [one.record for one in host.trail.entries()]
    assert (entry.kind, entry.tenant, entry.actor) == ("contact.registered", "acme", "admin")
    assert entry.facts == {"channels": ("mail",), "contacts": ("mail", "desk"), "limits": 0}
    assert "@" not in str(entry)


def test_a_tenant_that_only_the_trail_knows_is_known(host: Host) -> None:
    """Whom the audit trail has heard of can be registered, as such a tenant can be named in a scope."""
    host.trail.append(AuditRecord("access.denied", host.clock(), "initech", "e-1"))
    initech = Customer("initech", (mail("initech"),))
    assert customers_of(host).register(initech, by="admin") == (initech,)


def test_registering_the_same_changes_nothing(host: Host) -> None:
    """Who is on record as they are given is not written again; who differs is."""
    customers = customers_of(host)
    acme = Customer("acme", (mail("acme"),))
    customers.register(acme, by="admin")
    size = host.trail.size
    assert customers.register(acme, by="admin") == ()
    assert host.trail.size == size
    other = Customer("acme", (mail("acme"),), locale="de")
    assert customers.register(other, by="admin") == (other,)
    assert host.kinds() == ["contact.registered", "contact.changed"]


def test_a_removed_customer_is_gone(host: Host) -> None:
    """Removing a customer is on record; removing one that is not there is refused."""
    customers = customers_of(host)
    customers.register(Customer("acme", (mail("acme"),)), by="admin")
    customers.remove("acme", by="admin")
    assert customers.get("acme") is None
    assert host.kinds() == ["contact.registered", "contact.removed"]
    for unknown in ("acme", "", "initech"):
        with pytest.raises(UnknownRecord):
            customers.remove(unknown, by="admin")


def fax() -> Customer:
    """Return a customer with a contact of a channel that is not there."""
    return Customer("acme", (mail("acme"), mail("acme", name="fax", channel="fax")))


@pytest.mark.parametrize(
    ("wrong", "error", "where"),
    [
        (fax, ContactInvalid, "customer acme, contact fax"),
        (
            lambda: Customer("acme", (Contact("m", "mail", "a b@c.example"),)),
            ContactInvalid,
            "customer acme, contact m",
        ),
        (lambda: Customer("acme", annex_certificate=CERTIFICATE), ContactInvalid, "customer acme"),
        (lambda: Customer("initech", (mail("initech"),)), UnknownTenant, "customer initech"),
        (lambda: Customer("", ()), UnknownTenant, "customer"),
        (lambda: Customer("acme", call="no id"), UsageError, "call"),
    ],
)
def test_one_wrong_customer_stops_all(
    host: Host, wrong: Callable[[], Customer], error: type[UsageError], where: str
) -> None:
    """Of several customers of which one cannot be, none comes on record; the error says where, and no address."""
    customers = customers_of(host)
    host.storage.schedule({"globex": host.clock()})
    with pytest.raises(error) as caught:
        customers.register(Customer("globex", (mail("globex"),)), wrong(), by="admin")
    assert caught.value.where == where
    assert ".example" not in str(caught.value)
    assert list(customers.all()) == []
    assert host.trail.size == 0


def test_a_tenant_that_is_not_there_yet_may_be_registered(host: Host) -> None:
    """Who says so may register the customer of a tenant that the store has never had."""
    customers = customers_of(host)
    customers.register(Customer("initech", (mail("initech"),)), by="admin", also_unknown=True)
    assert customers.get("initech") is not None


def test_two_of_one_tenant_are_refused(host: Host) -> None:
    """Which of two would count is not guessed."""
    with pytest.raises(UsageError):
        customers_of(host).register(Customer("acme"), Customer("acme", locale="de"), by="admin")


def test_a_changed_contact_begins_anew(host: Host) -> None:
    """That a contact was gone is forgotten once its address is another, and that of the others is not."""
    customers = customers_of(host)
    a, b = mail("acme", name="a"), mail("acme", name="b")
    customers.register(Customer("acme", (a, b)), by="admin")
    host.release("acme")
    host.courier(Scripted(answers={a.address: [GONE], b.address: [GONE]})).run_once()
    customers.register(Customer("acme", (Contact("a", "mail", "other@acme.example"), b)), by="admin")
    reach = host.reach("acme")
    assert reach is not None
    assert set(reach.contacts) == {"b"}
    customers.remove("acme", by="admin")
    assert host.reach("acme") is None


def test_what_cannot_be_recorded_is_not_done(host: Host) -> None:
    """Where the trail takes nothing no customer comes on record."""

    class Refusing:
        """A store that takes no writes."""

        def __getattr__(self, name: str) -> Any:
            return getattr(host.storage, name)

        def record(self, *_: Any, **__: Any) -> None:
            """Refuse."""
            raise StorageUnavailable("away")

    refusing: Any = Refusing()
    customers = Customers(refusing, host.sealer, Trail(refusing, clock=host.clock), notifiers=[MemoryNotifier("mail")])
    with pytest.raises(AuditUnavailable):
        customers.register(Customer("acme", (mail("acme"),)), by="admin")
    assert customers_of(host).get("acme") is None


WHOLE = """
[customers.acme]
locale = "de"
call = "e-4"

[[customers.acme.contacts]]
id = "mail"
channel = "mail"
address = "privacy@acme.example"

[[customers.acme.contacts]]
id = "hook"
channel = "webhook"
address = "https://acme.example/hook"
tier = 2
key_id = "k-1"

[[customers.acme.limits]]
phase = "first"
within = "24h"
start = "awareness"
kind = "contract"
citation = "DPA of 2026-01-15, section 7.2"

[customers.globex]
"""


def test_a_file_says_what_a_call_says(tmp_path: Path) -> None:
    """A file holds customers with their contacts and times; what is left out is as by a call."""
    file = tmp_path / "customers.toml"
    file.write_text(WHOLE, encoding="utf-8")
    limit = TimeLimit(
        Phase.FIRST,
        timedelta(hours=24),
        ClockStart.AWARENESS,
        LimitKind.CONTRACT,
        "DPA of 2026-01-15, section 7.2",
    )
    contacts = (
        Contact("mail", "mail", "privacy@acme.example"),
        Contact("hook", "webhook", "https://acme.example/hook", 2, "k-1"),
    )
    assert read_customers(file) == (
        Customer("acme", contacts, (limit,), "de", "e-4"),
        Customer("globex"),
    )


def test_json_says_the_same(tmp_path: Path) -> None:
    """A JSON file has the same tables, and a certificate is read from the file beside it."""
    file = tmp_path / "customers.json"
    (tmp_path / "acme.pem").write_text(CERTIFICATE, encoding="ascii")
    file.write_text('{"customers": {"acme": {"annex_certificate": "acme.pem", "contacts": []}}}', encoding="utf-8")
    assert read_customers(file) == (Customer("acme", annex_certificate=CERTIFICATE),)


CONTACT = '[[customers.acme.contacts]]\nid = "m"\nchannel = "mail"\naddress = "ada@acme.example"\n'
LIMIT = '[[customers.acme.limits]]\nphase = "first"\nstart = "awareness"\nkind = "law"\ncitation = "x"\n'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("customers = 1", "customers.toml, customers"),
        ("", "customers.toml, customers"),
        ("[customers", "customers.toml"),
        ("[other]", "customers.toml"),
        ("[customers]\nacme = 1", "customers.toml, customer acme"),
        ("[customers.acme]\nmood = 1", "customers.toml, customer acme"),
        ("[customers.acme]\nlocale = 1", "customers.toml, customer acme, locale"),
        ('[customers.acme]\nlocale = "?"', "customers.toml, customer acme"),
        ("[customers.acme]\ncontacts = 1", "customers.toml, customer acme, contacts"),
        ("[customers.acme]\ncontacts = [1]", "customers.toml, customer acme, contact number 1"),
        ('[customers.acme]\nannex_certificate = "none.pem"', "customers.toml, customer acme, annex_certificate"),
        (CONTACT + "tier = 0", "customers.toml, customer acme, contact m"),
        (CONTACT + 'tier = "1"', "customers.toml, customer acme, contact m"),
        (CONTACT + "colour = 1", "customers.toml, customer acme, contact m"),
        (CONTACT.replace('"mail"', '"Mail"'), "customers.toml, customer acme, contact m"),
        (CONTACT.replace('id = "m"', 'id = "Ada L."'), "customers.toml, customer acme, contact number 1"),
        (CONTACT.replace('address = "ada@acme.example"', ""), "customers.toml, customer acme, contact m, address"),
        (CONTACT + CONTACT, "customers.toml, customer acme"),
        (LIMIT, "customers.toml, customer acme, limit 1, within"),
        (LIMIT + 'within = "soon"', "customers.toml, customer acme, limit 1, within"),
        (LIMIT + 'within = "0h"', "customers.toml, customer acme, limit 1"),
        (LIMIT.replace('"first"', '"last"') + 'within = "1d"', "customers.toml, customer acme, limit 1, phase"),
        ('[customers."ada\\nx"]\nmood = 1', "customers.toml, customer number 1"),
    ],
)
def test_a_misshapen_file_says_where(tmp_path: Path, text: str, where: str) -> None:
    """Whatever is wrong with a file is told with the customer and the contact, and without the address."""
    file = tmp_path / "customers.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ContactInvalid) as caught:
        read_customers(file)
    assert caught.value.where == where
    assert "ada" not in str(caught.value).lower()


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing file, or one that is no text, is an error of this library."""
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\xff")
    for name in ("none.toml", "bytes.toml"):
        with pytest.raises(ContactInvalid):
            read_customers(tmp_path / name)
