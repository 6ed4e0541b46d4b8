"""Habilitations: roles of tables 5 and 6, and every form of domain (guide §8)."""

from datetime import date

import pytest

from pfcng.contract.catalogue import Environment, Offre, Product, Usage
from pfcng.contract.domaines import is_domain_form
from pfcng.contract.refusal import Refusal
from pfcng.domain.annuaire import Genre, Habilitation, Personne
from pfcng.domain.habilitation import check_habilitation
from support.demandes import HOPITAL, demande_for

DAY = date(2026, 3, 2)
PRO_SIGN = Product(Offre.PRO, Usage.SIGN)
SSL_SERV = Product(Offre.SERV, Usage.SSL_SERV)
SERV_SIGN = Product(Offre.SERV, Usage.SIGN)
ORG_SIGN = Product(Offre.ORG, Usage.SIGN)


def person(genre: Genre) -> Personne:
    return Personne(environment=Environment.TEST, id_nat="1", genre=genre, nom="N", prenom="P", titre="T")


def habilitation(offre: Offre, domaine: str | None = None, **changes: object) -> Habilitation:
    values = {"acteur": "1", "offre": offre, "id_nat_struct": HOPITAL, "domaine": domaine, **changes}
    return Habilitation(**values)  # type: ignore[arg-type]  # the caller names fields


def is_granted(product: Product, *held: Habilitation, genre: Genre = Genre.PA, **changes: object) -> bool:
    try:
        check_habilitation(demande_for(product, "csr", **changes), person(genre), held, DAY)
    except Refusal as refusal:
        return refusal.code.value != "WSMG-00000010"
    return True


@pytest.mark.parametrize(
    ("pattern", "domain", "granted"),
    [
        ("*@hopital.example", "hopital.example", True),
        ("*@hopital.example", "sub.hopital.example", False),
        ("*hopital.example", "hopital.example", True),
        ("*hopital.example", "sub.hopital.example", True),
        ("*hopital.example", "autrehopital.example", False),
        ("*.hopital.example", "sub.hopital.example", True),
        ("*.hopital.example", "a.sub.hopital.example", True),
        ("*.hopital.example", "hopital.example", False),
        ("*@hopital.example", "autre.example", False),
        ("*@HOPITAL.example", "hopital.EXAMPLE", True),
        ("*@xn--hpital-ixa.example", "hôpital.example", True),
    ],
)
def test_pro_domain_covers_the_addresses(pattern: str, domain: str, granted: bool) -> None:
    """``*@d`` is d alone, ``*d`` is d and below, ``*.d`` below alone; case and IDNA do not matter (§8, PRO)."""
    held = habilitation(Offre.PRO, pattern)
    assert is_granted(PRO_SIGN, held, mail_sujet=f"personne@{domain}") is granted
    assert is_granted(Product(Offre.PRO, Usage.AUTH), held, upn=f"personne@{domain}") is granted


def test_pro_without_address_needs_the_structure_alone() -> None:
    """The domain is checked against mailSujet and UPN when given."""
    assert is_granted(PRO_SIGN, habilitation(Offre.PRO, "*@autre.example"), mail_sujet=None)


@pytest.mark.parametrize(
    ("pattern", "name", "granted"),
    [
        ("www.hopital.example", "www.hopital.example", True),
        ("www.hopital.example", "hopital.example", False),
        ("www.hopital.example", "a.www.hopital.example", False),
        ("*.hopital.example", "www.hopital.example", True),
        ("*hopital.example", "www.hopital.example", True),
        ("*.hopital.example", "hopital.example", False),
        ("*.hopital.example", "a.b.hopital.example", False),
        ("*hopital.example", "autrehopital.example", False),
        ("*.hopital.example", "WWW.Hopital.Example", True),
    ],
)
def test_server_domain_covers_each_fqdn(pattern: str, name: str, granted: bool) -> None:
    """Without ``*`` exactly that name, with it one server label in front (§8, SERV SSL_SERV)."""
    assert is_granted(SSL_SERV, habilitation(Offre.SERV, pattern), fqdn=(name,)) is granted


def test_every_fqdn_must_be_covered_by_some_habilitation() -> None:
    """Two habilitations of the structure complete each other; one name outside refuses the demande."""
    held = (habilitation(Offre.SERV, "a.example"), habilitation(Offre.SERV, "b.example"))
    assert is_granted(SSL_SERV, *held, fqdn=("a.example", "b.example"))
    assert not is_granted(SSL_SERV, *held, fqdn=("a.example", "c.example"))


