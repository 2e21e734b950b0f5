"""A host that tells its customers of breaches by mail, for tests of the commands about that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from tests._receivers import MailServer

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Files, Result

#: Texts that people type, and addresses: none of them is ever shown where it was not asked for.
SECRETS: Final = ("stolen-laptop", "why-of-it", "privacy@", "Ada", "police-file-9")
AS_E2: Final = ("--as", "e-2")
WHY: Final = ("--reason", "why-of-it")
#: What a statement has to say before a final notice.
ALL_KNOWN: Final = (
    *("--known", "what_happened=A laptop was stolen"),
    *("--known", "measures_taken=Its sessions were ended"),
    *("--not-applicable", "measures_planned=Nothing is left to do"),
    *("--not-applicable", "consequences=None that we know of"),
    *("--not-applicable", "recommended_steps=None"),
    *("--known", "records=About 20"),
)


@frozen
class House:
    """The folder of a host, its mail server, and the command in it."""

    files: Files
    mail: MailServer
    run: Callable[..., Result]

    @property
    def folder(self) -> Path:
        """Where everything is."""
        return self.files.folder

    def configure(self, *, mail: str | None = None, more: str = "") -> None:
        """Write the configuration anew: ``mail`` in place of the mail server's table, ``more`` keys in ``[breach]``."""
        table = f'{{ host = "127.0.0.1", port = {self.mail.port}, security = "none", sender = "us@example.com" }}'
        self.files.configure(
            '[breach]\norganisation = "Example Ltd"\ncontact_point = "Privacy office"\ncall = "e-2"\n'
            f"mail = {table if mail is None else mail}\n{more}"
        )

    def customers(self, text: str | None = None, *tenants: str) -> Path:
        """Write a file of customers: a text, or a contact for each tenant."""
        file = self.folder / "customers.toml"
        usual = "".join(
            f'[customers.{one}]\n[[customers.{one}.contacts]]\nid = "privacy"\nchannel = "mail"\n'
            f'address = "privacy@{one}.example"\n'
            f'[[customers.{one}.limits]]\nphase = "first"\nwithin = "12h"\nstart = "awareness"\nkind = "contract"\n'
            'citation = "DPA of 2026, section 7"\n'
            for one in tenants or ("acme", "initech")
        )
        file.write_text(usual if text is None else text, encoding="utf-8")
        return file

    def register(self) -> None:
        """Register the usual contacts."""
        self.customers()
        assert self.run("breach", "customers", "register", "customers.toml", *AS_E2).code == 0

    def breach(self, *arguments: str) -> Any:
        """Run a command about breaches, which must succeed, and return its document."""
        done = self.run("breach", *arguments, "--json")
        assert done.code == 0, done.err
        return done.document

    def open(self, *arguments: str) -> str:
        """Open an incident, and return its id."""
        incident = self.breach("open", *AS_E2, "--signal", "stolen-laptop", "--actor", "e-17", *arguments)["incident"]
        assert isinstance(incident["id"], str)
        return incident["id"]

    def assessed(self, *arguments: str) -> str:
        """Open an incident, decide that it is a breach, assess it, and return its id."""
        incident = self.open()
        self.breach("aware", incident, *AS_E2, *WHY, *arguments)
        self.breach("assess", incident, *AS_E2)
        return incident

    def drafted(self, phase: str = "first") -> str:
        """Assess an incident, draft a notice of it, and return its id."""
        incident = self.assessed()
        self.breach("draft", incident, *AS_E2, "--phase", phase)
        return incident

    def told(self) -> str:
        """Tell the customer of an incident, and return its id."""
        incident = self.drafted()
        self.breach("send", incident, *AS_E2)
        self.mail.wait_for(1)
        return incident


def nothing_personal(*results: Result) -> None:
    """See to it that nothing which was typed, and no address, stands in what was said."""
    for one in results:
        for secret in SECRETS:
            assert secret not in one.out + one.err, secret
