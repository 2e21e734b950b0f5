"""The list of people whom an incident concerns: opened through the gate, and encrypted for one customer."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7
from cryptography.x509.oid import NameOID

from smartify_core.errors import AccessDenied, ContactInvalid, IncidentClash, IncidentInvalid
from smartify_core.lifecycle import Reconciler
from smartify_core.policy import ACCOUNT_FIELDS, Purpose
from smartify_core.policy.breach import Customer, Phase, SubjectImpact
from smartify_core.policy.breach._certificates import check_certificate
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

from .conftest import ID, World, affected

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
START = ManualClock("2029-01-01")()


def certificate(key: PrivateKey, *, days: int = 3_650, encipherment: bool | None = None) -> str:
    """Return a certificate of its own issuer for a key, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, START, START + timedelta(days=days))
    if encipherment is not None:
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=encipherment,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """Return a customer's key."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


class Company(World):
    """A world with people: Ada, Bob and somebody whose name is a formula, and an employee who may see them."""

    def __init__(self, file: Path) -> None:
        super().__init__(SQLiteStorage(file))
        self.directory = FakeDirectory(
            identity("ada"), identity("bob"), identity("eve", given_name="=1+1"), clock=self.clock
        )
        self.reconciler = Reconciler({"acme": self.directory}, self.storage, self.sealer, clock=self.clock)
        assert self.reconciler.run("acme").error is None
        people = (identity("ada"), identity("bob"), identity("eve"))
        loaded = self.storage.load("acme", [one.source_id for one in people])
        self.accounts = [loaded[one.source_id].account_id for one in people]
        for name in ("e-1", "e-2"):
            self.policy.staff.add(name, by="admin", may_approve=name == "e-2")
            self.policy.staff.bind(name, agreement=f"nda-{name}", evidence="ab" * 32, by="admin")
        self.subjects["acme"] = [SubjectImpact(one, ("email", "given_name")) for one in (*self.accounts, "acc-gone")]
        self.assess(affected("acme", subjects=4))

    def grant(self) -> None:
        """Let the employee see Acme's people."""
        asked = self.policy.grants.request(
            "e-1",
            tenant="acme",
            purpose=Purpose.SERVICE_PROVISION,
            fields=ACCOUNT_FIELDS,
            reason="the incident",
            lasts=timedelta(days=1),
        )
        self.policy.grants.approve(asked.id, by="e-2")

    def rows(self, table: bytes) -> dict[str, list[str]]:
        """Return the rows of a list by account, without the account."""
        found = list(csv.reader(io.StringIO(table.decode(), newline="")))
        assert found[0] == ["account", "state", "email", "given_name", "family_name", "concerned"]
        return {row[0]: row[1:] for row in found[1:]}


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """Return a company."""
    made = Company(tmp_path / "store.db")
    yield made
    made.storage.close()


def test_a_list_has_everybody_and_opens_through_the_gate(company: Company) -> None:
    """Those who live are named; who has ended is there by id alone; the opening is on record with the incident."""
    company.grant()
    rows = company.rows(company.notices.annex(ID, "acme", by="e-1", reason="the customer has to know"))
    ada, bob, eve = company.accounts
    assert set(rows) == {ada, bob, eve, "acc-gone"}
    assert rows[ada][1] == identity("ada").email
    assert rows["acc-gone"] == ["ended", "", "", "", "email given_name"]
    assert rows[eve][2] == "'=1+1"
    opened = [one.record for one in company.policy.trail.entries() if one.record.kind == "access.granted"]
    assert set(opened[-1].subjects) == {ada, bob, eve}
    assert (opened[-1].actor, opened[-1].facts["incident"], opened[-1].facts["impact"]) == ("e-1", ID, 1)


def test_only_those_whom_the_impact_lists_are_opened(company: Company) -> None:
    """Somebody whom the incident does not concern is not opened for the list."""
    company.grant()
    company.subjects["acme"] = [SubjectImpact(company.accounts[0], ("email",))]
    rows = company.rows(company.notices.annex(ID, "acme", by="e-1", reason="the customer has to know"))
    assert list(rows) == company.accounts[:1]


def test_a_tenant_that_is_gone_has_ids_alone(company: Company) -> None:
    """Where no account lives any more nothing is opened, and nobody needs a grant."""
    company.subjects["acme"] = [SubjectImpact("acc-gone", ("email",))]
    rows = company.rows(company.notices.annex(ID, "acme", by="e-1", reason="the customer has to know"))
    assert rows == {"acc-gone": ["ended", "", "", "", "email"]}
    assert "access.granted" not in company.kinds()


