"""``pfcng igc serve``: its settings, what it refuses to start with, its health and its end."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pfcng.contract.catalogue import PRODUCTS, Environment
from pfcng.igc.migrations import IGC
from pfcng.sandbox.pairs import Pair
from pfcng.settings import IgcSettings
from pfcng.store.migrations import check_schema
from pfcng.watch import tracing
from pfcng.watch.tracing import traced
from support.certificate_requests import request_for
from support.collector import running_collector
from support.csrs import make_key
from support.igc_service import Identities, IgcProgram, to_toml
from support.platform import make_pki

ORG_SIGN = next(product for product in PRODUCTS if product.label == "ORG_SIGN")


def verify(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pfcng", "igc", "verifier", "--config", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def serve(config: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail."""
    return subprocess.run(
        [sys.executable, "-m", "pfcng", "igc", "serve", "--config", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **env},
    )


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture
def identities(pki: Path) -> Identities:
    return Identities.of(make_pki(pki))


@pytest.fixture
def own_dsn(postgres: str, request: pytest.FixtureRequest) -> str:
    """An empty database: PFCNG-IGC has its own."""
    name = f"i{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return make_conninfo(postgres, dbname=name)


@pytest.fixture
def program(identities: Identities, own_dsn: str, tmp_path: Path) -> Iterator[IgcProgram]:
    running = IgcProgram(directory=tmp_path, identities=identities, dsn=own_dsn)
    yield running
    running.kill()


def test_every_fault_of_the_settings_is_told_at_once(identities: Identities, tmp_path: Path) -> None:
    """In French, each with its name; nothing of a value."""
    told = identities.settings("postgresql://u:motdepasse@h/b")
    told |= {"ecoute": "partout", "inconnue": 1, "clients": {"autorites": ["absente.pem"], "dn": ["n’importe quoi"]}}
    told["serveur"] = {"certificat": told["serveur"]["certificat"]}
    del told["dsn"]
    (tmp_path / "igc.toml").write_text(to_toml(told), "utf-8")
    failed = serve(tmp_path / "igc.toml")
    assert failed.returncode == 2
    assert failed.stderr.splitlines() == [
        f"Erreur : les réglages de {tmp_path / 'igc.toml'} sont à corriger.",
        "  dsn : valeur obligatoire",
        "  ecoute : adresse et port attendus, comme 127.0.0.1:9443",
        "  serveur.cle : valeur obligatoire",
        f"  clients.autorites.0 : le fichier {tmp_path / 'absente.pem'} n’existe pas",
        "  clients.dn.0 : ce n’est pas un DN, comme « CN=plateforme.example, O=…, C=FR »",
        "  inconnue : nom inconnu",
    ]


def test_verification_opens_keys_and_certificates(identities: Identities, tmp_path: Path) -> None:
    """All at once, beside a name that is wrong; nothing listens, and no database is asked."""
    told = identities.settings("host=nulle.part dbname=igc")
    config = tmp_path / "igc.toml"
    config.write_text(to_toml(told), "utf-8")
    good = verify(config)
    assert (good.returncode, good.stderr) == (0, "")
    (tmp_path / "rien.pem").write_text("rien")
    told |= {"inconnue": 1, "clients": {**told["clients"], "autorites": ["rien.pem"]}}
    told["emettrices"][0]["cle"] = told["emettrices"][1]["cle"]
    config.write_text(to_toml(told), "utf-8")
    refused = verify(config)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[1:] == [
        "  inconnue : nom inconnu",
        f"  clients : Le fichier {tmp_path / 'rien.pem'} n’a pas de certificat au format PEM.",
        "  emettrices.0 : La clé privée ne correspond pas au certificat.",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "le fichier n’existe pas"), (b"dsn = ", "TOML"), (b"\xff", "TOML")],
)
def test_file_that_is_no_settings_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    """Exit status 2."""
    config = tmp_path / "igc.toml"
    if content is not None:
        config.write_bytes(content)
    failed = serve(config)
    assert failed.returncode == 2
    assert told in failed.stderr


