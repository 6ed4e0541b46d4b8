"""A line of a register gives a row of the annuaire, or the reason why it does not (docs/annuaire.md)."""

import pytest

from pfcng.operations.annuaire_formats import BadLine, Employes, Finess, LibreAcces, UnknownFormat, doubts, recognise
from pfcng.store.annuaire_import import PersonneRow, StructureRow
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
    with_cell,
)

PS = LibreAcces(PS_COLUMNS)
FINESS = Finess()
EMPLOYES = Employes(EMPLOYES_COLUMNS)
AGENT = "3750099012/CPET0001"


def test_format_is_told_by_the_first_line() -> None:
    """Three formats."""
    assert isinstance(recognise(PS_COLUMNS), LibreAcces)
    assert isinstance(recognise(FINESS_FIRST), Finess)
    assert isinstance(recognise(EMPLOYES_COLUMNS), Employes)


@pytest.mark.parametrize("first", ["", "nom;prenom", "a|b|c|", "structureet;750099012", '"'])
def test_another_first_line_is_no_format(first: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UnknownFormat):
        recognise(first)


def test_missing_columns_are_named() -> None:
    """PS_LibreAcces without what the annuaire needs, and employees without a genre."""
    with pytest.raises(UnknownFormat, match="Libellé profession, Raison sociale site"):
        recognise(PS_COLUMNS.replace("Libellé profession", "x").replace("Raison sociale site", "y"))
    with pytest.raises(UnknownFormat, match="genre"):
        recognise("id_nat;nom;prenom")


def test_unknown_column_of_our_own_format_is_named() -> None:
    """A misspelt column would be a datum that is silently lost."""
    with pytest.raises(UnknownFormat, match="departemant"):
        recognise("id_nat;nom;prenom;genre;departemant")
    with pytest.raises(UnknownFormat, match="deux fois"):
        recognise("id_nat;nom;prenom;genre;nom")


def test_professional_of_an_establishment() -> None:
    """domain: national identifier, profession, speciality, structure by its former identifier."""
    assert PS.read(HOSPITAL) == PersonneRow(
        id_nat="899700990015",
        genre="PS",
        nom="DURAND-TEST",
        prenom="PAUL",
        titre="Médecin",
        profession=10,
        savoir_faire="SM26",
        structure="1750099012",
        raison_sociale="HOPITAL FICTIF DES LILAS",
        departement="75",
    )


@pytest.mark.parametrize(("category", "genre"), [("C", "PS"), ("M", "PS"), ("", "PS"), ("E", "PF")])
def test_student_is_a_professional_in_training(category: str, genre: str) -> None:
    """Category E of TRE_R09 is « Etudiant »: genre PF, with the profession that is learnt (guide §8, TRE_G16)."""
    row = PS.read(with_cell(HOSPITAL, "Code catégorie professionnelle", category))
    assert (row.genre, row.profession, row.titre) == (genre, 10, "Médecin")


def test_professional_without_activity_has_no_structure() -> None:
    """The columns of the structure are empty."""
    row = PS.read(NO_ACTIVITY)
    assert (row.id_nat, row.profession, row.savoir_faire, row.structure) == ("899700990031", 21, None, None)


def test_columns_are_known_by_name_whatever_their_order_case_and_apostrophe() -> None:
    """Extractions have had other headers: ``(coord. Structure)``, ``civilité exercice``, another order."""
    order = [*range(20, 56), *range(20)]
    names, cells = PS_COLUMNS.split("|"), HOSPITAL.split("|")
    header = "|".join(names[place] for place in order) + "|"
    shuffled = "|".join(cells[place] for place in order) + "|"
    varied = header.upper().replace("'", "’").replace("NOM D’EXERCICE|", "NOM EXERCICE|").replace(" (STR", "  (STR")
    assert LibreAcces(varied).read(shuffled) == PS.read(HOSPITAL)


def test_quote_is_a_character_like_another_in_libre_acces() -> None:
    """QUOTE_NONE: the names of structures have quotes."""
    row = PS.read(with_cell(HOSPITAL, "Raison sociale site", 'CLINIQUE "LES LILAS'))
    assert row.raison_sociale == 'CLINIQUE "LES LILAS'


def test_only_ordinal_specialities_enter_certificates() -> None:
    """Type S of savoir-faire; a capacity or a diploma is not one."""
    assert PS.read(with_cell(HOSPITAL, "Code type savoir-faire", "CAPA")).savoir_faire is None


