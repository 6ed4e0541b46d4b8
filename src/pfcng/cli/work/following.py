"""The work of ``pfcng suivre``."""

from dataclasses import asdict
from datetime import date
from pathlib import Path

from pfcng.cli.output import Outcome, Status, counted
from pfcng.cli.work import session
from pfcng.cli.work.failure import failure
from pfcng.client import Client, ClientError, IncompleteError
from pfcng.contract.messages import RequeteSuiviActivite, Resultat


def suivre(profile: Path, request: RequeteSuiviActivite, *, since: date | None, shown: bool) -> Outcome:
    """Every line of a suivi."""
    data: dict[str, object] = {"operation": "suivreActivite", **dict.fromkeys(("complet", "resultats"))}
    lines: list[Resultat] = []
    advice, complete = "", True
    try:
        with (
            Client(session.load_profile(profile)) as client,
            session.bar("Lecture du suivi", shown=shown) as progress,
        ):
            for line in client.suivre(request, depuis=since, progress=progress):
                lines.append(line)  # noqa: PERF402 - what came before an IncompleteError counts
    except IncompleteError as error:
        advice, complete = f"{error.message}\n{error.conseil}", False
    except ClientError as error:
        return failure(error, data, headline="Le suivi est refusé.")
    found = [{name: value for name, value in asdict(line).items() if value is not None} for line in lines]
    headline = f"{counted(len(lines), 'ligne')}." if lines else "Aucune ligne."
    return Outcome(
        status=Status.DONE,
        headline=headline,
        lines=tuple(_shown(line) for line in lines),
        advice=advice,
        data={**data, "code": "OK", "complet": complete, "resultats": found},
    )


def _shown(line: Resultat) -> tuple[str, ...]:
    what = line.nom_applicatif or line.domaines or line.email_sujet or line.dn_sujet or ""
    moment = (line.creation_date or line.date_debut_validite or "")[:10]
    return line.numero or "", moment, f"{line.offre}_{line.usage}", line.etat or "", what, line.numero_serie or ""