@pytest.mark.parametrize(
    ("pattern", "domain", "granted"),
    [
        ("hopital.example", "hopital.example", True),
        ("hopital.example", "sub.hopital.example", False),
        ("*.hopital.example", "sub.hopital.example", True),
        ("*hopital.example", "a.sub.hopital.example", True),
        ("*.hopital.example", "hopital.example", False),
        ("*hopital.example", "autrehopital.example", False),
    ],
)
def test_server_mail_domain_covers_the_address(pattern: str, domain: str, granted: bool) -> None:
    """Without ``*`` exactly that domain, with it any sub-domain (§8, SERV other usages)."""
    assert is_granted(SERV_SIGN, habilitation(Offre.SERV, pattern), mail_sujet=f"a@{domain}") is granted


def test_serv_grants_org_for_its_structure() -> None:
    """An explicit habilitation for SERV gives access to ORG too, whatever its domain (§8)."""
    assert is_granted(ORG_SIGN, habilitation(Offre.SERV, "www.hopital.example"))
    assert not is_granted(ORG_SIGN, habilitation(Offre.PRO, "*@hopital.example"))


@pytest.mark.parametrize("product", [PRO_SIGN, SSL_SERV, SERV_SIGN, ORG_SIGN], ids=lambda product: product.label)
def test_nobody_orders_for_a_structure_without_habilitation(product: Product) -> None:
    """Explicit offres need an explicit habilitation, for that structure (table 5)."""
    assert not is_granted(product, genre=Genre.PS)
    elsewhere = habilitation(product.offre, "*.hopital.example", id_nat_struct="1690099023")
    assert not is_granted(product, elsewhere)


@pytest.mark.parametrize(
    ("genre", "granted"), [(Genre.PS, True), (Genre.PF, True), (Genre.PE, False), (Genre.PA, False)]
)
def test_ps_offre_is_for_professionals_themselves(genre: Genre, granted: bool) -> None:
    """PS and PF may order on offre PS for themselves, without any habilitation (table 5, table 6)."""
    assert is_granted(Product(Offre.PS, Usage.SIGN), genre=genre) is granted


@pytest.mark.parametrize(
    ("debut", "fin", "granted"),
    [
        (None, None, True),
        (DAY, DAY, True),
        (date(2026, 3, 3), None, False),
        (None, date(2026, 3, 1), False),
    ],
)
def test_habilitation_counts_between_its_days(debut: date | None, fin: date | None, granted: bool) -> None:
    """Both days are included."""
    assert is_granted(ORG_SIGN, habilitation(Offre.ORG, debut=debut, fin=fin)) is granted


def test_refusal_names_the_domain_that_is_outside() -> None:
    """« L’acteur n’est pas habilité sur le domaine … » (§8)."""
    with pytest.raises(Refusal) as refused:
        check_habilitation(
            demande_for(SSL_SERV, "csr", fqdn=("a.example",)),
            person(Genre.PA),
            [habilitation(Offre.SERV, "b.example")],
            DAY,
        )
    assert refused.value.raison == "L’acteur n’est pas habilité sur le domaine a.example."


@pytest.mark.parametrize(
    ("offre", "domaine", "taken"),
    [
        (Offre.PRO, "*@hopital.example", True),
        (Offre.PRO, "*hopital.example", True),
        (Offre.PRO, "*.hopital.example", True),
        (Offre.PRO, "hopital.example", False),
        (Offre.PRO, "@hopital.example", False),
        (Offre.PRO, None, False),
        (Offre.SERV, "hopital.example", True),
        (Offre.SERV, "*hopital.example", True),
        (Offre.SERV, "*.santé.example", True),
        (Offre.SERV, "*@hopital.example", False),
        (Offre.SERV, "*", False),
        (Offre.SERV, "localhost", False),
        (Offre.SERV, "hopital..example", False),
        (Offre.SERV, "hopital_1.example", False),
        (Offre.SERV, "", False),
        (Offre.SERV, None, False),
        (Offre.ORG, None, True),
        (Offre.ORG, "hopital.example", False),
        (Offre.PS, None, False),
        (Offre.PS, "hopital.example", False),
    ],
)
def test_domain_of_a_habilitation_has_a_form_of_its_offre(offre: Offre, domaine: str | None, *, taken: bool) -> None:
    """Guide §8: PRO begins with a star, SERV may, ORG has none; PS is implicit."""
    assert is_domain_form(offre, domaine) is taken
