"""Checks an export of an audit trail offline. Needs Python 3.11 and nothing else: this file may be taken along alone.

    python verifier.py EXPORT --key VKEY [--kept NOTE] [--keep FILE]

EXPORT is what the vendor handed over, VKEY its public key as it was handed over once, or a file that holds it, NOTE a
checkpoint from an earlier export. It is checked that the vendor signed the checkpoint, that every entry is in the tree
under it (RFC 9162), that the entries are numbered without a gap, and that the tree only grew from the one that was
kept. Nothing in an export is believed. Ends with 0 when all of this holds, with 1 when it does not, and with 2 when it
was called wrongly.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256, sha512
from itertools import zip_longest
from os.path import isfile
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Wrong", "examine", "run"]


class Wrong(Exception):
    """An export, a note or a key is not what it should be. The text says what is wrong."""


# --- Ed25519 (RFC 8032, section 5.1): points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z -------------------------

_HALF = 32  # of a signature; a key has as many bytes
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Kind = TypeVar("_Kind")
_Point = tuple[int, int, int, int]


def _sum(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0])
    b = (one[1] + one[0]) * (other[1] + other[0])
    c, d = 2 * _D * one[3] * other[3], 2 * one[2] * other[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: _Point) -> _Point:
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _sum(total, point)
        point, number = _sum(point, point), number >> 1
    return total


def _point(encoded: bytes) -> _Point | None:
    number = int.from_bytes(encoded, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if y >= _P or x * x % _P != square or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(_HALF, "little")) or (0, 1, 1, 0)


def _signed(key: bytes, message: bytes, signature: bytes) -> bool:
    point, scalar = _point(key), int.from_bytes(signature[_HALF:], "little")
    if point is None or len(signature) != 2 * _HALF or scalar >= _L:
        return False
    hashed = int.from_bytes(sha512(signature[:_HALF] + key + message).digest(), "little") % _L
    minus = (_P - point[0], point[1], 1, _P - point[3])
    x, y, z, _ = _sum(_times(scalar, _BASE), _times(hashed, minus))
    inverse = pow(z, -1, _P)
    encoded = (y * inverse % _P) | ((x * inverse % _P & 1) << 255)
    return encoded.to_bytes(_HALF, "little") == signature[:_HALF]


# --- signed notes and checkpoints (C2SP) ------------------------------------------------------------------------------


_ID = 4  # bytes by which keys are told apart
_LINES = 4  # of a checkpoint or a succession: three, and what follows them


def _bytes(text: object) -> bytes:
    try:
        data = b64decode(text, validate=True) if isinstance(text, str) else None
    except ValueError:
        data = None
    if data is None or b64encode(data).decode() != text:
        raise Wrong("something that should be base64 is not")
    return data


def _key(vkey: str) -> tuple[str, bytes, bytes]:
    """Return name, id and key of a verifier key."""
    name, hexadecimal, encoded = ([*vkey.split("+", 2), "", ""])[:3]
    data = _bytes(encoded)
    number = sha256(f"{name}\n".encode(errors="replace") + data).digest()[:_ID]
    if not name.isprintable() or len(data) != 1 + _HALF or data[:1] != b"\x01" or number.hex() != hexadecimal:
        raise Wrong("this is no key of a trail")
    return name, number, data[1:]


def _opened(note: str, *vkeys: str) -> str:
    """Return the text of a note that all of these keys signed."""
    text, _, lines = note.rpartition("\n\n")
    signatures = [re.fullmatch("\N{EM DASH} (\\S+) (\\S+)", line) for line in lines.split("\n")[:-1]]
    if not lines.endswith("\n") or None in signatures or not text.replace("\n", "").isprintable():
        raise Wrong("this is no signed note")
    for name, number, key in map(_key, vkeys):
        found = [_bytes(one[2]) for one in signatures if one and one[1] == name]
        if not any(one[:_ID] == number and _signed(key, f"{text}\n".encode(), one[_ID:]) for one in found):
            raise Wrong("a note is not signed by the key of the trail")
    return f"{text}\n"


def _checkpoint(note: str, vkey: str) -> tuple[int, bytes]:
    """Return size and root of a checkpoint that the key signed for its own trail."""
    lines = _opened(note, vkey).split("\n")
    if len(lines) < _LINES or lines[0] != _key(vkey)[0] or not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1], re.ASCII):
        raise Wrong("this is no checkpoint of the trail")
    return int(lines[1]), _bytes(lines[2])


def _keys(vkey: str, successions: Sequence[object]) -> list[str]:
    """Return the key that is known, and those that followed it, each named by the one before."""
    keys: list[str] = []
    for note in successions:
        lines = note.split("\n") if isinstance(note, str) else []
        if (
            len(lines) < _LINES
            or lines[0] != "smartify audit key succession"
            or [lines[1]] != (keys[-1:] or [lines[1]])
        ):
            raise Wrong("this is no succession of keys")
        _opened("\n".join(lines), lines[1], lines[2])
        keys = [*(keys or [lines[1]]), lines[2]]
    if vkey not in (keys or [vkey]):
        raise Wrong("the keys of the trail do not lead to the one that is known")
    return keys[keys.index(vkey) :] if keys else [vkey]


# --- proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2) ------------------------------------------------------------------


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _is_in(entry: bytes, place: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    hashed, last = sha256(b"\x00" + entry).digest(), size - 1
    for beside in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            hashed = _node(beside, hashed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            hashed = _node(hashed, beside)
        place, last = place >> 1, last >> 1
    return last == 0 and hashed == root


def _grew(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    if old[0] in {0, new[0]}:
        return not proof and old[1] == (new[1] if old[0] else sha256(b"").digest())
    place, last = old[0] - 1, new[0] - 1
    hashes = [old[1], *proof] if old[0] & place == 0 else [*proof]
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = hashes[0] if hashes else b""
    for beside in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            older, newer = _node(beside, older), _node(beside, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = _node(newer, beside)
        place, last = place >> 1, last >> 1
    return old[0] <= new[0] and last == 0 and (older, newer) == (old[1], new[1])


# --- the export -------------------------------------------------------------------------------------------------------

_EXPORT = {"checkpoint", "count", "entries", "format", "kept", "successions", "tenant", "v"}
_LINE = {"entry", "place", "proof"}
_ENTRY = {"actor", "at", "facts", "kind", "of_tenant", "place", "subjects", "tenant", "v", "writer"}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) != len(pairs):
        raise Wrong("a name stands twice in a document")
    return held


def _parsed(content: bytes) -> object:
    try:
        held = json.loads(content.decode(), object_pairs_hook=_once)
        json.dumps(held, ensure_ascii=False).encode()  # half a character, written as an escape, has no bytes
    except (ValueError, RecursionError):
        raise Wrong("something that should be JSON is not") from None
    return held


def _members(held: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(held, dict) or set(held) != names:
        raise Wrong("a document has not the members that it should have")
    return held


def _typed(kind: type[_Kind], value: object) -> _Kind:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Wrong("a member of a document is of another kind")
    return value


def _hashes(proof: object) -> list[bytes]:
    return [_bytes(one) for one in _typed(list, proof)]


def _entry(content: bytes) -> dict[str, Any]:
    """Return an entry whose members are such as can be shown."""
    entry = _members(_parsed(content), _ENTRY)
    facts = _typed(dict, entry["facts"])
    texts = [entry["at"], entry["kind"], *_typed(list, entry["subjects"])]
    for value in facts.values():
        texts += value if isinstance(value, list) else [] if value is None or isinstance(value, int) else [value]
    for text in texts if entry["actor"] is None else [*texts, entry["actor"]]:
        _typed(str, text)
    return entry


def examine(content: bytes, vkey: str, kept: str | None = None) -> tuple[str, list[dict[str, Any]]]:
    """Return what can be said of an export, and its entries from the first to the latest.

    Args:
        content: The export, as it was handed over.
        vkey: The public key of the trail, or an older one that others followed.
        kept: A checkpoint of an earlier export.

    Raises:
        Wrong: Something does not hold.
    """
    held = _members(_parsed(content), _EXPORT)
    if held["format"] != "smartify audit export" or _typed(int, held["v"]) != 1:
        raise Wrong("this is no export of an audit trail that this program knows")
    keys = _keys(vkey, _typed(list, held["successions"]))
    size, root = _checkpoint(_typed(str, held["checkpoint"]), keys[-1])
    tenant, count, entries = _typed(str, held["tenant"]), _typed(int, held["count"]), _typed(list, held["entries"])
    found: list[dict[str, Any]] = []
    lines = [_members(one, _LINE) for one in entries]
    for number, (line, before) in enumerate(zip_longest(lines, lines[1:])):
        written, place = _bytes(line["entry"]), _typed(int, line["place"])
        if not 0 <= place < size or not _is_in(written, place, size, _hashes(line["proof"]), root):
            raise Wrong(f"entry {place} is not in the trail")
        entry = _entry(written)
        following = {"number": count - number, "previous": before and before["place"]}
        if (entry["tenant"], entry["place"], entry["of_tenant"]) != (tenant, place, following):
            raise Wrong(f"entry {place} does not follow the one before it, or is somebody else's")
        found.append(entry)
    if len(found) != count:
        raise Wrong(f"there are {len(found)} entries and not {count}")
    since = "nothing is known of earlier exports; keep the checkpoint of this one"
    if (kept is None) != (held["kept"] is None):
        raise Wrong("the export and the note that was kept do not belong together: name both or none")
    if kept is not None:
        told = _members(held["kept"], {"proof", "size"})
        old = _opened_by_any(kept, keys)
        if _typed(int, told["size"]) != old[0] or not _grew(old, (size, root), _hashes(told["proof"])):
            raise Wrong("the trail did not grow from the checkpoint that was kept")
        since = f"the first {old[0]} entries of the trail are those of the checkpoint that was kept"
    said = f"{count} entries of {tenant}, numbered without a gap, in the trail of {size} that {_key(vkey)[0]} signed"
    return f"{said}; {since}", found[::-1]


def _opened_by_any(note: str, keys: Sequence[str]) -> tuple[int, bytes]:
    for key in keys[:-1]:
        try:
            return _checkpoint(note, key)
        except Wrong:
            continue
    return _checkpoint(note, keys[-1])


# --- for people -------------------------------------------------------------------------------------------------------


def _shown(entry: dict[str, Any]) -> str:
    parts = [entry["at"], entry["kind"], f"by {entry['actor']}"]
    parts += [f"{name}={value}" for name, value in entry["facts"].items()]
    if entry["subjects"]:
        parts.append(f"about {', '.join(entry['subjects'])}")
    return "  ".join(parts)


def _plain(text: str) -> str:
    """Return a text in which nothing can steer a terminal."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def run(arguments: Sequence[str] | None = None) -> int:
    """Check an export as the command line says, print what was found, and return the exit code."""
    parser = argparse.ArgumentParser(description="Check an export of an audit trail offline.")
    parser.add_argument("export", type=Path, metavar="EXPORT")
    parser.add_argument("--key", required=True, metavar="VKEY", help="the public key of the trail, or its file")
    parser.add_argument("--kept", type=Path, metavar="NOTE", help="a file with the checkpoint of an earlier export")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the checkpoint of this export there")
    parser.add_argument("--quiet", action="store_true", help="print no entries")
    asked = parser.parse_args(arguments)
    try:
        is_file = isfile(asked.key)  # noqa: PTH113 - a key may be longer than a path may be
        vkey = Path(asked.key).read_text("utf-8").strip() if is_file else asked.key
        _key(vkey)
    except (OSError, UnicodeDecodeError, Wrong):
        return _failed("--key takes the public key of the trail as you were given it, or a file that holds it.", 2)
    try:
        content = asked.export.read_bytes()
        kept = None if asked.kept is None else asked.kept.read_bytes().decode(errors="replace")
        if kept is None and _members(_parsed(content), _EXPORT)["kept"] is not None:
            return _failed("This export was made for a customer who kept a checkpoint: give it with --kept NOTE.", 2)
        said, entries = examine(content, vkey, kept)
        if asked.keep is not None:
            asked.keep.write_bytes(_members(_parsed(content), _EXPORT)["checkpoint"].encode())
    except OSError as error:
        return _failed(f"a file cannot be used: {error.strerror}", 2)
    except Wrong as error:
        return _failed(f"WRONG: {error}", 1)
    lines = [*([] if asked.quiet else map(_shown, entries)), f"GOOD: {said}."]
    spelt = "".join(f"{_plain(line)}\n" for line in lines)
    try:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(spelt.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):  # it is closed, full, or nobody reads on
        sys.stdout = None  # so that Python does not complain of it once more at the end
        return _failed("the findings cannot be printed.", 2)
    return 0


def _failed(what: str, code: int) -> int:
    sys.stderr.write(f"{_plain(what)}\n")
    return code


if __name__ == "__main__":
    sys.exit(run())
