"""Single fields of a text table: numbers as people and programs write them, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Programs' words for a number that is not there; in small letters.
_WORDS = "nan +nan -nan null none na n/a #n/a <na> nil missing 1.#qnan -1.#ind nan(ind) -nan(ind)"
_MISSING = frozenset(["", "-", ".", "?", *_WORDS.split()])
_FORTRAN = re.compile(r"(?<=[\d.])[dD](?=[+-]?\d)")

_THOUSANDS = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}(\{mark}\d{{3}})+") for mark in ",."}
_COMMA_IS_DECIMAL = re.compile(r"[+-]?(\d*,\d*|\d{1,3}(\.\d{3})+,\d*)([eEdD][+-]?\d+)?")
_POINT_IS_DECIMAL = re.compile(
    r"[+-]?(\d*\.\d*|\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,})([eEdD][+-]?\d+)?"
)


def is_missing(field: str) -> bool:
    """Tell whether a field stands for a number that is not there."""
    return field.lower() in _MISSING


def as_number(field: str, decimal: str = ".") -> float | None:
    """Read a field.

    Args:
        field: its text, without spaces or quotes around it.
        decimal: the decimal mark, a point or a comma; the other one groups thousands.

    Returns:
        The number, NaN where it is missing; None if the field is a word.
    """
    if is_missing(field):
        return float("nan")
    if "_" in field:  # 1_000 is a number to Python only
        return None
    other = "," if decimal == "." else "."
    if other in field or decimal == ",":
        whole, mark, rest = field.partition(decimal)
        if other in field and not _THOUSANDS[other].fullmatch(whole):
            return None
        field = whole.replace(other, "") + mark.replace(",", ".") + rest
    try:
        return float(field)
    except ValueError:
        pass
    try:
        return float(without_fortran(field))
    except ValueError:
        return None


def is_ambiguous(field: str) -> bool:
    """Tell whether a comma may be the decimal mark or group thousands, as in 1,234."""
    return field.count(",") == 1 and bool(_THOUSANDS[","].fullmatch(field))


def without_fortran(text: str) -> str:
    """Write Fortran's exponents, as in 1.0D+00, the way everybody else does."""
    return _FORTRAN.sub("e", text)


def with_nan(text: str, separator: str) -> str:
    """Write NaN where fields are missing.

    Args:
        text: rows, a line each.
        separator: the sign between their fields.
    """
    words = "|".join(re.escape(word) for word in sorted(_MISSING, key=len, reverse=True))
    edge = rf"{re.escape(separator)}\n"
    field = rf"(?<![^{edge}]) *(?:{words}) *(?![^{edge}])"
    return re.sub(field, "nan", text.strip(" \n"), flags=re.IGNORECASE)


def decimal_marks(fields: Iterable[str]) -> set[str]:
    """Find which decimal marks fields prove.

    Args:
        fields: texts of numbers and words.

    Returns:
        A point, a comma, both or none: 1,234 may be either, 1,5 and 1.234,5 prove a comma,
        1.5 and 1,234.5 a point.
    """
    found = set()
    for field in fields:
        if "," in field:
            if is_ambiguous(field):
                continue
            if _COMMA_IS_DECIMAL.fullmatch(field):
                found.add(",")
            elif _POINT_IS_DECIMAL.fullmatch(field):
                found.add(".")
        elif not _THOUSANDS["."].fullmatch(field) and _POINT_IS_DECIMAL.fullmatch(field):
            found.add(".")
    return found
