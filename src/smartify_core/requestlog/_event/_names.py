"""What a name in the request log may look like: grammars too narrow for what a request carries.

A framework, or a host, hands names over that it made itself. Should it hand over a path by mistake, these grammars
refuse what looks like a value in it; what they let through is caught by the guard of cardinality.
"""

from __future__ import annotations

import re
from typing import Final

from smartify_core.errors import UsageError

#: What stands in for a request that no route answered.
UNMATCHED: Final = "unmatched"
#: What stands in for names beyond the most that are told apart.
OTHER: Final = "(other)"
#: What stands in for a referring page of the host's own whose route is not known.
OWN: Final = "(own)"
#: What stands in for a referring page on a host that is an address.
IP: Final = "(ip)"

#: Where in a scope or environ an inner part of the application leaves the route's template, for frameworks that keep it
#: to themselves.
FEATURE_KEY: Final = "smartify_core.feature"
#: Where it leaves the class of an exception that it turned into a response.
ERROR_KEY: Final = "smartify_core.error"

LONGEST_FEATURE: Final = 200
LONGEST_HOST: Final = 100

# What a template says of its parameters: patterns may stand there, with signs that a path's values have.
_parameters = re.compile(r"\{[^{}]*\}|<[^<>]*>|\((?:[^()]|\([^()]*\))*\)")
_value_like = re.compile(
    r"""[^\s/@]@[^\s/@]+\.[^\s/@]   # an address of mail
      | \d{9}                       # a number that is no version and no date
      | [0-9a-f]{8}-[0-9a-f]{4}-    # a UUID
      | %[0-9a-f]{2}                # a percent escape: a path, not a template
      | [?\#&=;]\w*=?               # a query or a fragment
      | :// """,
    re.VERBOSE | re.IGNORECASE,
)
# What no parameter is called, and no pattern holds.
_value = re.compile(r"[^\s/@]@[^\s/@]+\.[^\s/@]|\d{9}|[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)
_word = re.compile(r"[A-Za-z0-9_-]{16,}", re.ASCII)
_error_like = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}", re.ASCII).fullmatch
_label = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_origin_like = re.compile(
    rf"(?:https?|android-app|ios-app)://(?P<host>{_label}(?:\.{_label})+)(?::(?P<port>\d{{1,5}}))?", re.ASCII
).fullmatch
_TOKEN_DIGITS: Final = 4


def check_feature(name: str) -> None:
    """Raise `UsageError` unless ``name`` may stand in the log for a feature."""
    if type(name) is not str or not 0 < len(name) <= LONGEST_FEATURE or not name.isprintable() or name != name.strip():
        raise UsageError(
            f"a feature has a printable name of 1 to {LONGEST_FEATURE} characters", cure="Name the route, not the path."
        )
    fixed = _parameters.sub("", name)
    if _value_like.search(fixed) or _value.search(name) or any(map(_token_like, _word.findall(name))):
        raise UsageError(
            "a feature's name holds what looks like a value",
            cure="Hand over the route's template, with its parameters in braces, or a name of your own.",
        )


def _token_like(word: str) -> bool:
    digits = sum(character.isdigit() for character in word)
    return _TOKEN_DIGITS <= digits < len(word)


def check_error_name(name: str) -> None:
    """Raise `UsageError` unless ``name`` may stand in the log for a class of exceptions."""
    if type(name) is not str or not _error_like(name):
        raise UsageError("an error is told by the name of its class: at most 80 ASCII characters")


def check_referrer(text: str) -> None:
    """Raise `UsageError` unless ``text`` may stand in the log for a referring page."""
    if type(text) is not str:
        raise UsageError("a referrer is an origin or a route's template")
    if text in {OWN, IP, OTHER}:
        return
    if text.startswith("/"):
        check_feature(text)
    elif not is_public_origin(text):
        raise UsageError("a referrer is the origin of a public page, or the template of a route of the host's own")


def is_public_origin(text: str) -> bool:
    """Return whether ``text`` is a scheme and the name of a host on the public internet, and nothing more."""
    match = _origin_like(text)
    if match is None:
        return False
    host, port = match["host"], match["port"]
    return (
        len(host) <= LONGEST_HOST
        and (port is None or 0 < int(port) <= _LAST_PORT)
        and not host[-1].isdigit()
        and _hex_like(host.rpartition(".")[2]) is None
        and not host.endswith(_INSIDE)
        and _address_like(host) is None
        and _value.search(host) is None
        and not any(map(_token_like, _word.findall(host)))
    )


_LAST_PORT: Final = 65_535
_hex_like = re.compile(r"0x[0-9a-f]*", re.ASCII).fullmatch
# Names of hosts that are made of an address, as providers and testing services make them.
_address_like = re.compile(r"(?<!\d)(?:\d{1,3}[.-]){3}\d{1,3}(?!\d)", re.ASCII).search
#: Ends of names that only an inside network knows: they tell of a person's place, or of a device's owner.
_INSIDE: Final = (
    ".local", ".localdomain", ".localhost", ".internal", ".lan", ".home", ".home.arpa", ".corp", ".intra", ".intranet",
    ".private", ".fritz.box",
)  # fmt: skip
