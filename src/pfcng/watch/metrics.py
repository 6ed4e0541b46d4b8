"""THE register of metrics: name, type, French help, labels. docs/exploitation/metriques.md is made from it.

Names follow Prometheus's conventions. Labels take their values from closed lists, and never from a message, a
certificate's holder or an address: nothing here is about a person, and a hostile client cannot make series.

What is counted is each process's own, summed over the processes of a node when it is scraped (prometheus-client's
multiprocess mode, where PROMETHEUS_MULTIPROC_DIR is set). What is a `Figure` is read when it is scraped, and is the
same whichever process answers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

REGISTRY: Final = CollectorRegistry()
"""What this process counts."""

_REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_STEP_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A metric as it is documented; ``name`` is what Prometheus calls it."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]


DECLARED: Final[list[Declared]] = []
"""Every metric, in the order of this module."""


def _counter(name: str, text: str, *labels: str) -> Counter:
    DECLARED.append(Declared(name=f"{name}_total", kind="counter", help=text, labels=labels))
    return Counter(name, text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = _REQUEST_BUCKETS) -> Histogram:
    DECLARED.append(Declared(name=name, kind="histogram", help=text, labels=labels))
    return Histogram(name, text, labels, registry=REGISTRY, buckets=buckets)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    """A gauge that is summed over the living processes."""
    DECLARED.append(Declared(name=name, kind="gauge", help=text, labels=labels))
    return Gauge(name, text, labels, registry=REGISTRY, multiprocess_mode="livesum")


class Figure:
    """A gauge whose values are read when it is scraped."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._declared = Declared(name=name, kind="gauge", help=text, labels=labels)
        DECLARED.append(self._declared)

    def of(self, values: Mapping[str, float] | float) -> GaugeMetricFamily:
        """Its values, by the value of its one label where it has one."""
        told = self._declared
        family = GaugeMetricFamily(told.name, told.help, labels=told.labels)
        pairs: Iterable[tuple[list[str], float]] = (
            (([label], value) for label, value in values.items()) if isinstance(values, Mapping) else (([], values),)
        )
        for labels, value in pairs:
            family.add_metric(labels, value)
        return family


REQUESTS: Final = _counter(
    "pfcng_requests",
    "Requêtes du Web Service, par opération et par code répondu (« Client » et « Server » : Fault SOAP).",
    "operation",
    "code",
)
REQUEST_SECONDS: Final = _histogram(
    "pfcng_request_duration_seconds", "Durée des requêtes, lecture du corps comprise, par opération.", "operation"
)
REQUESTS_UNDER_WAY: Final = _gauge("pfcng_requests_in_progress", "Requêtes du Web Service en cours.")
STEP_SECONDS: Final = _histogram(
    "pfcng_step_duration_seconds", "Durée de chaque étape d’une requête.", "step", buckets=_STEP_BUCKETS
)
REPLIES_LOST: Final = _counter(
    "pfcng_replies_lost", "Réponses que le client, parti avant, n’a pas reçues (WSMG-00000038)."
)
PEERS_REFUSED: Final = _counter(
    "pfcng_peers_refused", "Certificats TLS de clients refusés à l’entrée d’un point d’accès (HTTP 403).", "endpoint"
)
TLS_REFUSED: Final = _counter("pfcng_tls_refused", "Poignées de main TLS qui ont échoué, par raison.", "reason")
LIMITS: Final = _counter(
    "pfcng_limits_reached", "Clients à qui une limite a été opposée, par limite (réglages « limites »).", "limit"
)
AUTHORITY_CALLS: Final = _counter(
    "pfcng_authority_calls",
    "Appels à PFCNG-IGC, par acte et par issue : « done », « refused » (pour de bon), « unavailable », « failed ».",
    "call",
    "result",
)
AUTHORITY_SECONDS: Final = _histogram(
    "pfcng_authority_call_duration_seconds", "Durée des appels à PFCNG-IGC, par acte.", "call"
)
IGC_REQUESTS: Final = _counter(
    "pfcng_igc_requests", "Requêtes reçues par « pfcng igc serve », par méthode et par statut HTTP.", "method", "status"
)
JOBS: Final = _counter("pfcng_acts", "Actes périodiques des workers, par acte et par issue.", "act", "result")
MAILS: Final = _counter(
    "pfcng_mail_attempts",
    "Essais d’envoi d’un courriel par les workers, par issue : « sent », « delayed », « given_up ».",
    "result",
)
PROCESSES_REPLACED: Final = _counter(
    "pfcng_processes_replaced",
    "Processus de « pfcng serve » qui ont pris la place d’un autre : « ended » (mort), « silent » (figé, puis tué).",
    "reason",
)
CONNECTIONS: Final = _gauge(
    "pfcng_database_connections", "Connexions à la base des processus, par emploi : « used » ou « idle ».", "use"
)
WAITING: Final = _gauge("pfcng_database_waiting", "Requêtes qui attendent une connexion à la base.")
LOG_LOST: Final = _counter(
    "pfcng_log_lines_lost", "Lignes du journal technique qui n’ont pas pu être écrites : disque plein, lecteur parti."
)
WAITED: Final = _counter("pfcng_database_wait_seconds", "Secondes passées à attendre une connexion à la base.")
CONNECTION_ERRORS: Final = _counter(
    "pfcng_database_connection_errors", "Attentes d’une connexion à la base qui n’ont pas abouti."
)

READY: Final = Figure("pfcng_part_state", "État de chaque partie (/sante/pret) : 1 prêt, 0,5 dégradé, 0 non.", "part")
CRL_MADE: Final = Figure(
    "pfcng_crl_this_update_timestamp_seconds", "thisUpdate de la CRL de chaque AC, en secondes Unix.", "authority"
)
CRL_ENDS: Final = Figure(
    "pfcng_crl_next_update_timestamp_seconds",
    "nextUpdate de la CRL de chaque AC, en secondes Unix ; 0 s’il n’y a pas de CRL.",
    "authority",
)
AUTHORITY_ENDS: Final = Figure(
    "pfcng_authority_expiry_timestamp_seconds", "Fin du certificat de chaque AC, en secondes Unix.", "authority"
)
TLS_ENDS: Final = Figure(
    "pfcng_tls_certificate_expiry_timestamp_seconds", "Fin du certificat TLS du service, en secondes Unix."
)
COUNTED: Final = Figure(
    "pfcng_counts_timestamp_seconds",
    "Quand un worker a compté pour la dernière fois ce qui suit, en secondes Unix ; 0 : jamais.",
)
CERTIFICATES: Final = Figure("pfcng_certificates", "Produits par état.", "state")
JOBS_KEPT: Final = Figure("pfcng_jobs", "Tâches des workers par état ; celles qui réussissent ne restent pas.", "state")
MAILS_KEPT: Final = Figure("pfcng_mails", "Courriels gardés, par état.", "state")
OLDEST_MAIL: Final = Figure("pfcng_mail_oldest_seconds", "Âge du plus ancien courriel à envoyer ; 0 s’il n’y en a pas.")
REVOCATIONS_DUE: Final = Figure(
    "pfcng_revocations_due", "Révocations dont la date d’effet est passée et qui attendent."
)
WORKERS: Final = Figure("pfcng_workers", "Workers qui ont donné signe de vie depuis 30 secondes.")