def test_environment_counts_more_than_the_file(
    identities: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``PFCNG_IGC_DSN``, ``PFCNG_IGC_SERVEUR__CLE``; paths of the file are relative to it."""
    told = identities.settings("dbname=fichier")
    told["serveur"] = {"certificat": told["serveur"]["certificat"], "cle": "serveur.key"}
    (tmp_path / "serveur.key").touch(mode=0o600)
    (tmp_path / "igc.toml").write_text(to_toml(told), "utf-8")
    assert IgcSettings.load(tmp_path / "igc.toml").serveur.cle == tmp_path / "serveur.key"
    monkeypatch.setenv("PFCNG_IGC_DSN", "dbname=environnement")
    monkeypatch.setenv("PFCNG_IGC_SERVEUR__CLE", str(identities.server.key))
    settings = IgcSettings.load(tmp_path / "igc.toml")
    assert (settings.dsn, settings.serveur.cle) == ("dbname=environnement", identities.server.key)


def test_key_of_another_certificate_is_refused(identities: Identities, own_dsn: str, tmp_path: Path) -> None:
    """A key proves that it is its certificate's before anything is signed."""
    told = identities.settings(own_dsn)
    told["emettrices"][0] = {**told["emettrices"][0], "cle": told["emettrices"][1]["cle"]}
    (tmp_path / "igc.toml").write_text(to_toml(told), "utf-8")
    failed = serve(tmp_path / "igc.toml")
    assert failed.returncode == 2
    assert "La clé privée ne correspond pas au certificat." in failed.stderr


def test_only_the_migration_makes_tables(identities: Identities, own_dsn: str, tmp_path: Path) -> None:
    """The service refuses a database that ``pfcng igc migrer`` has not brought to its revision; exit status 2."""
    config = tmp_path / "igc.toml"
    config.write_text(to_toml(identities.settings(own_dsn)), "utf-8")
    refused = serve(config)
    assert (refused.returncode, "lancez « pfcng igc migrer »" in refused.stderr) == (2, True)
    subprocess.run([sys.executable, "-m", "pfcng", "igc", "migrer", "--config", config], check=True, timeout=60)
    check_schema(own_dsn, IGC)


def test_database_that_does_not_answer_is_told_without_its_password(identities: Identities, tmp_path: Path) -> None:
    """Exit status 3."""
    (tmp_path / "igc.toml").write_text(
        to_toml(identities.settings("host=127.0.0.1 port=1 password=tres-secret dbname=b")), "utf-8"
    )
    (tmp_path / "igc.toml").chmod(0o600)
    failed = serve(tmp_path / "igc.toml")
    assert (failed.returncode, failed.stderr) == (
        3,
        "Erreur : la base ne répond pas : aucun serveur n’écoute à cette adresse.\n",
    )


def test_port_that_is_taken_is_told(program: IgcProgram) -> None:
    """Exit status 3, before the database is touched."""
    program.start()
    failed = serve(program.config)
    assert failed.returncode == 3
    assert f"impossible d’écouter sur 127.0.0.1:{program.port} (le port est déjà pris)" in failed.stderr


def test_service_uses_its_own_tables_alone(program: IgcProgram) -> None:
    """Only the schema ``igc`` is made, and nobody's role is taken."""
    program.start()
    authority = program.identities.connect(program.url)
    authority.register(1, request_for(ORG_SIGN, Environment.TEST, make_key()))
    authority.issue(1)
    authority.close()
    with psycopg.connect(program.dsn) as connection:
        schemas = connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^pg_|^information_schema'"
        ).fetchall()
        count = connection.execute("SELECT count(*) FROM igc.certificat").fetchone()
    assert schemas == [("igc",)]
    assert count == (1,)
    assert "database.role_missing" not in program.log.read_text()


def test_health_follows_the_database(program: IgcProgram, postgres: str) -> None:
    """503 as long as the database does not let anybody in; then 200 again."""
    program.start()
    name = psycopg.conninfo.conninfo_to_dict(program.dsn)["dbname"]
    database = sql.Identifier(str(name))
    with psycopg.connect(postgres, autocommit=True) as admin, program.identities.http(program.url) as client:
        assert client.get("/sante").status_code == 200
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database))
        admin.execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s", (name,))
        assert client.get("/sante").status_code == 503
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(database))
        program.wait()


def test_request_under_way_ends_before_the_service_does(program: IgcProgram) -> None:
    """SIGTERM while a request waits for the database: it is answered, and the exit status is 0."""
    program.start()
    authority = program.identities.connect(program.url)
    request = request_for(ORG_SIGN, Environment.TEST, make_key())
    with (
        psycopg.connect(program.dsn) as held,
        psycopg.connect(program.dsn, autocommit=True) as watch,
        ThreadPoolExecutor(2) as threads,
    ):
        held.execute("LOCK TABLE igc.certificat")
        registering = threads.submit(authority.register, 1, request)
        while watch.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (0,):
            assert not registering.done()
        stopping = threads.submit(program.stop)
        while is_listening(program.port):
            assert not registering.done()
        held.rollback()
        assert registering.result() is None
        assert stopping.result() == 0
    authority.close()
    assert '"event": "igc.call"' in program.log.read_text()


def test_service_has_its_health_and_metrics_apart(program: IgcProgram) -> None:
    """``ecoute_exploitation``, over plain HTTP: who watches needs no certificate."""
    program.start()
    authority = program.identities.connect(program.url)
    authority.status(1)
    authority.close()
    [address] = re.findall(r"exploitation : (http://\S+:\d+)", program.log.read_text())
    ready = httpx.get(f"{address}/sante/pret", trust_env=False, timeout=30).json()
    assert set(ready["parties"]) == {"base", "schema", "restauration", "autorites", "tls"}
    assert ready["etat"] == "prêt"
    metrics = httpx.get(f"{address}/metrics", trust_env=False, timeout=30).text
    assert 'pfcng_igc_requests_total{method="GET",status="200"} 1.0' in metrics
    assert "pfcng_authority_expiry_timestamp_seconds{" in metrics
    assert "pfcng_certificates" not in metrics