def test_structure_without_departement_is_not_described() -> None:
    """It counts if another register knows it."""
    row = PS.read(with_cell(HOSPITAL, "Code Département (structure)", ""))
    assert (row.structure, row.raison_sociale, row.departement) == ("1750099012", None, None)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("Identification nationale PP", "", "identifiant national de personne"),
        ("Identification nationale PP", "899700990", "identifiant national de personne"),
        ("Nom d'exercice", " ", "nom d’exercice absent"),
        ("Prénom d'exercice", "", "prénom d’exercice absent"),
        ("Nom d'exercice", "DU\x00PONT", "caractère de contrôle"),
        ("Nom d'exercice", "DU\u202ePONT", "caractère de contrôle"),
        ("Code profession", "", "code de profession"),
        ("Code profession", "¹⁰", "code de profession"),
        ("Code profession", "99999", "code de profession"),
        ("Libellé profession", "", "libellé de la profession absent"),
        ("Code Département (structure)", "20", "département inconnu"),
        ("Ancien identifiant de la structure", "17500\x00", "identifiant de structure illisible"),
    ],
)
def test_bad_value_of_a_professional_is_a_bad_line(column: str, value: str, reason: str) -> None:
    """Each reason names what is wrong."""
    with pytest.raises(BadLine, match=reason):
        PS.read(with_cell(HOSPITAL, column, value))


def test_line_of_another_width_is_bad() -> None:
    """A separator inside a value moves all the columns after it."""
    with pytest.raises(BadLine, match="56 colonnes attendues, 57 lues"):
        PS.read(HOSPITAL + "|")
    with pytest.raises(BadLine, match="56 colonnes attendues, 0 lues"):
        PS.read("quelque chose")


def test_bad_line_tells_whose_it_is() -> None:
    """Their other structures are then not taken from them."""
    with pytest.raises(BadLine) as told:
        PS.read(with_cell(HOSPITAL, "Code Département (structure)", "999"))
    assert told.value.id_nat == "899700990015"
    with pytest.raises(BadLine) as unknown:
        PS.read(with_cell(HOSPITAL, "Identification nationale PP", "?"))
    assert unknown.value.id_nat is None


def test_establishment_and_legal_entity() -> None:
    """OU = 1 + FINESS; O = rslongue, or rs where there is none; the département's code."""
    assert FINESS.read(ET_PARIS) == StructureRow("1750099012", "HOPITAL FICTIF DES LILAS DE PARIS", "75")
    assert FINESS.read(ET_RHONE) == StructureRow("1690099023", "CENTRE DE SANTE FICTIF RHONE", "69")
    assert FINESS.read(EJ_PARIS) == StructureRow("1750099038", "GROUPE HOSPITALIER FICTIF DE PARIS", "75")


def test_geolocalisation_is_ignored() -> None:
    """cs1100507 is cs1100502 and these lines."""
    assert FINESS.read(GEOLOCALISATION) is None


def test_quoted_names_of_finess_are_read() -> None:
    """Since 2026 a name with quotes is itself quoted, and its quotes doubled."""
    quoted = ET_RHONE.replace("CENTRE DE SANTE FICTIF RHONE", '"LIEU ""FICTIF ; 1"""')
    assert FINESS.read(quoted) == StructureRow("1690099023", 'LIEU "FICTIF ; 1"', "69")


@pytest.mark.parametrize(
    ("written", "code"),
    [("9A", "971"), ("9B", "972"), ("9C", "973"), ("9D", "974"), ("9F", "976"), ("9J", "986"), ("2A", "2A")],
)
def test_overseas_departements_of_finess(written: str, code: str) -> None:
    """FINESS writes them in two characters; certificates carry the code of INSEE."""
    row = FINESS.read(ET_RHONE.replace(";69;RHONE;", f";{written};X;"))
    assert row is not None
    assert row.departement == code


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "type d’enregistrement inconnu"),
        ("structurexx;1", "type d’enregistrement inconnu"),
        (ET_PARIS + ";", "32 champs attendus, 33 lus"),
        (EJ_PARIS.rpartition(";")[0], "23 champs attendus, 22 lus"),
        (ET_PARIS.replace("750099012", "75009901"), "numéro FINESS"),
        (ET_RHONE.replace("CENTRE DE SANTE FICTIF RHONE", ""), "raison sociale absent"),
        (ET_RHONE.replace(";69;", ";;"), "département inconnu"),
        (ET_RHONE.replace("CENTRE DE", "CENTRE\x07DE"), "caractère de contrôle"),
        (ET_RHONE.replace("CENTRE DE", '"CENTRE DE'), "32 champs attendus"),
        (ET_RHONE.replace("CENTRE DE", '"CENTRE\rDE'), "champs attendus|inconnu"),
    ],
)
def test_bad_line_of_finess(line: str, reason: str) -> None:
    """Each reason names what is wrong."""
    with pytest.raises(BadLine, match=reason):
        FINESS.read(line)


