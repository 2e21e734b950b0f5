"""Networks of addresses. SQL. Pure."""

from __future__ import annotations


def network_of(ip: str) -> str:
    """Return the SQL for the network of an address: what the log cut it to, else /24 or /48."""
    four = " || '.' || ".join(f"split_part({ip}, '.', {at})" for at in (1, 2, 3))
    return (
        f"case when {ip} like '%/%' then {ip} when {ip} like '%:%' then {_six(ip, 3)} || '::/48' "
        f"when {ip} is not null then {four} || '.0/24' end"
    )


def wide(network: str) -> str:
    """Return the SQL for the wider network in which a network lies: /16 or /32, or itself where it is as wide."""
    length = f"cast(split_part({network}, '/', 2) as bigint)"
    four = f"split_part({network}, '.', 1) || '.' || split_part({network}, '.', 2) || '.0.0/16'"
    address = f"split_part({network}, '/', 1)"
    six = f"{_six(address, 2)} || '::/32'"
    return (
        f"case when {network} like '%:%' then case when {length} <= 32 then {network} else {six} end "
        f"when {network} is not null then case when {length} <= 16 then {network} else {four} end end"
    )


def _six(ip: str, groups: int) -> str:
    """Return the SQL for the first groups of an IPv6 address, without zeros at their end: a network has one name."""
    head = f"split_part({ip}, '::', 1)"
    parts = [f"split_part({head}, ':', {at})" for at in range(1, groups + 1)]
    told = [f"case when {part} = '' then '0' else {part} end" for part in parts]
    joined = [" || ':' || ".join(told[:upto]) for upto in range(1, groups + 1)]
    cases = [f"when {parts[at]} not in ('', '0') then {joined[at]}" for at in reversed(range(groups))]
    return f"case {' '.join(cases)} else '' end"
