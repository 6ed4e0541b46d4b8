"""What to do about each refusal of the platform, in French: the one table, keyed by code and then by reason.

Source: guide §19 table 22, §20.
"""

import re
from typing import Final

from pfcng.contract import codes
from pfcng.contract.codes import Raison

ADVICE: Final[dict[str, str]] = {
    codes.WSMG_02.value: "Vérifiez que [signature] désigne le certificat de signature de la carte (nonRepudiation), en cours de validité et "
    "non révoqué, puis que rien ne reformate le message après la signature.",
    codes.WSMG_05.value: "Corrigez l’élément nommé par le message : présence selon le produit (docs/table-11.md), forme et longueur.",
    codes.WSMG_07.value: "Élargissez les critères, ou vérifiez le numéro de lot : chacun ne voit que ses propres demandes.",
    codes.WSMG_08.value: "Vérifiez le certificat (AKI et numéro de série) et son environnement : TEST et production ne se voient pas.",
    codes.WSMG_09.value: "Faites une nouvelle clé RSA de 2048 bits ou plus et sa CSR signée avec SHA-256, puis renouvelez la demande.",
    codes.WSMG_10.value: "Corrigez ce que dit le message ; une habilitation se demande sur https://meshabilitations.esante.gouv.fr.",
    codes.WSMG_11.value: "Vérifiez avec « pfcng suivre » que la demande est validée et que son produit est à retirer.",
    codes.WSMG_12.value: "Vérifiez que le certificat est actif, que la date d’effet n’est pas passée et que vous êtes habilité pour sa structure.",
    codes.WSMG_15.value: "L’autorité ne répond pas : relancez la même commande plus tard, rien n’est perdu.",
    codes.WSMG_16.value: "L’autorité a refusé d’émettre : faites une nouvelle demande, avec une nouvelle clé.",
    codes.WSMG_17.value: "L’autorité a refusé la demande : vérifiez-la et faites-en une nouvelle, avec une nouvelle clé.",
    codes.WSMG_18.value: "L’autorité ne répond pas : relancez la même commande plus tard, la demande reste enregistrée.",
    codes.WSMG_23.value: "Répartissez les demandes en lots de 20 au plus.",
    codes.WSMG_24.value: "Répartissez les demandes en plusieurs messages.",
    codes.WSMG_27.value: "Vérifiez l’indice de retrait et l’environnement de la carte : un indice de TEST est inconnu en production.",
    codes.WSMG_30.value: "Retirez le certificat avec la carte qui a signé la demande.",
    codes.WSMG_31.value: "Retirez ce certificat sur le site où il a été demandé.",
    codes.WSMG_32.value: "Ajoutez l’identifiant national de la structure (--struct).",
    codes.WSMG_33.value: "Ajoutez l’identifiant national du bénéficiaire (--beneficiaire).",
    codes.WSMG_34.value: "Donnez de un à cinq --fqdn et retirez --mail-sujet.",
    codes.WSMG_35.value: "Ajoutez le nom applicatif (--nom-applicatif).",
    codes.WSMG_36.value: "Retirez --upn.",
    codes.WSMG_37.value: "SERV hors SSL_SERV : ajoutez --mail-sujet ; ORG : retirez-le.",
    codes.WSMG_42.value: "Un certificat porte cinq noms de serveur au plus : faites plusieurs demandes.",
    codes.WSMG_43.value: "Ne suivez que vos propres demandes, ou une structure dont vous êtes administrateur technique pour cette offre.",
    codes.WSMG_44.value: "Faites corriger dans l’annuaire la donnée que nomme le message : la demande elle-même est correcte.",
}  # fmt: skip
# ruff: noqa: E501 (one entry a line: a text that is searched for is found whole)
"""Code → what to do."""

BY_REASON: Final[dict[Raison, str]] = {
    Raison.CSR_SIGNATURE: "La CSR a été abîmée ou modifiée après sa signature : générez-la à nouveau.",
    Raison.CLE_DEJA_PRESENTEE: "Une clé ne sert qu’une fois : faites-en une nouvelle. Si la demande citée est la vôtre, retirez son certificat.",
    Raison.HORS_DOMAINE: "Faites étendre l’habilitation à ce domaine, ou demandez un nom du domaine habilité.",
    Raison.ACTEUR_INCONNU: "Le titulaire de la carte n’est pas dans l’annuaire de cet environnement : vérifiez la carte, TEST ou production.",
    Raison.STRUCTURE_INCONNUE: "Vérifiez l’identifiant de la structure : type (1 FINESS, 3 SIRET, 4 RPPS-rang) puis numéro.",
    Raison.BENEFICIAIRE_INCONNU: "Vérifiez l’identifiant du bénéficiaire : type (8 RPPS, 0 ADELI, 3, 5 ou 6 salarié) puis numéro.",
    Raison.PRODUIT_FERME: "Ce produit n’est pas ouvert à la commande : demandez-en un autre, ou adressez-vous à la plateforme.",
    Raison.ADRESSE_PROTEGEE: "Prenez une autre adresse, ou révoquez d’abord le produit cité.",
    Raison.PRODUIT_PAS_A_RETIRER: "Le certificat a déjà été remis, ou la demande a été annulée : « pfcng suivre » le dit.",
    Raison.AUTRE_ADMINISTRATEUR: "Retirez le certificat avec la carte d’administrateur qui a signé la demande.",
    Raison.AUTRE_ACTEUR: "Donnez au retrait le même --tiers qu’à la demande.",
    Raison.PRODUIT_PAS_ACTIF: "Il n’y a rien à révoquer : le certificat l’est déjà, ou il n’a jamais été retiré.",
}  # fmt: skip
"""Reason → what to do, where it says more than the code."""

_PART: Final = re.compile(r"\\\{\w+\\\}")
_PATTERNS: Final = {reason: re.compile(_PART.sub(".*?", re.escape(reason.value.rstrip(".")))) for reason in BY_REASON}


def advice_for(code: str, message: str) -> str:
    """What to do about a refusal; empty for a code that the guide does not have."""
    for reason, pattern in _PATTERNS.items():
        if pattern.search(message):
            return BY_REASON[reason]
    return ADVICE.get(code, "")