def test_employee_belongs_to_the_structure_that_the_identifier_names() -> None:
    """3 + FINESS / internal → 1 + FINESS; the title is the one of cards when none is told."""
    assert EMPLOYES.read(f"{AGENT};PETIT-TEST;LUC;PE;;;;;") == PersonneRow(
        id_nat=AGENT,
        genre="PE",
        admin_asip=False,
        nom="PETIT-TEST",
        prenom="LUC",
        titre="Personnel santé ou social",
        structure="1750099012",
    )


def test_employee_may_work_for_another_structure_which_is_described() -> None:
    """An éditeur has no public register: its structure is created from here."""
    row = EMPLOYES.read(f'{AGENT};PETIT-TEST;LUC;PA;399900034200017;Agent;oui;"EDITEUR ; FICTIF";21')
    assert row is not None
    assert row.admin_asip is True
    assert row.titre == "Agent"
    assert (row.structure, row.raison_sociale, row.departement) == ("399900034200017", "EDITEUR ; FICTIF", "21")


def test_without_its_column_the_right_of_admin_asip_is_not_told() -> None:
    """The import then leaves it as it is."""
    row = Employes("genre;id_nat;nom;prenom").read(f"PE;{AGENT};PETIT-TEST;LUC")
    assert row is not None
    assert row.admin_asip is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("?;A;B;PE;;;;;", "identifiant national de personne"),
        (f"{AGENT};;B;PE;;;;;", "nom absent"),
        (f"{AGENT};A;;PE;;;;;", "prenom absent"),
        (f"{AGENT};A;B;PS;;;;;", "genre : 'PS' n’est pas l’une des valeurs PE, PA"),
        (f"{AGENT};A;B;PE;;;peut-être;;", "admin_asip"),
        (f"{AGENT};A;B;PE;12;;;;", "identifiant de structure"),
        (f"{AGENT};A;B;PE;;;;STRUCTURE;", "vont ensemble"),
        ("899700990015;A;B;PE;;;;STRUCTURE;75", "sans id_nat_struct"),
        (f"{AGENT};A;B;PE;;;;STRUCTURE;20", "département inconnu"),
        (f"{AGENT};A;B;PE", "9 colonnes attendues, 4 lues"),
    ],
)
def test_bad_line_of_an_employee(line: str, reason: str) -> None:
    """Each reason names what is wrong."""
    with pytest.raises(BadLine, match=reason):
        EMPLOYES.read(line)


def test_blank_line_of_a_spreadsheet_tells_nothing() -> None:
    """Only separators."""
    assert EMPLOYES.read(";;;;;;;;") is None


def test_wrong_key_is_a_doubt_and_the_line_is_read() -> None:
    """Test numbers and official examples have wrong keys: never a refusal."""
    assert not doubts(PS.read(HOSPITAL))
    assert list(
        doubts(PS.read(HOSPITAL.replace("99700990015", "99700990016").replace("|1750099012", "|1750099013")))
    ) == [
        "clé de contrôle fausse : personne 899700990016",
        "clé de contrôle fausse : structure 1750099013",
    ]
    assert list(doubts(StructureRow("1010000025", "X", "01"))) == ["clé de contrôle fausse : structure 1010000025"]
    assert not doubts(StructureRow("1010000024", "X", "01"))


def test_structure_of_unknown_form_is_a_doubt() -> None:
    """The person is read, without that structure."""
    row = PS.read(with_cell(CABINET, "Ancien identifiant de la structure", "R99900034200025"))
    assert row.raison_sociale is None
    assert any("forme inconnue" in doubt for doubt in doubts(row))
