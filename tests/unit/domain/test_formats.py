"""Formats of names and addresses (guide §14.1 table 11, §14.4)."""

from dataclasses import replace

import pytest

from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.formats import is_address, is_domain, is_service_name
from pfcng.contract.messages import RequeteDemandeCertificats
from pfcng.contract.refusal import Refusal
from pfcng.domain.formats import check_formats
from pfcng.domain.rules import Rules
from support.demandes import demande_for


@pytest.mark.parametrize(
    "address",
    ["a@hopital.example", "o'neil+x@sub.hopital.example", "a.b@x.fr", "A@HOPITAL.EXAMPLE", "!#$%&'*+-/=?^_`{|}~@x.fr"],
)
def test_address_of_rfc_5322_is_accepted(address: str) -> None:
    """Dot-atoms with every character that RFC 5322 allows."""
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    ["a@hopital", "a", "@x.fr", "a@", "a@@x.fr", ".a@x.fr", "a.@x.fr", "a..b@x.fr", "a@-x.fr", "a@x-.fr", "a@x..fr",
     "é@x.fr", "a b@x.fr", "a@[127.0.0.1]", f"{'a' * 65}@x.fr", "a@x.fr.", "a,b@x.fr", "Paul <a@x.fr>"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    """No dot in the domain (§14.4), two arobases, misplaced dots, a local part over 64 characters, a display name."""
    assert not is_address(address)


@pytest.mark.parametrize("name", ["www.hopital.example", "a", "A-1.b", "1a.example", "xn--hpital-ixa.example"])
def test_name_of_rfc_1035_is_accepted(name: str) -> None:
    """Labels of letters, digits and hyphens; a real A-label."""
    assert is_domain(name)


@pytest.mark.parametrize(
    "name",
    [
        "-a.example",
        "a-.example",
        "a..b",
        ".a",
        "a_b",
        "a b",
        "hôpital.example",
        "xn--a.example",
        "a" * 64,
        "*.a.fr",
        "",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    """Hyphens at an end, empty or long labels, underscores, accents, false A-labels, wildcards."""
    assert not is_domain(name)


@pytest.mark.parametrize("name", ["rpps signature preuve dvs qual", "apibi.gateway_ANS", "Padoa-SIGN"])
def test_service_names_of_real_certificates_pass_when_not_strict(name: str) -> None:
    """The real platform lets spaces, underscores and capitals through; strict is the default."""
    assert is_service_name(name, strict=False)
    assert is_service_name(name, strict=True) is (name == "Padoa-SIGN")


@pytest.mark.parametrize(
    ("field", "value", "element"),
    [
        ("nom_applicatif", "mon application", "NomApplicatif"),
        ("fqdn", ("www.hopital.example", "a_b.example"), "FQDN"),
        ("upn", "agent@hopital", "UPN"),
        ("mail_sujet", "sujet@hopital", "MailSujet"),
        ("mail_personne_a_informer", "informer@hopital", "MailPersonneAInformer"),
        ("mail_demandeur", "demandeur@hopital", "MailDemandeur"),
    ],
)
def test_wrong_format_refuses_the_message_and_names_the_element(field: str, value: object, element: str) -> None:
    """WSMG-00000005 for the whole lot, with the element's name (§14.4, second example)."""
    good = demande_for(Product(Offre.ORG, Usage.AUTH_CLI), "csr")
    bad = replace(good, **{field: value})  # type: ignore[arg-type]  # a field and its value
    with pytest.raises(Refusal) as refused:
        check_formats(RequeteDemandeCertificats(demandes=(good, bad)), Rules())
    assert (refused.value.code.value, refused.value.raison) == ("WSMG-00000005", element)
