"""The parts that a mail is put together from (RFC 5322, RFC 2045 to 2047, RFC 2231), as bytes. Pure.

The standard library's `email.message` reads every header back that it writes, which takes it milliseconds for a mail.
What is written here is of a few shapes, and every value is checked or encoded before it stands in one.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from smartify_core.policy.breach._notifier import Attachment

#: RFC 2045, section 6.7 and 6.8: no line of an encoded body is longer.
_LINE: Final = 76
#: RFC 5322, section 2.1.1: the length of a line that should not be exceeded.
_SHORT: Final = 78
#: RFC 2047, section 2: 76 characters for a line with an encoded word. So many bytes fit behind the name of a header.
_WORD: Final = 39
#: By how much Base64 makes a text longer, its lines' ends among it.
_GROWTH: Final = 4 / 3 * (_LINE + 2) / _LINE
#: How much of a parameter stands in one piece (RFC 2231, section 3).
_PIECE: Final = 50
_type_like: Final = re.compile(r"([a-z0-9][a-z0-9.+-]*)/([a-z0-9][a-z0-9.+-]*)").fullmatch
_attribute_like: Final = re.compile(r"[a-z0-9-]{1,32}").fullmatch
#: RFC 5322, section 3.2.4: what stands between quotation marks as it is.
_quotable: Final = re.compile(r"[ !#-\[\]-~]*").fullmatch
#: What a text holds besides letters and what parts lines; no mail may carry it as it is.
_controls: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def clean(text: str) -> str:
    """Return a text without what no mail may carry."""
    return _controls.sub(" ", text.encode("utf-8", "replace").decode("utf-8"))


def one_line(text: str) -> str:
    """Return a text in one line, its words parted by single spaces: nothing in it can end a header."""
    return " ".join(clean(text).split())


def header_text(name: str, text: str) -> str:
    """Return the value of a header that is text for people: as it is where that is short ASCII, or encoded."""
    text = one_line(text)
    if text.isascii() and "=?" not in text and len(name) + 2 + len(text) <= _SHORT:
        return text
    return _encoded_words(text)


def named_mailbox(display: str, address: str) -> str:
    """Return an address of ours with the name that people see beside it, over two lines where it is long."""
    display = one_line(display)
    if not display:
        return address
    shown = f'"{display}"' if _quotable(display) and "=?" not in display else _encoded_words(display)
    if len(shown) > _SHORT and shown.startswith('"'):
        shown = _encoded_words(display)
    parting = " " if len(shown) + len(address) <= _WORD and "\r\n" not in shown else "\r\n "
    return f"{shown}{parting}<{address}>"


def text_part(subtype: str, text: str) -> bytes:
    """Return a text as a part: in Quoted-Printable, or in Base64 where that is shorter (as for most scripts in UTF-8).

    Neither has a ``=`` before a ``_``, by which the bounds between parts begin: no text can hold one.
    """
    lines = clean(text).replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    raw = lines.replace("\n", "\r\n").encode() + b"\r\n"
    encoding, body = "quoted-printable", b2a_qp(raw)
    if len(body) > _GROWTH * len(raw):
        encoding, body = "base64", _in_base64(raw)
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode() + body


def attachment_part(attachment: Attachment) -> bytes:
    """Return an attachment as a part, in Base64."""
    kind, _, rest = attachment.type.partition(";")
    found = _type_like(kind.strip().lower())
    # A message or a multipart would have to be 7-bit as it is: what comes as such goes as plain bytes.
    is_plain = found is not None and found[1] not in {"message", "multipart"}
    pairs = [one.partition("=") for one in rest.split(";") if "=" in one]
    parameters = [
        _parameter(name.strip().lower(), one_line(value).strip('"'))
        for name, _, value in pairs
        if _attribute_like(name.strip().lower())
    ]
    lines = [
        "".join(["Content-Type: ", found[0] if found and is_plain else "application/octet-stream", *parameters]),
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment" + _parameter("filename", one_line(attachment.name)),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + _in_base64(attachment.content)


def multipart(subtype: str, bound: str, parts: list[bytes]) -> bytes:
    """Return parts as one (RFC 2046, section 5.1), which every part ends in a line's end."""
    opening, closing = f"--{bound}\r\n".encode(), f"--{bound}--\r\n".encode()
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{bound}"\r\n\r\n'.encode()
    # The end of the line before a bound is the bound's: the part has its own before that.
    return b"".join([head, *(opening + part + b"\r\n" for part in parts), closing])


def _in_base64(raw: bytes) -> bytes:
    written = b64encode(raw)
    return b"".join(written[start : start + _LINE] + b"\r\n" for start in range(0, len(written), _LINE))


def _encoded_words(text: str) -> str:
    """Return a text as encoded words (RFC 2047), each of whole letters, in a line each."""
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word.encode()).decode()}?=" for word in _pieces(text, _WORD))


def _pieces(text: str, most: int) -> Iterator[str]:
    """Yield a text in pieces of at most so many bytes of UTF-8."""
    start, size = 0, 0
    for at, letter in enumerate(text):
        length = len(letter.encode())
        if size + length > most:
            yield text[start:at]
            start, size = at, 0
        size += length
    yield text[start:]


def _parameter(name: str, value: str) -> str:
    """Return a parameter of a header in lines of its own: quoted, or encoded in pieces (RFC 2231)."""
    if _quotable(value) and len(value) <= _PIECE and "=?" not in value:
        return f';\r\n {name}="{value}"'
    # A byte takes up to three characters, and a letter up to four bytes: whole letters, so that each piece is text.
    pieces = [quote(piece, safe="") for piece in _pieces(value, _PIECE // 3)]
    if len(pieces) == 1:
        return f";\r\n {name}*=utf-8''{pieces[0]}"
    first = f";\r\n {name}*0*=utf-8''{pieces[0]}"
    return first + "".join(f";\r\n {name}*{number}*={piece}" for number, piece in enumerate(pieces[1:], 1))
