"""The texts of the mails: subjects to the letter, two forms, nothing that a hostile value can bend (§14.3 ff.)."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from pfcng.notifications.catalogue import Notification, Role
from pfcng.notifications.mail import MailRefused
from pfcng.notifications.rendering import Renderer, TemplateFault
from pfcng.notifications.samples import samples
from support.mails import SENDER, mail_of, make_renderer, message_of, part_of, received

HEAD = "Agence du numérique en santé - Produits de Certification >>> "
CERTIFICATE = "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS / 1A2B3C4D5E6F"


SUBJECTS = {
    Notification.CONFIRMATION_DEMANDE: "Confirmation de la demande 59",
    Notification.CONFIRMATION_RETRAIT: f"Confirmation du retrait du certificat {CERTIFICATE}",
    Notification.CONFIRMATION_REVOCATION: f"Confirmation de la révocation du certificat {CERTIFICATE}",
    Notification.CONFIRMATION_RENOUVELLEMENT: "Confirmation de la demande 59",
    Notification.NMG_003: "Annulation de la demande 59",
    Notification.NMG_005: "Échec de la demande 59",
    Notification.NMG_006: "Échec du retrait du certificat de la demande 59",
    Notification.NMG_008: "Échec de la demande de révocation du certificat 1A2B3C4D5E6F",
    Notification.NMG_009: f"Révocation automatique du certificat {CERTIFICATE}",
    Notification.NMG_014: f"Mise en attente de la révocation du certificat {CERTIFICATE}",
    Notification.RAPPEL: f"Expiration dans 60 jours du certificat {CERTIFICATE}",
}
"""The first four are the guide's (§14.3, §15.3, §16.3, §17.3); it prints none for those of §20."""


@pytest.mark.parametrize("notification", Notification, ids=lambda notification: notification.code)
def test_subject_is_the_guides_to_the_letter(notification: Notification) -> None:
    """For the demandeur, and with its prefix for the person to inform, as both receive it."""
    demandeur = received(message_of(mail_of(notification)))
    informed = received(message_of(mail_of(notification, role=Role.A_INFORMER)))
    assert demandeur["Subject"] == HEAD + SUBJECTS[notification]
    assert informed["Subject"] == f"[POUR INFORMATION] {HEAD}{SUBJECTS[notification]}"


def test_every_row_of_the_guide_that_the_web_service_meets_has_its_mail() -> None:
    """§20 names NMG-003, 005, 006, 008, 009, 014; NMG-013 is of the channels that register asynchronously."""
    numbered = {notification.code for notification in Notification if notification.code.startswith("NMG-")}
    assert numbered == {"NMG-003", "NMG-005", "NMG-006", "NMG-008", "NMG-009", "NMG-014"}
    assert all(notification.value.recipients == tuple(Role) for notification in Notification)


