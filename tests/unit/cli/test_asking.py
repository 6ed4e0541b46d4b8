"""A question before something that is not taken back."""

import pytest
import typer
from typer.testing import CliRunner

from pfcng.cli.work.asking import is_agreed


@pytest.mark.parametrize(
    ("answer", "agreed"), [("oui", True), (" OUI ", True), ("o", True), ("non", False), ("", False), ("yes", False)]
)
def test_only_a_yes_in_french_is_a_yes(answer: str, agreed: bool) -> None:
    """An empty line, or anything else, takes nothing back."""
    app = typer.Typer()

    @app.command()
    def _ask() -> None:
        typer.echo(f"accord : {is_agreed('Révoquer ?')}")

    result = CliRunner().invoke(app, input=f"{answer}\n")
    assert result.output.startswith("Révoquer ? (oui/non)")
    assert result.output.endswith(f"accord : {agreed}\n")
