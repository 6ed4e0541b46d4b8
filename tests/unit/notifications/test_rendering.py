"""The texts of the mails: subjects to the letter, two forms, nothing that a hostile value can bend (§14.3 ff.)."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from pfcng.notifications.catalogue import Notification, Role
from pfcng.notifications.mail import MailRefused
from pfcng.notifications.rendering import Renderer, TemplateFault
from support.mails import SENDER, mail_of, make_renderer, message_of, part_of, received

HEAD = "Agence du numérique en santé - Produits de Certification >>> "
CERTIFICATE = "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS / 1A2B3C4D5E6F"


@pytest.mark.parametrize(
    ("notification", "subject"),
    [
        (Notification.CONFIRMATION_DEMANDE, "Confirmation de la demande 59"),
        (Notification.CONFIRMATION_RENOUVELLEMENT, "Confirmation de la demande 59"),
        (Notification.CONFIRMATION_RETRAIT, f"Confirmation du retrait du certificat {CERTIFICATE}"),
        (Notification.CONFIRMATION_REVOCATION, f"Confirmation de la révocation du certificat {CERTIFICATE}"),
    ],
)
def test_subject_is_the_guides_to_the_letter(notification: Notification, subject: str) -> None:
    """§14.3, §15.3, §16.3, §17.3, for the demandeur and for the person to inform."""
    demandeur = received(message_of(mail_of(notification)))
    informed = received(message_of(mail_of(notification, role=Role.A_INFORMER)))
    assert demandeur["Subject"] == HEAD + subject
    assert informed["Subject"] == f"[POUR INFORMATION] {HEAD}{subject}"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("notification", Notification, ids=lambda notification: notification.code)
def test_every_notification_has_a_text_and_an_html_form(notification: Notification, role: Role) -> None:
    """Both name what the mail is about, and tell the person to inform that they have nothing to do."""
    message = received(message_of(mail_of(notification, role=role)))
    for kind in ("plain", "html"):
        body = part_of(message, kind)
        assert "1A2B3C4D5E6F" in body or "59" in body
        assert ("pour information" in body) is (role is Role.A_INFORMER)
        assert "{{" not in body
        assert "None" not in body
    assert max(map(len, part_of(message, "plain").splitlines())) <= 80


def test_days_and_times_are_those_of_paris() -> None:
    """10:00 UTC in March is 11:00; the time to withdraw ends thirty days later to the minute, in summer time."""
    assert "avant le 01/04/2026 à 12:00 (heure de Paris)" in " ".join(part_of(received(message_of()), "plain").split())
    told = part_of(received(message_of(mail_of(Notification.CONFIRMATION_RETRAIT))), "plain")
    assert "02/03/2029 à 11:00" in " ".join(told.split())


@pytest.mark.parametrize("notification", [Notification.CONFIRMATION_REVOCATION, Notification.NMG_014])
def test_motif_is_told_in_words(notification: Notification) -> None:
    """A reader knows no value of the XSD; what the demandeur wrote for another motif is there, on one line."""
    message = received(message_of(mail_of(notification, motif="FIN_DACTIVITE")))
    other = received(message_of(mail_of(notification, motif="AUTRE", autre_description="serveur\n<arrêté>")))
    assert "fin d’activité." in " ".join(part_of(message, "plain").split())
    assert "autre (serveur <arrêté>)." in " ".join(part_of(other, "plain").split())
    assert "autre (serveur &lt;arrêté&gt;)." in part_of(other, "html")


def test_html_shows_hostile_values_as_text() -> None:
    """A raison sociale is anybody's text."""
    body = part_of(received(message_of(mail_of(structure="<script>alert(1)</script>"))), "html")
    assert "<script>" not in body
    assert "&lt;script&gt;" in body


@pytest.mark.parametrize("value", ["1A\r\nBcc: victime@ailleurs.example", "1A\nX: y", "1A\u2028B", "1A\x00\x0bB"])
def test_no_value_adds_a_header(value: str) -> None:
    """Header injection: what came from outside stays on the line that it was written to."""
    message = message_of(mail_of(Notification.NMG_008, numero_serie=value))
    assert received(message)["Bcc"] is None
    assert set(received(message).keys()) == set(message_of().keys())
    assert "\n" not in received(message)["Subject"]
    assert not any(line.startswith(("Bcc:", "X: ")) for line in part_of(message, "plain").splitlines())


