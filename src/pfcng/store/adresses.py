"""Protected e-mail addresses: one holder at a time (guide §7.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pfcng.contract.catalogue import Environment
from pfcng.store.database import DbConnection

_IN_FORCE = """
    SELECT p.numero FROM produit p
    WHERE p.environnement = a.environnement AND lower(p.mail_sujet) = a.adresse
      AND p.etat IN ('Produit à retirer', 'Produit retiré', 'Produit actif')
      AND (p.fin_validite IS NULL OR p.fin_validite >= %(now)s)
    ORDER BY p.numero LIMIT 1
"""
"""The oldest produit in force with the address: à retirer, retiré or actif, and not expired."""


@dataclass(frozen=True, slots=True)
class Held:
    """Whose an address is: a holder, and the number of the produit in force that holds it for them, if there is one."""

    titulaire: str
    produit: int | None


def claim_addresses(
    connection: DbConnection, environment: Environment, addresses: Mapping[str, str], now: datetime
) -> dict[str, Held]:
    """Make each address its claimant's, unless a produit in force holds it for somebody else.

    The address stays locked until the transaction ends: of two lots at once, the second sees what the first made of it.
    Addresses go in sorted order, so that two lots never wait for each other.

    Args:
        connection: The transaction of the lot.
        environment: Addresses of the other environment do not count.
        addresses: Address in lower case → holder: canonical DN of a person, or idNatStruct of an organisation.
        now: A produit that has expired by then holds nothing.

    Returns:
        For each address whose it is now, which is the claimant's unless it was refused to them.
    """
    ordered = sorted(addresses)
    parameters = {
        "environnement": environment,
        "adresses": ordered,
        "titulaires": [addresses[address] for address in ordered],
        "now": now,
    }
    connection.execute(
        """
        INSERT INTO adresse_protegee (environnement, adresse, titulaire)
        SELECT %(environnement)s, n.adresse, n.titulaire
        FROM unnest(%(adresses)s::text[], %(titulaires)s::text[]) WITH ORDINALITY AS n (adresse, titulaire, rang)
        ORDER BY n.rang
        ON CONFLICT (environnement, adresse) DO UPDATE SET titulaire = adresse_protegee.titulaire
        """,
        parameters,
    )
    connection.execute(
        f"""
        UPDATE adresse_protegee a SET titulaire = n.titulaire
        FROM unnest(%(adresses)s::text[], %(titulaires)s::text[]) AS n (adresse, titulaire)
        WHERE a.environnement = %(environnement)s AND a.adresse = n.adresse AND a.titulaire <> n.titulaire
          AND NOT EXISTS ({_IN_FORCE})
        """,  # noqa: S608 - a constant of this module
        parameters,
    )
    rows = connection.execute(
        f"""
        SELECT a.adresse, a.titulaire, ({_IN_FORCE}) AS produit FROM adresse_protegee a
        WHERE a.environnement = %(environnement)s AND a.adresse = ANY(%(adresses)s)
        """,  # noqa: S608 - idem
        parameters,
    )
    return {row["adresse"]: Held(row["titulaire"], row["produit"]) for row in rows}