def test_without_a_grant_there_is_no_list(company: Company) -> None:
    """The gate decides, and records that it refused."""
    with pytest.raises(AccessDenied):
        company.notices.annex(ID, "acme", by="e-1", reason="the customer has to know")
    assert "access.denied" in company.kinds()
    company.subjects["acme"] = []
    with pytest.raises(IncidentClash):
        company.notices.annex(ID, "acme", by="e-1", reason="the customer has to know")


def test_the_customer_alone_reads_an_encrypted_list(company: Company, key: rsa.RSAPrivateKey) -> None:
    """What goes with a notice is encrypted by AES-256 under the customer's certificate, and opens with its key."""
    company.grant()
    pem = certificate(key)
    company.register(Customer("acme", annex_certificate=pem))
    company.notices.draft(ID, Phase.FIRST, by="e-1", individuals_by="e-1", reason="the customer has to know")
    notice = company.notices.notice(ID, "acme")
    assert notice.annex is not None
    assert "listed in the annex" in notice.text
    opened = pkcs7.pkcs7_decrypt_pem(notice.annex.encode(), x509.load_pem_x509_certificate(pem.encode()), key, [])
    assert company.rows(opened)[company.accounts[1]][1] == identity("bob").email
    for text in (notice.text, notice.html, notice.payload, notice.annex):
        assert identity("bob").email not in text
    again = company.notices.sealed_annex(ID, "acme", by="e-1", reason="they lost it")
    assert pkcs7.pkcs7_decrypt_pem(again.encode(), x509.load_pem_x509_certificate(pem.encode()), key, []) == opened


def test_openssl_opens_an_encrypted_list(company: Company, key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    """A customer needs nothing but OpenSSL and its key to read the list."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed here")
    company.grant()
    company.register(Customer("acme", annex_certificate=certificate(key, encipherment=True)))
    sealed = company.notices.sealed_annex(ID, "acme", by="e-1", reason="the customer has to know")
    (tmp_path / "annex.pem").write_text(sealed)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(private)
    command = [program, "cms", "-decrypt", "-inform", "PEM", "-in", "annex.pem", "-inkey", "key.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert company.rows(done.stdout)[company.accounts[0]][1] == identity("ada").email


def test_a_notice_goes_without_a_list_that_nobody_may_open(company: Company, key: rsa.RSAPrivateKey) -> None:
    """A customer hears of the breach whether or not somebody may see names, and is told how to get the list."""
    company.register(Customer("acme", annex_certificate=certificate(key)))
    company.notices.draft(ID, Phase.FIRST, by="e-1", individuals_by="e-1", reason="the customer has to know")
    notice = company.notices.notice(ID, "acme")
    assert notice.annex is None
    assert "4 on our list." in notice.text
    with pytest.raises(IncidentInvalid):
        company.notices.draft(ID, Phase.FIRST, by="e-1", individuals_by="e-1")


def test_without_a_certificate_nothing_is_opened(company: Company) -> None:
    """Neither a notice nor anybody who asks gets a list in the clear by that way."""
    company.grant()
    company.notices.draft(ID, Phase.FIRST, by="e-1", individuals_by="e-1", reason="the customer has to know")
    assert company.notices.notice(ID, "acme").annex is None
    with pytest.raises(ContactInvalid):
        company.notices.sealed_annex(ID, "acme", by="e-1", reason="the customer has to know")
    assert "access.granted" not in company.kinds()


def test_a_certificate_is_checked(key: rsa.RSAPrivateKey) -> None:
    """One certificate with an RSA key for encryption is taken, and nothing else; the error quotes nothing of it."""
    pem = certificate(key)
    assert check_certificate(pem, now=START).public_key() == key.public_key()
    check_certificate(certificate(key, encipherment=True))
    small = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
    refused = (
        "",
        "nonsense",
        pem + pem,
        pem[:200] + pem[260:],
        certificate(ec.generate_private_key(ec.SECP256R1())),
        certificate(small),
        certificate(key, encipherment=False),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )
    for text in refused:
        with pytest.raises(ContactInvalid) as error:
            check_certificate(text)
        assert "acme.example" not in str(error.value)
    with pytest.raises(ContactInvalid):
        check_certificate(certificate(key, days=1), now=START + timedelta(days=2))