@given(st.text(max_size=300))
def test_any_text_makes_one_message(value: str) -> None:
    """Whatever a name or a reason holds, the message can be written, and read again."""
    value = value.encode("utf-8", "replace").decode()
    message = received(message_of(mail_of(Notification.NMG_008, numero_serie=value, raison=value, structure=value)))
    assert message["To"] == "demandeur@hopital.example"
    assert part_of(message, "plain")


@pytest.mark.parametrize(
    "address",
    ["o'brien+pfc@hopital.example", '"a b"@hopital.example', "x" * 64 + "@hopital.example", "a@xn--hpital-wxa.example"],
)
def test_odd_addresses_stay_as_they_are(address: str) -> None:
    """RFC 5321 allows more than most people think."""
    [recipient] = received(message_of(mail_of(destinataire=address)))["To"].addresses
    assert recipient.addr_spec == address


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b\r\nBcc: c@d.example", "é@hopital.example", "a@b.example, c@d.example", "a@", "<a@b.example>"],
)
def test_what_is_no_address_is_refused_for_good(address: str) -> None:
    """It went through no check of ours, or through a wrong one: no try will change it."""
    with pytest.raises(MailRefused):
        message_of(mail_of(destinataire=address))


def test_sender_may_have_a_name_in_french() -> None:
    """Non-ASCII names are encoded in the header (RFC 2047)."""
    renderer = Renderer(
        sender="Accès aux certificats <pfc@exemple.example>", retrait_delay=make_renderer()._retrait_delay
    )
    [sender] = received(renderer.compose(mail_of()))["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Accès aux certificats", "pfc@exemple.example")
    assert renderer.sender == "pfc@exemple.example"


def test_message_is_the_same_at_every_try_and_no_other_mails() -> None:
    """The Message-ID follows from the row, so a mail that leaves twice can be told to be one."""
    mail = mail_of()
    assert message_of(mail).as_bytes() == message_of(mail).as_bytes()
    others = [replace(mail, numero=2), replace(mail, role=Role.A_INFORMER), replace(mail, destinataire="a@b.example")]
    identifiers = {message_of(other)["Message-ID"] for other in (mail, *others)}
    assert len(identifiers) == 4
    assert all(identifier.endswith("@pfcng.example>") for identifier in identifiers)


def test_mails_are_marked_as_automatic() -> None:
    """RFC 3834: no robot answers them."""
    message = message_of()
    assert (message["Auto-Submitted"], message["Content-Language"]) == ("auto-generated", "fr")
    assert message["X-Pfcng-Notification"] == "CONFIRMATION-DEMANDE"


def test_operator_replaces_one_template_and_keeps_the_others(tmp_path: Path) -> None:
    """A file of the same name in the operator's folder counts; it may build on the shipped ones."""
    (tmp_path / "rappel.txt.j2").write_text(
        '{% extends "base.txt.j2" %}{% block message %}Pensez-y : {{ numero_serie }}.{% endblock %}', "utf-8"
    )
    message = received(make_renderer(tmp_path).compose(mail_of(Notification.RAPPEL)))
    assert "Pensez-y : 1A2B3C4D5E6F." in part_of(message, "plain")
    assert "Renouvelez-le avant" in part_of(message, "html")
    assert "est validée" in part_of(received(make_renderer(tmp_path).compose(mail_of())), "plain")


@pytest.mark.parametrize("text", ["{{ inconnu }}", "{% if %}", "{{ 1 // 0 }}", "{{ numero_demande | jour }}"])
def test_wrong_template_is_told_and_stops_nothing_else(tmp_path: Path, text: str) -> None:
    """The mail waits for the operator's repair."""
    (tmp_path / "rappel.txt.j2").write_text(text, "utf-8")
    with pytest.raises(TemplateFault, match=r"rappel\.txt\.j2"):
        make_renderer(tmp_path).compose(mail_of(Notification.RAPPEL))


def test_wrong_sender_is_told_at_the_start() -> None:
    """It is the operator's to mend, and not at the first mail."""
    with pytest.raises(ValueError, match="expéditeur"):
        Renderer(sender="personne", retrait_delay=make_renderer()._retrait_delay)
    assert SENDER
