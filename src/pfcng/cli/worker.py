"""``pfcng worker``: sends the mails and does what falls due, beside the platform's servers."""

import typer

from pfcng.cli.output import Status


def worker() -> None:
    """Envoie les courriels et fait ce qui vient à échéance, jusqu’à Ctrl-C ou SIGTERM.

    Autant de workers que voulu, sur autant de machines : ils se partagent la base de PFCNG_DSN. Celui qu’on arrête
    finit ce qu’il fait ; un autre reprend les tâches de celui qui meurt. Les réglages viennent de l’environnement
    (docs/courrier.md). Le bac à sable a le sien : cette commande est pour une plateforme.

    \b
    Exemple :
      pfcng worker

    \b
    Code de sortie : 0 arrêté ; 2 réglages à corriger ; 3 base injoignable.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.worker_process import WorkerFault, run_worker  # noqa: PLC0415 - the help must not wait for it

    try:
        run_worker()
    except WorkerFault as fault:
        typer.echo(f"Erreur : {fault}", err=True)
        raise typer.Exit(fault.status) from None
    raise typer.Exit(Status.DONE)
