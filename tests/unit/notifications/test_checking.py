"""An operator's templates are tried before a mail needs them (docs/courrier.md)."""

from pathlib import Path

import pytest

from pfcng.notifications.catalogue import Notification
from pfcng.notifications.checking import template_faults
from pfcng.notifications.rendering import SHIPPED


def test_shipped_templates_have_no_fault(tmp_path: Path) -> None:
    """An empty folder, and a copy of all of them."""
    assert template_faults(tmp_path) == []
    for name in SHIPPED.list_templates():
        source, _, _ = SHIPPED.get_source(None, name)  # type: ignore[arg-type]  # it uses no environment
        (tmp_path / name).write_text(source, "utf-8")
    assert template_faults(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("nmg_008.txt.j2", "{{ structure }}", "nmg_008.txt.j2, ligne 1 : ce courriel n’a pas de « structure »"),
        ("nmg_005.html.j2", "{{ offre }}", "nmg_005.html.j2, ligne 1 : ce courriel n’a pas de « offre »"),
        ("nmg_003.txt.j2", "\n{{ fin_validite | jour }}", "nmg_003.txt.j2, ligne 2 : TypeError"),
        (
            "rappel.txt.j2",
            "{{ structure.upper() }}",
            "rappel.txt.j2, ligne 1 : UndefinedError, 'None' has no attribute",
        ),
        ("rapel.txt.j2", "Bonjour", "rapel.txt.j2 : ne remplace aucun modèle"),
        ("rappel.txt", "Bonjour", None),
    ],
)
def test_template_that_some_mail_will_fail_on_is_told(tmp_path: Path, name: str, text: str, fault: str | None) -> None:
    """What only some of its mails lack, too; a name that is not quite one; once each."""
    (tmp_path / name).write_text(text, "utf-8")
    faults = template_faults(tmp_path)
    assert len(faults) == (fault is not None)
    assert all(found.startswith(str(fault)) for found in faults)


def test_parts_of_an_operator_s_own_are_fine(tmp_path: Path) -> None:
    """A file that one of the templates includes has its use."""
    (tmp_path / "signature.txt.j2").write_text("Le service des certificats", "utf-8")
    text = '{% extends "base.txt.j2" %}{% block message %}{% include "signature.txt.j2" %}{% endblock %}'
    (tmp_path / "rappel.txt.j2").write_text(text, "utf-8")
    assert template_faults(tmp_path) == []


def test_every_notification_is_tried(tmp_path: Path) -> None:
    """No template escapes, in neither form."""
    names = {entry.value.template + ending for entry in Notification for ending in (".txt.j2", ".html.j2")}
    for name in names:
        (tmp_path / name).write_text("{{ inconnu }}", "utf-8")
    assert {fault.split(",")[0] for fault in template_faults(tmp_path)} == names
