"""The register of WSMG codes and RMT errors (guide §19 table 22, §20)."""

import string

import pytest

from pfcng.contract import codes
from pfcng.contract.codes import CODES, RMT_ERRORS, Code, Raison
from pfcng.contract.refusal import Refusal

TABLE_22 = (2, 5, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 23, 24, 27, *range(30, 39), 42, 43, 44)
CHAPTER_20 = (*range(1, 14), 16)
TEXTS = [*(entry.text for entry in CODES.values()), *(entry.text for entry in RMT_ERRORS.values())]
WITH_RAISON = [entry for entry in CODES.values() if "<raison>" in entry.text]


def test_register_has_every_code_of_table_22_and_no_other() -> None:
    """Table 22 has 27 codes (§19)."""
    assert sorted(CODES) == [f"WSMG-{number:08}" for number in TABLE_22]


def test_register_has_every_error_of_chapter_20_and_no_other() -> None:
    """RMT_ERR_001 to 013 and 016 (§20)."""
    assert sorted(RMT_ERRORS) == [f"RMT_ERR_{number:03}" for number in CHAPTER_20]


def test_each_constant_is_named_after_its_code() -> None:
    """A reader who knows the code finds the constant."""
    assert all(getattr(codes, f"WSMG_{value[-2:]}") is entry for value, entry in CODES.items())
    assert all(getattr(codes, value) is entry for value, entry in RMT_ERRORS.items())


def test_texts_keep_no_line_break_of_the_tables() -> None:
    """Nor the double spaces of table 22."""
    assert not any("\n" in text or "  " in text for text in TEXTS)


def test_texts_use_typographic_apostrophes() -> None:
    """As the guide prints them (§19, §20)."""
    assert not any("'" in text or '"' in text for text in (*TEXTS, *Raison))


def test_every_sentence_sent_to_a_client_ends_with_one_period() -> None:
    """The sample of §14.2.2 closes the text that table 22 leaves open."""
    for entry in CODES.values():
        for message in (entry.message("une raison"), entry.message("Une raison."), entry.message()):
            assert message.endswith(".")
            assert ".." not in message
            assert " ." not in message


def test_contenu_non_valide_names_the_element() -> None:
    """§14.4, example 2."""
    assert codes.WSMG_05.message("MailDemandeur") == (
        "Contenu de la demande non valide : MailDemandeur. Veuillez vérifier que les paramètres en entrée sont "
        "corrects et renouveler votre demande."
    )


def test_contenu_non_valide_without_complement_closes_the_sentence() -> None:
    """§18.3, example 2: the complement is optional."""
    assert codes.WSMG_05.message() == (
        "Contenu de la demande non valide. Veuillez vérifier que les paramètres en entrée sont corrects et renouveler "
        "votre demande."
    )


def test_refusal_fills_the_raison_of_its_code() -> None:
    """§18.3, example 1."""
    assert Refusal(codes.WSMG_43, Raison.HORS_OFFRE).message == (
        "Erreur lors de la vérification de la validité de la demande de suivi : Le bénéficiaire n’est pas habilité "
        "pour l’offre demandée."
    )


def test_key_already_presented_reads_as_the_sample() -> None:
    """§17.4, example 1, with the É of table 22."""
    raison = Raison.CLE_DEJA_PRESENTEE.format(numero=783, acteur="A B", concerne="A B", date="21/10/2015")
    assert codes.WSMG_09.message(raison) == (
        "Échec lors de la validation de CSR : La clé publique pour cette CSR a déjà été présentée pour une autre "
        "demande (783, A B, A B, 21/10/2015). Veuillez essayer de nouveau avec un autre fichier CSR."
    )


def test_missing_structure_reads_as_the_sample() -> None:
    """§14.2.2: with a final period."""
    assert codes.WSMG_32.message() == "Pour les offres PRO, ORG et SERV, « idNat_Struct » est obligatoire."


@pytest.mark.parametrize("entry", [codes.WSMG_07, codes.WSMG_08])
def test_search_errors_have_the_word_that_table_22_lost(entry: Code) -> None:
    """§17.4, example 2: « Erreur lors de la recherche »."""
    assert entry.text.startswith("Erreur lors de la recherche de ")


@pytest.mark.parametrize("entry", WITH_RAISON, ids=lambda entry: entry.value)
@pytest.mark.parametrize("raison", ["<raison>", "{numero} {0}", "%s", r"\1"])
def test_raison_is_opaque_text(entry: Code, raison: str) -> None:
    """What comes from a message or the annuaire is never a template."""
    before, _, _ = entry.text.partition("<raison>")
    assert entry.message(raison).startswith(before + raison)


def test_text_without_variable_part_stands_alone() -> None:
    """Only seven texts of table 22 have a raison (§19)."""
    assert [entry.value[-2:] for entry in WITH_RAISON] == ["05", "09", "10", "11", "12", "43", "44"]
    assert codes.WSMG_27.message("ignorée") == codes.WSMG_27.text


def test_raisons_are_completed_by_name() -> None:
    """Positions would let two numbers change places unseen."""
    names = {name for raison in Raison for _, name, _, _ in string.Formatter().parse(raison) if name is not None}
    assert all(name.isidentifier() for name in names)
