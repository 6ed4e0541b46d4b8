"""Import of registers into the annuaire: whole or not at all, and what a second one changes (docs/annuaire.md)."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from pfcng.contract.catalogue import Environment, Offre
from pfcng.domain.annuaire import Genre, Habilitation, Personne, Structure
from pfcng.operations.exploitation import Exploitation
from pfcng.operations.importer_annuaire import MERGE, SHOWN, FileRefused, ImportAccount, importer_annuaire
from pfcng.store.annuaire import load_annuaire, save_habilitations, save_personnes, save_structures
from pfcng.store.database import Database
from support.registers import (
    CABINET,
    EJ_PARIS,
    EMPLOYES_COLUMNS,
    ET_PARIS,
    ET_RHONE,
    FINESS_FIRST,
    GEOLOCALISATION,
    HOSPITAL,
    NO_ACTIVITY,
    PS_COLUMNS,
    STUDENT,
    with_cell,
    write_register,
)

WHO = Exploitation(exploitant="agent", now=datetime(2026, 3, 2, 10, tzinfo=UTC))
DOCTOR, NURSE, PHARMACIST = "899700990015", "899700990023", "899700990031"
STUDENT_ID = "899700990049"
HOSPITAL_ID, CENTRE_ID, CABINET_ID = "1750099012", "1690099023", "399900034200025"


def load(database: Database, *files: Path, environment: Environment = Environment.TEST) -> ImportAccount:
    return importer_annuaire(database, files, environment, exploitation=WHO)


def personnes(database: Database, *ids: str, environment: Environment = Environment.TEST) -> dict[str, Personne]:
    with database.transaction() as connection:
        return dict(load_annuaire(connection, environment, personnes=ids).personnes)


def structures(database: Database, *ids: str, environment: Environment = Environment.TEST) -> dict[str, Structure]:
    with database.transaction() as connection:
        return dict(load_annuaire(connection, environment, personnes=(), structures=ids).structures)


def snapshot(database: Database) -> list[list[dict[str, object]]]:
    """Everything that an import may change."""
    with database.transaction() as connection:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()  # noqa: S608 - our own names
            for table in ("structure", "personne", "rattachement", "habilitation")
        ]


@pytest.fixture
def ps(tmp_path: Path) -> Path:
    return write_register(tmp_path / "ps.txt", PS_COLUMNS, HOSPITAL, CABINET, NO_ACTIVITY)


@pytest.fixture
def finess(tmp_path: Path) -> Path:
    return write_register(tmp_path / "et.csv", FINESS_FIRST, ET_PARIS, ET_RHONE, GEOLOCALISATION, encoding="latin-1")


def test_registers_become_persons_structures_and_rattachements(database: Database, ps: Path, finess: Path) -> None:
    """All the files of one import together."""
    account = load(database, ps, finess)
    changes = account.changes
    assert (changes.structures_ajoutees, changes.personnes_ajoutees, changes.rattachements_ajoutes) == (3, 3, 2)
    assert personnes(database, DOCTOR)[DOCTOR] == Personne(
        environment=Environment.TEST,
        id_nat=DOCTOR,
        genre=Genre.PS,
        nom="DURAND-TEST",
        prenom="PAUL",
        titre="Médecin",
        profession=10,
        savoir_faire=("SM26",),
        structures=frozenset({HOSPITAL_ID}),
    )
    assert personnes(database, PHARMACIST)[PHARMACIST].structures == frozenset()
    found = structures(database, HOSPITAL_ID, CABINET_ID)
    assert found[HOSPITAL_ID].raison_sociale == "HOPITAL FICTIF DES LILAS DE PARIS"
    assert (found[CABINET_ID].raison_sociale, found[CABINET_ID].departement) == ("CABINET MME LEFEVRE-TEST", "69")


def test_finess_knows_its_structures_better_whatever_the_order_of_the_files(
    database: Database, ps: Path, finess: Path
) -> None:
    """The line about a person names a structure; FINESS describes it."""
    load(database, finess, ps)
    assert structures(database, HOSPITAL_ID)[HOSPITAL_ID].raison_sociale == "HOPITAL FICTIF DES LILAS DE PARIS"
    load(database, ps)
    assert structures(database, HOSPITAL_ID)[HOSPITAL_ID].raison_sociale == "HOPITAL FICTIF DES LILAS DE PARIS"


def test_cabinet_that_only_libre_acces_knows_is_kept_up_to_date(database: Database, ps: Path, tmp_path: Path) -> None:
    """No register of structures has it."""
    load(database, ps)
    renamed = with_cell(CABINET, "Raison sociale site", "CABINET FICTIF LEFEVRE ET ASSOCIES")
    load(database, write_register(tmp_path / "ps2.txt", PS_COLUMNS, renamed))
    assert structures(database, CABINET_ID)[CABINET_ID].raison_sociale == "CABINET FICTIF LEFEVRE ET ASSOCIES"


def test_legal_entities_are_structures_too(database: Database, tmp_path: Path) -> None:
    """cs1100501."""
    load(database, write_register(tmp_path / "ej.csv", FINESS_FIRST, EJ_PARIS))
    assert structures(database, "1750099038")["1750099038"].raison_sociale == "GROUPE HOSPITALIER FICTIF DE PARIS"


def test_activities_of_one_person_are_merged(database: Database, finess: Path, tmp_path: Path) -> None:
    """One line an activity: several structures and specialities; the first line names the person."""
    second = HOSPITAL.replace(HOSPITAL_ID, CENTRE_ID).replace("SM26", "SM54").replace("DURAND-TEST", "DURAND")
    load(database, finess, write_register(tmp_path / "ps.txt", PS_COLUMNS, HOSPITAL, NO_ACTIVITY, second))
    doctor = personnes(database, DOCTOR)[DOCTOR]
    assert doctor.nom == "DURAND-TEST"
    assert doctor.savoir_faire == ("SM26", "SM54")
    assert doctor.structures == {HOSPITAL_ID, CENTRE_ID}


def test_student_enters_the_annuaire_as_a_professional_in_training(database: Database, tmp_path: Path) -> None:
    """Genre PF, whose certificates tell the profession that is learnt (guide §8)."""
    load(database, write_register(tmp_path / "ps.txt", PS_COLUMNS, STUDENT))
    student = personnes(database, STUDENT_ID)[STUDENT_ID]
    assert (student.genre, student.profession, student.titre) == (Genre.PF, 10, "Médecin")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_professional_who_studies_again_stays_a_professional(
    database: Database, tmp_path: Path, order: tuple[int, int]
) -> None:
    """A nurse who studies medicine has both activities: the profession that is exercised names them."""
    nurse = with_cell(with_cell(STUDENT, "Code catégorie professionnelle", "C"), "Code profession", "60")
    lines = (STUDENT, with_cell(nurse, "Libellé profession", "Infirmier"))
    load(database, write_register(tmp_path / "ps.txt", PS_COLUMNS, *(lines[place] for place in order)))
    person = personnes(database, STUDENT_ID)[STUDENT_ID]
    assert (person.genre, person.profession, person.titre) == (Genre.PS, 60, "Infirmier")


def test_student_becomes_a_professional_with_the_next_import(database: Database, tmp_path: Path) -> None:
    """The identifier stays, the category changes."""
    load(database, write_register(tmp_path / "ps.txt", PS_COLUMNS, STUDENT))
    load(
        database,
        write_register(tmp_path / "ps2.txt", PS_COLUMNS, with_cell(STUDENT, "Code catégorie professionnelle", "C")),
    )
    assert personnes(database, STUDENT_ID)[STUDENT_ID].genre is Genre.PS


def test_same_files_again_change_nothing(database: Database, ps: Path, finess: Path) -> None:
    """Nothing is rewritten."""
    load(database, ps, finess)
    before = snapshot(database)
    changes = load(database, ps, finess).changes
    assert not any(getattr(changes, name) for name in changes.__slots__)
    assert snapshot(database) == before


def test_person_who_left_the_register_stays_and_one_who_moved_follows(
    database: Database, ps: Path, finess: Path, tmp_path: Path
) -> None:
    """An extraction is not an order to delete; what it says of a person is all their structures."""
    load(database, ps, finess)
    moved = HOSPITAL.replace(f"|{HOSPITAL_ID}|", f"|{CENTRE_ID}|")
    changes = load(database, write_register(tmp_path / "ps2.txt", PS_COLUMNS, moved)).changes
    assert (changes.rattachements_ajoutes, changes.rattachements_retires) == (1, 1)
    found = personnes(database, DOCTOR, NURSE)
    assert found[DOCTOR].structures == {CENTRE_ID}
    assert found[NURSE].structures == {CABINET_ID}


def test_person_with_a_rejected_line_keeps_their_structures(
    database: Database, ps: Path, finess: Path, tmp_path: Path
) -> None:
    """The line may have told the structure that would otherwise be taken from them."""
    load(database, ps, finess)
    other = HOSPITAL.replace(f"|{HOSPITAL_ID}|", f"|{CENTRE_ID}|")
    bad = with_cell(HOSPITAL, "Code Département (structure)", "20")
    load(database, write_register(tmp_path / "ps2.txt", PS_COLUMNS, bad, other))
    assert personnes(database, DOCTOR)[DOCTOR].structures == {HOSPITAL_ID, CENTRE_ID}


def test_bad_lines_are_counted_shown_and_left_out(database: Database, tmp_path: Path) -> None:
    """Number, reason, the first ones; the others are loaded."""
    bad = [with_cell(NO_ACTIVITY, "Code profession", "?")] * (SHOWN + 2)
    path = tmp_path / "ps.txt"
    text = "\n".join([PS_COLUMNS, HOSPITAL, *bad, CABINET]) + "\n"
    path.write_bytes(text.encode() + CABINET.replace("ANNE", "ANNÉ").encode("latin-1") + b"\n\n")
    [file] = load(database, path).files
    assert (file.lines, file.taken, file.rejected) == (SHOWN + 6, 2, SHOWN + 3)
    assert len(file.first_rejected) == SHOWN
    assert (file.first_rejected[0].line, file.first_rejected[0].text) == (3, "code de profession illisible : '?'")
    assert set(personnes(database, DOCTOR, NURSE, PHARMACIST)) == {DOCTOR, NURSE}


def test_rattachement_to_a_structure_that_nothing_describes_is_counted(database: Database, tmp_path: Path) -> None:
    """The person is loaded without it."""
    unknown = with_cell(HOSPITAL, "Raison sociale site", "")
    changes = load(database, write_register(tmp_path / "ps.txt", PS_COLUMNS, unknown)).changes
    assert (changes.personnes_ajoutees, changes.rattachements_ignores) == (1, 1)


def test_employees_keep_or_take_the_right_of_admin_asip(database: Database, tmp_path: Path) -> None:
    """A file that has the column decides; one that has not leaves it."""
    agent = "3750099012/CPET0001"
    line = f"{agent};PETIT-TEST;LUC;PE;;;oui;HOPITAL FICTIF;75"
    load(database, write_register(tmp_path / "employes.csv", EMPLOYES_COLUMNS, line, encoding="utf-8-sig"))
    assert personnes(database, agent)[agent].admin_asip
    assert personnes(database, agent)[agent].structures == {HOSPITAL_ID}
    load(database, write_register(tmp_path / "2.csv", "id_nat;nom;prenom;genre", f"{agent};PETIT;LUC;PE"))
    assert personnes(database, agent)[agent].admin_asip
    load(database, write_register(tmp_path / "3.csv", EMPLOYES_COLUMNS, f"{agent};PETIT;LUC;PE;;;;;"))
    assert not personnes(database, agent)[agent].admin_asip


def test_environments_do_not_see_each_other(database: Database, ps: Path) -> None:
    """Guide §13."""
    load(database, ps, environment=Environment.PRODUCTION)
    assert not personnes(database, DOCTOR)
    assert personnes(database, DOCTOR, environment=Environment.PRODUCTION)


def test_import_leaves_habilitations_alone(database: Database, ps: Path, finess: Path) -> None:
    """They are declared by hand."""
    load(database, ps, finess)
    habilitation = Habilitation(acteur=DOCTOR, offre=Offre.ORG, id_nat_struct=HOSPITAL_ID)
    with database.transaction() as connection:
        save_habilitations(connection, Environment.TEST, [habilitation])
    load(database, ps, finess)
    with database.transaction() as connection:
        held = load_annuaire(connection, Environment.TEST, personnes=[DOCTOR]).habilitations
    assert held == {DOCTOR: (habilitation,)}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "vide"),
        (["nom;prenom", "a;b"], "ni PS_LibreAcces"),
        ([PS_COLUMNS.replace("Code profession", "x"), HOSPITAL], "Code profession"),
        ([PS_COLUMNS, "une", ""], "aucune ligne n’est lisible ; ligne 2"),
    ],
)
def test_file_that_is_none_refuses_the_whole_import(
    database: Database, ps: Path, tmp_path: Path, lines: list[str], reason: str
) -> None:
    """The good file beside it is not loaded either."""
    with pytest.raises(FileRefused, match=reason):
        load(database, ps, write_register(tmp_path / "mauvais.txt", *lines))
    assert not personnes(database, DOCTOR)


def test_import_is_journaled_with_its_figures(database: Database, ps: Path, finess: Path) -> None:
    """Who, when, which files, what came of them."""
    load(database, ps, finess)
    with database.transaction() as connection:
        [entry] = connection.execute("SELECT * FROM journal").fetchall()
    assert (entry["acte"], entry["acteur"], entry["environnement"]) == ("annuaire.importer", "exploitant:agent", "TEST")
    assert "ps.txt (PS_LibreAcces, 3 lignes, 0 rejetées)" in entry["detail"]
    assert "personnes +3 ~0" in entry["detail"]


def test_progress_tells_the_bytes_of_each_file_then_the_merge(database: Database, ps: Path) -> None:
    """For the bar of a terminal."""
    told: list[tuple[str, int, int | None]] = []
    importer_annuaire(database, [ps], Environment.TEST, exploitation=WHO, on_progress=lambda *step: told.append(step))
    size = ps.stat().st_size
    assert told == [("ps.txt", size, size), (MERGE, 0, None)]


def test_failure_in_the_merge_leaves_the_old_annuaire(
    database: Database, dsn: str, ps: Path, finess: Path, tmp_path: Path
) -> None:
    """The server ends the connection when everything was read."""
    load(database, ps, finess)
    before = snapshot(database)

    def end(step: str, _done: int, _size: int | None) -> None:
        if step == MERGE:
            with psycopg.connect(dsn) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )

    other = write_register(tmp_path / "ps2.txt", PS_COLUMNS, HOSPITAL.replace("DURAND-TEST", "DUPONT-TEST"))
    with pytest.raises(psycopg.OperationalError):
        importer_annuaire(database, [other], Environment.TEST, exploitation=WHO, on_progress=end)
    assert snapshot(database) == before


def test_killed_import_leaves_the_old_annuaire(
    database: Database, dsn: str, ps: Path, finess: Path, tmp_path: Path
) -> None:
    """SIGKILL while the file, a pipe here, is being read."""
    load(database, ps, finess)
    before = snapshot(database)
    pipe = tmp_path / "ps.pipe"
    os.mkfifo(pipe)
    program = "from pfcng.cli.annuaire import annuaire; annuaire()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "importer", pipe, "--base", dsn],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with pipe.open("wb", buffering=0) as file:
        file.write(f"{PS_COLUMNS}\n".encode())
        # More than a pipe holds: when the writing is done, most of it was read.
        file.write(f"{HOSPITAL.replace('DURAND-TEST', 'DUPONT-TEST')}\n".encode() * 5_000)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert snapshot(database) == before
    assert load(database, ps, finess).changes.personnes_modifiees == 0


def test_rattachement_needs_its_person_and_its_structure(database: Database) -> None:
    """The database refuses it, whoever writes (revision 0005)."""
    structure = Structure(environment=Environment.TEST, id_nat=HOSPITAL_ID, raison_sociale="X", departement="75")
    personne = Personne(
        environment=Environment.TEST,
        id_nat=DOCTOR,
        genre=Genre.PS,
        nom="A",
        prenom="B",
        titre="C",
        structures=frozenset({CENTRE_ID}),
    )
    with database.transaction() as connection:
        save_structures(connection, [structure])
    with database.transaction() as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        save_personnes(connection, [personne])
    with database.transaction() as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("INSERT INTO rattachement VALUES ('TEST', 'personne', %s)", (HOSPITAL_ID,))
