"""What a command prints."""

import pytest
import typer

from pfcng.cli.output import Outcome, Status, finish


def test_columns_of_a_list_are_aligned_and_no_line_ends_in_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    """A line may lack a value, and be shorter than the others; a column without any takes no place."""
    lines = (
        ("1", "TEST", "ORG", "", "actif"),
        ("12", "PRODUCTION", "", "", "révoqué"),
        ("3", "TEST", "SERV", "", ""),
        ("400",),
    )
    with pytest.raises(typer.Exit):
        finish(Outcome(status=Status.DONE, headline="4 lignes.", lines=lines), as_json=False)
    assert capsys.readouterr().out == (
        "4 lignes.\n  1    TEST        ORG   actif\n  12   PRODUCTION        révoqué\n  3    TEST        SERV\n  400\n"
    )
