"""A platform restored from a copy that was made under load: refused, reconciled, then as if nothing had been."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from pfcng.client import Client, FaultError
from pfcng.contract.catalogue import Motif, Offre, Product, Usage
from pfcng.store.embedded import EmbeddedPostgres, stop_server
from support.backups import base_backup
from support.csrs import make_csr, make_keys
from support.demandes import demande_for
from support.folders import shared_folder
from support.igc_service import Identities, IgcProgram
from support.serve import Installation, Node, install, run, running_node
from support.workers import wait_until

ORG: Final = Product(Offre.ORG, Usage.AUTH_CLI)
ENOUGH: Final = 6
"""Certificates before the copy is made, and again after it."""


class Load:
    """Two clients that order, withdraw and revoke, and what they were told: that they may rely on.

    Attributes:
        numbers: Of demandes.
        delivered: Certificates by number.
        revoked: Numbers.
    """

    def __init__(self, keys: list[rsa.RSAPrivateKey]) -> None:
        self.numbers: list[int] = []
        self.delivered: dict[int, x509.Certificate] = {}
        self.revoked: list[int] = []
        self._keys = keys

    @contextmanager
    def on(self, node: Node) -> Iterator[None]:
        """Go on until the end of the block."""
        stopped = Event()
        threads = [Thread(target=self._work, args=(node, stopped)) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopped.set()
            for thread in threads:
                thread.join()

    def _work(self, node: Node, stopped: Event) -> None:
        with node.client() as client:
            while not stopped.is_set():
                numero = self.obtain(client)
                if len(self.delivered) % 3 == 0:
                    self.revoke(client, numero)

    def obtain(self, client: Client) -> int:
        """Order one and withdraw it; its number."""
        numero = self.order(client)
        self.delivered[numero] = client.retirer_certificat(str(numero), "un code").certificate
        return numero

    def revoke(self, client: Client, numero: int) -> None:
        """Revoke one."""
        client.revoquer_certificat(
            self.delivered[numero],
            Motif.VOL,
            mail_demandeur="demandeur@hopital.example",
            mail_personne_a_informer="informer@hopital.example",
        )
        self.revoked.append(numero)

    def order(self, client: Client) -> int:
        """The number of a demande that is accepted."""
        reply = client.demander_certificats([demande_for(ORG, make_csr(self._keys.pop()))])
        assert reply.statut_lot == "OK", reply.message
        self.numbers.append(int(reply.demandes[0].indice_retrait or 0))
        return self.numbers[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A platform and its PFCNG-IGC, each with a PostgreSQL server of its own."""

    folder: Path
    installation: Installation
    igc: IgcProgram

    def config(self, name: str, dsn: str) -> Path:
        """Settings of a node over a database, whose authorities are PFCNG-IGC's."""
        told = self.installation.told()
        return self.installation.write(
            name,
            dsn=dsn,
            processus=1,
            emettrices=[],
            autres_autorites=[*told["emettrices"], *told["autres_autorites"]],
            igc=self.igc.identities.platform_settings(self.igc.url),
        )


@pytest.fixture
def site(postgres: str, tmp_path: Path) -> Iterator[Site]:
    with shared_folder() as folder:
        server = EmbeddedPostgres(folder / "premier")
        installation = install(tmp_path, server.dsn, "plateforme")
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier("igc_a_part")))
        igc = IgcProgram(
            directory=tmp_path,
            identities=Identities.of(installation.pki),
            dsn=make_conninfo(postgres, dbname="igc_a_part"),
        )
        igc.start()
        try:
            yield Site(folder=folder, installation=installation, igc=igc)
        finally:
            igc.stop()
            for name in ("premier", "copie"):
                stop_server(folder / name)


def reconcile(config: Path, *options: str) -> tuple[int, dict[str, Any]]:
    done = run("reconcilier", "--config", config, "--json", *options)
    told: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, told


def rows(dsn: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def test_platform_restored_from_a_copy_made_under_load_loses_no_certificate(site: Site) -> None:
    """Nothing is issued before the reconciliation; then no number comes again and every certificate can be revoked."""
    load = Load(make_keys(400))
    first = site.installation.dsn
    with running_node(site.installation, site.config("premier.toml", first)) as node, load.on(node):
        wait_until(lambda: len(load.delivered) >= ENOUGH)
        base_backup(first, site.folder / "copie", recovered=True)
        copied = len(load.delivered)
        wait_until(lambda: len(load.delivered) >= copied + ENOUGH)
    stop_server(site.folder / "premier")

    restored = make_conninfo(EmbeddedPostgres(site.folder / "copie").dsn, dbname="plateforme")
    config = site.config("copie.toml", restored)
    with running_node(site.installation, config) as node, node.client() as client:
        with pytest.raises(FaultError):
            load.order(client)
        code, told = reconcile(config)
        assert (code, told["etat"], told["rouverte"], "ligne de temps" in told["suspicion"]) == (
            1,
            "refus",
            False,
            True,
        )
        with pytest.raises(FaultError):
            load.order(client)
        code, told = reconcile(config, "--oui")
        assert (code, told["rouverte"], {one["reglee"] for one in told["differences"]}) == (0, True, {True})
        assert len(told["differences"]) >= ENOUGH

        before = set(load.numbers)
        numero = load.obtain(client)
        assert numero > max(before) + 1_000
        forgotten = [one["numero"] for one in told["differences"] if "inconnu ici" in one["difference"]]
        revocable = next(number for number in forgotten if number in load.delivered and number not in load.revoked)
        load.revoke(client, revocable)
    assert reconcile(config)[1]["differences"] == []

    signed = {row["numero"]: row["serie"] for row in rows(site.igc.dsn, _SIGNED)}
    known = {row["demande"]: row for row in rows(restored, "SELECT * FROM produit WHERE numero_serie IS NOT NULL")}
    assert {numero: int(row["numero_serie"], 16) for numero, row in known.items()} == {
        numero: int(serie, 16) for numero, serie in signed.items()
    }
    assert {one.serial_number for one in load.delivered.values()} <= {int(serie, 16) for serie in signed.values()}
    # A révocation that was under way when the copy was made waits for the next worker, as after any kill.
    revoked = set(load.revoked) - {row["demande"] for row in rows(restored, _WAITING)}
    states = {numero: known[numero]["etat"] for numero in load.delivered}
    assert states == {numero: "Produit révoqué" if numero in revoked else "Produit actif" for numero in load.delivered}
    assert len(set(load.numbers)) == len(load.numbers)


_SIGNED: Final = "SELECT numero, encode(numero_serie, 'hex') AS serie FROM igc.certificat WHERE der IS NOT NULL"
_WAITING: Final = """
SELECT p.demande FROM revocation r JOIN produit p ON p.numero = r.produit WHERE r.etat = 'Demande enregistrée'
"""
