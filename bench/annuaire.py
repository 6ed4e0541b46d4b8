"""How long an import of the annuaire takes, and how much memory: generated registers, a database of its own.

    make bench-annuaire ARGS=1000000

A million lines without an argument of the script itself. Everything is fictitious. Two imports: into an empty annuaire,
then the same files again. The seconds and the peak are those of the whole ``pfcng annuaire importer``.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from pfcng.store.embedded import EmbeddedPostgres
from pfcng.store.migrations import migrate
from support.registers import PS_COLUMNS

LINES: Final = 1_000_000
TARGET_SECONDS, TARGET_MB = 60, 300
_PROFESSIONS: Final = ((10, "Médecin", "SM26"), (60, "Infirmier", ""), (21, "Pharmacien", ""), (50, "Sage-Femme", ""))
_DEPARTEMENTS: Final = ("75", "69", "21", "2A", "13", "33", "59", "974")


def main(lines: int) -> None:
    """Generate, import twice, print."""
    with TemporaryDirectory(prefix="pfcng-bench-") as folder:
        registers = [Path(folder, "PS_LibreAcces_Personne_activite_bench.txt"), Path(folder, "etalab-cs1100502.csv")]
        _write(registers[0], _professionals(lines))
        _write(registers[1], _establishments(lines // 10))
        megabytes = sum(file.stat().st_size for file in registers) / 1e6
        print(f"{lines} lignes PS_LibreAcces et {lines // 10} lignes FINESS, {megabytes:.0f} Mo")
        server = EmbeddedPostgres(Path(folder, "data"))
        try:
            migrate(server.dsn)
            for title in ("annuaire vide", "mêmes fichiers"):
                seconds, peak = _import(server.dsn, registers)
                print(f"{title} : {seconds:.1f} s (au plus {TARGET_SECONDS}), {peak:.0f} Mo (au plus {TARGET_MB})")
        finally:
            server.stop()


def _import(dsn: str, registers: list[Path]) -> tuple[float, float]:
    """Seconds and peak megabytes of one import in a process of its own."""
    start = time.perf_counter()
    command = "from pfcng.cli.annuaire import annuaire; annuaire()"
    program = [sys.executable, "-c", command, "importer", *map(str, registers), "--base", dsn]
    pid = os.posix_spawn(sys.executable, program, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit("l’import a échoué")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def _write(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _professionals(lines: int) -> Iterator[str]:
    """Three lines for two persons; a quarter of the structures are establishments, the rest cabinets."""
    random = Random(1)  # noqa: S311 - a repeatable file, not a secret
    yield PS_COLUMNS
    for number in range(lines):
        rpps = _with_key(f"997{number * 2 // 3:07}")
        code, profession, savoir_faire = _PROFESSIONS[number * 2 // 3 % 4]
        departement = _DEPARTEMENTS[number % 8]
        if number % 4:
            cabinet = _with_key(f"999{random.randrange(lines // 4):06}0001")
            name, structure = f"CABINET FICTIF {cabinet}", f"3{cabinet}"
        else:
            finess = _finess(random.randrange(lines // 10))
            name, structure = f"ETABLISSEMENT FICTIF {finess}", f"1{finess}"
        cells = [""] * 56
        cells[0:3] = "8", rpps, f"8{rpps}"
        cells[5:11] = "M", "Monsieur", f"FICTIF-{number:07}", "ANDRÉ", str(code), profession
        cells[11:19] = "C", "Civil", "S", "Spécialité ordinale", savoir_faire, "Qualifié", "L", "Libéral"
        cells[24], cells[28], cells[31:33] = name, "12", ["Rue", "DES ESSAIS"]
        cells[34:40] = "75014 PARIS", "75014", "75114", "Paris 14e Arrondissement", "99000", "France"
        cells[44:48] = departement, "Département", structure, "CNOM/CNOM/CNOM"
        cells[54:56] = "GENR01", "Activité standard de soin ou de pharmacien"
        yield "|".join(cells) + "|"


def _establishments(lines: int) -> Iterator[str]:
    yield "finess;etalab;111;2026-01-15"
    for number in range(lines):
        finess = _finess(number)
        yield (
            f"structureet;{finess};{finess};ETAB FICTIF {number};ETABLISSEMENT FICTIF {number};;;12;R;DES ESSAIS;;;114;"
            "75;PARIS;75014 PARIS;0100000001;;355;Centre Hospitalier (C.H.);1102;Centres Hospitaliers;;8610Z;03;ARS;1;"
            "Etablissement public de santé;1990-01-01;1990-01-01;2024-01-15;"
        )


def _finess(number: int) -> str:
    return _with_key(f"75{number:06}")


def _with_key(digits: str) -> str:
    """The digits and the key of Luhn's rule."""
    total = sum(
        int(digit) if place % 2 else sum(divmod(2 * int(digit), 10)) for place, digit in enumerate(digits[::-1])
    )
    return f"{digits}{-total % 10}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LINES)
