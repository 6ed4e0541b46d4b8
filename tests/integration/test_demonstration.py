"""The sandbox's annuaire.toml is the truth about what it brought, and about nothing else."""

from pathlib import Path

from pfcng.contract.catalogue import Environment, Offre
from pfcng.domain.annuaire import Habilitation
from pfcng.sandbox.demonstration import load_demonstration
from pfcng.store.annuaire import load_annuaire, save_habilitations
from pfcng.store.database import Database
from support.demandes import HOPITAL
from support.platform import EDITEUR


def held_by_editeur(database: Database) -> set[tuple[Offre, str | None]]:
    """Offre and domain of each habilitation of the administrateur technique."""
    with database.transaction() as connection:
        annuaire = load_annuaire(connection, Environment.TEST, personnes=[EDITEUR])
    return {(held.offre, held.domaine) for held in annuaire.habilitations.get(EDITEUR, ())}


def save(database: Database, file: Path) -> None:
    """What a start of the sandbox does with the file."""
    with database.transaction() as connection:
        load_demonstration(file).save(connection)


def test_right_taken_out_of_the_file_is_taken_away_and_others_stay(database: Database, tmp_path: Path) -> None:
    """A removed or changed habilitation leaves no old right; one added by command survives (docs/bac-a-sable.md)."""
    file = tmp_path / "annuaire.toml"
    save(database, file)
    assert (Offre.SERV, "*.hopital.example") in held_by_editeur(database)
    with database.transaction() as connection:
        added = Habilitation(acteur=EDITEUR, offre=Offre.SERV, id_nat_struct=HOPITAL, domaine="ajoute.example")
        save_habilitations(connection, Environment.TEST, [added])
    text = file.read_text("utf-8")
    file.write_text(text.replace('domaine = "*.hopital.example"', 'domaine = "*.autre.example"'), "utf-8")
    save(database, file)
    held = held_by_editeur(database)
    assert (Offre.SERV, "*.hopital.example") not in held
    assert {(Offre.SERV, "*.autre.example"), (Offre.SERV, "ajoute.example")} <= held