def test_refused_renewal_names_the_certificate_that_it_was_for() -> None:
    """No demande was kept: its subject has no number of one."""
    [sample] = [one for one in samples(Notification.NMG_005) if one["numero_demande"] is None]
    subject = Notification.NMG_005.subject(sample, Role.DEMANDEUR)
    assert subject == HEAD + "Échec de la demande de renouvellement du certificat 1A2B3C4D5E6F"


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


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize("automatique", [True, False])
def test_only_who_asked_for_a_revocation_is_told_to_ask_again(kind: str, *, automatique: bool) -> None:
    """The platform asks by itself for one of a certificate that was not delivered (RMT_ERR_009)."""
    message = received(message_of(mail_of(Notification.NMG_014, automatique=automatique)))
    text = " ".join(part_of(message, kind).split())
    assert ("refaites la demande de révocation" in text) is not automatique
    assert ("rien à refaire" in text) is automatique


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n{{ inconnu }}", "rappel.txt.j2, ligne 2 : ce courriel n’a pas de « inconnu »"),
        ("{% if %}", "rappel.txt.j2, ligne 1 : TemplateSyntaxError, Expected an expression"),
        ("{{ 1 // 0 }}", "rappel.txt.j2, ligne 1 : ZeroDivisionError"),
        ("{{ numero_demande | jour }}", "rappel.txt.j2, ligne 1 : TypeError"),
        ('{% include "absent.txt.j2" %}', "le modèle « absent.txt.j2 » n’existe pas"),
        ("{{ numero_serie.__class__ }}", "access to attribute '__class__'"),
        ('{{ "a" * 10 ** 10 }}', "rappel.txt.j2, ligne 1 : « ** » n’est pas permis"),
        ('{{ "a" * 10000000000 }}', "un texte de plus de 100000 caractères"),
        ("{{ 10000000000 * fqdn }}{{ 10000000000 * 'a' }}", "un texte de plus de 100000 caractères"),
        ("{{ 'a'.center(9999999999) }}", "rappel.txt.j2, ligne 1 : un nombre de plus de 100000"),
        ("{{ ('a' | attr('ljust'))(width=9999999999) }}", "un nombre de plus de 100000"),
        ("{{ '{:9999999999}'.format(1) }}", "« format » n’est pas permis"),
        ("{{ '{a:9999999999}'.format_map({'a': 1}) }}", "« format » n’est pas permis"),
        ("{{ '%9999999999d' % 1 }}", "« % » n’est pas permis"),
        ("{{ '%9999999999d' | format(1) }}", "No filter named 'format'"),
        ("{{ 'a' | center(9999999999) }}", "un nombre de plus de 100000"),
        ("{{ 'a\n' | indent(width=9999999999, first=True) }}", "un nombre de plus de 100000"),
        ("{{ fqdn | batch(9999999999, 'a') | list }}", "un nombre de plus de 100000"),
        ("{{ lipsum() }}", "ce courriel n’a pas de « lipsum »"),
        ("{% for i in range(10000000000) %}{% endfor %}", "une boucle de plus de 1000 tours"),
        ("{% for i in range(900) %}{% for j in range(900) %}a{% endfor %}{% endfor %}", "un texte de plus de 100000"),
        ('{% include "rappel.txt.j2" %}', "il s’appelle lui-même sans fin"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "il s’appelle lui-même sans fin"),
    ],
)
def test_wrong_template_is_told_and_stops_nothing_else(tmp_path: Path, text: str, told: str) -> None:
    """The mail waits for the operator's repair; a template that would never end, or eat the memory, ends."""
    (tmp_path / "rappel.txt.j2").write_text(text, "utf-8")
    renderer = make_renderer(tmp_path)
    with pytest.raises(TemplateFault, match=re.escape(told)):
        renderer.compose(mail_of(Notification.RAPPEL))
    assert renderer.compose(mail_of())


def test_template_that_lasts_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever makes it last, between two pieces of its text."""
    (tmp_path / "rappel.txt.j2").write_text("{{ numero_serie }}{% if True %}{{ numero_serie }}{% endif %}", "utf-8")
    clock = iter(range(0, 100, 3))
    monkeypatch.setattr("pfcng.notifications.bounded.time.monotonic", lambda: float(next(clock)))
    with pytest.raises(TemplateFault, match="plus de 5 secondes"):
        make_renderer(tmp_path).compose(mail_of(Notification.RAPPEL))


def test_loops_in_loops_that_write_nothing_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand times a thousand times a thousand is for ever, too."""
    loops = "{% for i in range(999) %}" * 4 + "{% endfor %}" * 4
    (tmp_path / "rappel.txt.j2").write_text(loops, "utf-8")
    monkeypatch.setattr("pfcng.notifications.bounded._SECONDS", 0.2)
    with pytest.raises(TemplateFault, match="secondes"):
        make_renderer(tmp_path).compose(mail_of(Notification.RAPPEL))


def test_template_repeats_what_a_mail_needs(tmp_path: Path) -> None:
    """A line of dashes, some turns, a sum."""
    (tmp_path / "rappel.txt.j2").write_text(
        "{{ '-' * 40 }} {% for i in range(3) %}{{ 2 * i }}{% endfor %} {{ 'a'.upper().ljust(3, '.') }} "
        "{{ 7 % 4 }} {{ ['a', 'b'] | join('+') }} {{ 1234567 | string | replace('1', '9', 1) }}",
        "utf-8",
    )
    text = part_of(received(make_renderer(tmp_path).compose(mail_of(Notification.RAPPEL))), "plain")
    assert text.split() == ["-" * 40, "024", "A..", "3", "a+b", "9234567"]


def test_values_that_a_template_failed_on_are_not_told(tmp_path: Path) -> None:
    """The message goes to the journal, which has nothing of a mail's body."""
    (tmp_path / "rappel.txt.j2").write_text("{{ structure | jour }}", "utf-8")
    with pytest.raises(TemplateFault) as fault:
        make_renderer(tmp_path).compose(mail_of(Notification.RAPPEL, structure="HÔPITAL DISCRET"))
    assert str(fault.value) == "rappel.txt.j2, ligne 1 : ValueError"


def test_wrong_sender_is_told_at_the_start() -> None:
    """It is the operator's to mend, and not at the first mail."""
    with pytest.raises(ValueError, match="expéditeur"):
        Renderer(sender="personne", retrait_delay=make_renderer()._retrait_delay)
    assert SENDER
