"""A customer's certificate, under which lists of people are encrypted for it alone."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from smartify_core.errors import ContactInvalid

#: The shortest RSA key that is taken: what NIST SP 800-131A asks for at least.
_LEAST_BITS: Final = 2_048
_LONGEST: Final = 20_000
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"


def check_certificate(certificate: str, *, now: datetime | None = None) -> x509.Certificate:
    """Return a certificate that something can be encrypted under.

    Args:
        certificate: One X.509 certificate in PEM.
        now: Where it is given, the certificate has to be valid then.

    Raises:
        ContactInvalid: It is none, there are several, its key is no RSA key of at least 2048 bits or not for
            encryption, or it is not valid now. Says nothing of what it holds.
    """
    given: object = certificate  # types are no promise at run time
    if not isinstance(given, str) or len(certificate) > _LONGEST or certificate.count(_BEGIN) != 1:
        raise _refused("it is not one certificate in PEM")
    try:
        found = x509.load_pem_x509_certificate(certificate.encode("utf-8", "surrogatepass"))
        key = found.public_key()
        begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
        usage = _usage(found)
    except Exception:  # noqa: BLE001 - whatever a stranger's certificate makes of the parser, it is no certificate
        raise _refused("it cannot be read as a certificate") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise _refused(f"its key is no RSA key of at least {_LEAST_BITS} bits")
    if usage is not None and not usage.key_encipherment:
        raise _refused("its key is not for the encryption of keys (RFC 5280, 4.2.1.3)")
    if now is not None and not begins <= now <= ends:
        raise _refused("it is not valid now")
    return found


def encrypted(content: bytes, certificate: str) -> str:
    """Return something encrypted for the holder of a certificate: CMS EnvelopedData (RFC 5652) by AES-256, in PEM.

    Raises:
        ContactInvalid: Nothing can be encrypted under the certificate.
    """
    recipient = check_certificate(certificate)
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(content).add_recipient(recipient)
    sealed = builder.set_content_encryption_algorithm(AES256).encrypt(Encoding.PEM, [pkcs7.PKCS7Options.Binary])
    return sealed.decode("ascii")


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _refused(what: str) -> ContactInvalid:
    return ContactInvalid(
        f"a certificate is of no use: {what}",
        where="annex certificate",
        cure="Give the customer's X.509 certificate with an RSA key, in PEM.",
    )
