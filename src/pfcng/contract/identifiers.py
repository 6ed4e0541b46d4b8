"""National identifiers of persons and structures: their forms, and their check digits.

An identifier is a type digit and a number of a register. The type digits of persons and of structures are two lists:
the employee ``3750099012/CPET0001`` works for the structure ``1750099012``. Numbers for tests and the examples of
official documents often have a wrong check digit, so that a wrong one is a doubt, never a refusal.
Source: guide §14.1 table 11 (idNat, 64 characters); TRE_G07, TRE_G08.
"""

import re
from typing import Final

MAX_LENGTH: Final = 64

_FINESS: Final = "[0-9AB]{9}"
_ADELI_RANG: Final = "[0-9AB]{11}"
_EMPLOYEE: Final = "/[!-~]+"

_PERSONNE: Final = re.compile(
    rf"0[0-9AB]{{9}}|8[0-9]{{11}}|1{_ADELI_RANG}{_EMPLOYEE}|3{_FINESS}{_EMPLOYEE}|[56][0-9]{{14}}{_EMPLOYEE}"
)
"""ADELI, RPPS, and employees of: a cabinet by ADELI-rang, a FINESS, a SIRET, a cabinet by RPPS-rang."""
_STRUCTURE: Final = re.compile(rf"0{_ADELI_RANG}|1{_FINESS}|2[0-9]{{9}}|[34][0-9]{{14}}")
"""A cabinet by ADELI-rang, FINESS, SIREN, SIRET, a cabinet by RPPS-rang."""

STRUCTURE_REGISTERS: Final = {
    "0": "cabinet, ADELI-rang",
    "1": "FINESS",
    "2": "SIREN",
    "3": "SIRET",
    "4": "cabinet, RPPS-rang",
}
"""Type digit of a structure → the register that its number is of (TRE_G08)."""
PERSON_REGISTERS: Final = {
    "0": "ADELI",
    "1": "salarié d’un cabinet, ADELI-rang",
    "3": "salarié d’un FINESS",
    "5": "salarié d’un SIRET",
    "6": "salarié d’un cabinet, RPPS-rang",
    "8": "RPPS",
}
"""Type digit of a person → the register that the number is of (TRE_G07)."""

_EMPLOYER: Final = {"1": "0", "3": "1", "5": "3", "6": "4"}
"""Type digit of an employee → type digit of the structure whose number the employee's identifier begins with."""
_UNCHECKED: Final = "0"
"""The type of structures whose check digit, if there is one, is not known: ADELI-rang."""
_PLAIN: Final = bytes.maketrans(b"0123456789AB", bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2]))
_DOUBLED: Final = bytes.maketrans(b"0123456789AB", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9, 2, 4]))
"""What a digit counts, once and doubled; the letters of Corsica (2A, 2B) and of test numbers are 1 and 2."""
_LA_POSTE: Final = "356000000"
"""SIREN whose establishments do not follow Luhn."""


def is_personne(id_nat: str) -> bool:
    """Whether it has the form of a person's identifier."""
    return len(id_nat) <= MAX_LENGTH and _PERSONNE.fullmatch(id_nat) is not None


def is_structure(id_nat: str) -> bool:
    """Whether it has the form of a structure's identifier."""
    return _STRUCTURE.fullmatch(id_nat) is not None


def employer(id_nat: str) -> str | None:
    """The structure that the identifier of an employee names; None for a professional, known by ADELI or RPPS."""
    if "/" not in id_nat or id_nat[0] not in _EMPLOYER:
        return None
    return _EMPLOYER[id_nat[0]] + id_nat[1:].partition("/")[0]


def has_good_key_personne(id_nat: str) -> bool:
    """Whether the check digit of a person's identifier is right, that of the structure for an employee."""
    structure = employer(id_nat)
    return _luhn(id_nat[1:]) if structure is None else has_good_key_structure(structure)


def has_good_key_structure(id_nat: str) -> bool:
    """Whether the check digit of a structure's identifier is right, or is one that does not follow the rule."""
    number = id_nat[1:]
    return id_nat[0] == _UNCHECKED or number.startswith(_LA_POSTE) or _luhn(number)


def _luhn(number: str) -> bool:
    """Luhn's rule: every second digit from the right counts double."""
    digits = number.encode("ascii")
    return (sum(digits[-1::-2].translate(_PLAIN)) + sum(digits[-2::-2].translate(_DOUBLED))) % 10 == 0