def test_service_manager_is_told_when_it_serves(program: IgcProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    """sd_notify(3): until then ``systemctl reload`` would send SIGHUP to what does not take it yet.

    And again and again that it is alive: what stands still dies of nothing.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(b"\0pfcng-igc-" + str(program.port).encode())
        told.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@pfcng-igc-{program.port}")
        monkeypatch.setenv("WATCHDOG_USEC", "500000")
        program.start(wait=False)
        heard = [told.recv(100)]
        while b"READY=1" not in heard:
            heard.append(told.recv(100))
        assert is_listening(program.port)
        assert told.recv(100) == b"WATCHDOG=1"
        assert program.process is not None
        program.process.send_signal(signal.SIGSTOP)
        told.settimeout(1)
        with pytest.raises(TimeoutError):  # but for what it had said
            list(iter(lambda: told.recv(100), b""))
        program.process.send_signal(signal.SIGCONT)


def test_hang_up_has_tls_files_read_again(identities: Identities, own_dsn: str, tmp_path: Path) -> None:
    """SIGHUP, as to ``pfcng serve``: no connection is dropped, and a file of no use leaves what was there."""
    server = Pair(certificate=tmp_path / "serveur.pem", key=tmp_path / "serveur.key")
    put(identities.server, server)
    authorities = tmp_path / "clients.pem"
    shutil.copy(identities.client_issuer, authorities)
    moved = replace(identities, server=server, client_issuer=authorities)
    program = IgcProgram(directory=tmp_path, identities=moved, dsn=own_dsn)
    try:
        program.start()
        put(identities.client, server)
        program.hang_up("tls.renewed")
        assert shown(program.port) == identities.client.certificate.read_bytes().partition(b"-----END")[0]
        server.key.write_text("-----BEGIN PRIVATE KEY-----\n")
        program.hang_up("tls.not_renewed")
        put(identities.server, server)
        # OpenSSL takes it, and nobody else.
        server.certificate.write_text(server.certificate.read_text().replace(" CERTIFICATE-", " TRUSTED CERTIFICATE-"))
        program.hang_up("tls.not_renewed")
        put(identities.server, server)
        program.hang_up("tls.renewed")
        with identities.http(program.url) as client:
            assert client.get("/demandes/1").status_code == 200
            others = next(pair for pair in identities.issuers if "PP" in pair.certificate.name)
            shutil.copy(others.certificate, authorities)
            program.hang_up("tls.renewed")
            assert client.get("/demandes/1").status_code == 403, "on the connection from before"
        assert program.stop() == 0
    finally:
        program.kill()


def test_hang_up_has_the_white_list_read_again(identities: Identities, own_dsn: str, tmp_path: Path) -> None:
    """A name that is taken off the list is let in no more; settings that wait for a restart are told."""
    program = IgcProgram(directory=tmp_path, identities=identities, dsn=own_dsn)
    told = identities.settings(own_dsn, ecoute=f"127.0.0.1:{program.port}")
    try:
        program.start()
        with identities.http(program.url) as client:
            assert client.get("/demandes/1").status_code == 200
            others = {**told["clients"], "dn": ["CN=autre.interne, O=AUTRE, C=FR"]}
            program.config.write_text(to_toml({**told, "clients": others, "ecoute_http": "127.0.0.1:1"}), "utf-8")
            program.hang_up("settings.not_renewed")
            assert '"settings": ["ecoute_http"]' in program.log.read_text("utf-8")
            assert client.get("/demandes/1").status_code == 403
            program.config.write_text("clients = 1\n", "utf-8")
            program.hang_up("tls.not_renewed")
            program.config.write_text(to_toml(told), "utf-8")
            program.hang_up("tls.renewed")
            assert client.get("/demandes/1").status_code == 200
        assert program.stop() == 0
    finally:
        program.kill()


def put(source: Pair, place: Pair) -> None:
    """Copy a pair; keys keep their mode."""
    shutil.copy(source.certificate, place.certificate)
    shutil.copy(source.key, place.key)


def shown(port: int) -> bytes:
    """The certificate that a new connection is shown, as a PEM file begins."""
    return ssl.get_server_certificate(("127.0.0.1", port)).encode().partition(b"-----END")[0]


def test_call_of_a_platform_is_one_trace_with_what_pfcng_igc_does(program: IgcProgram) -> None:
    """``traces``, in the settings of both."""
    with running_collector() as collector:
        told = program.config.read_text("utf-8")
        program.config.write_text(f'traces = "{collector.url}"\n{told}', "utf-8")
        program.start()
        with traced(collector.url, "plateforme"):
            authority = program.identities.connect(program.url)
            with tracing.span("retrait") or nullcontext():
                authority.status(1)
            authority.close()
        assert program.stop() == 0
    assert {(service, name) for _, service, name in collector.spans} == {
        ("plateforme", "retrait"),
        ("pfcng-igc", "requete"),
    }
    assert len({trace for trace, _, _ in collector.spans}) == 1
