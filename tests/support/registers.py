"""Lines of registers as they are published; persons, structures and numbers are fictitious."""

from pathlib import Path
from typing import Final

PS_COLUMNS: Final = (
    "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Code civilité d'exercice|"
    "Libellé civilité d'exercice|Code civilité|Libellé civilité|Nom d'exercice|Prénom d'exercice|Code profession|"
    "Libellé profession|Code catégorie professionnelle|Libellé catégorie professionnelle|Code type savoir-faire|"
    "Libellé type savoir-faire|Code savoir-faire|Libellé savoir-faire|Code mode exercice|Libellé mode exercice|"
    "Numéro SIRET site|Numéro SIREN site|Numéro FINESS site|Numéro FINESS établissement juridique|"
    "Identifiant technique de la structure|Raison sociale site|Enseigne commerciale site|"
    "Complément destinataire (coord. structure)|Complément point géographique (coord. structure)|"
    "Numéro Voie (coord. structure)|Indice répétition voie (coord. structure)|Code type de voie (coord. structure)|"
    "Libellé type de voie (coord. structure)|Libellé Voie (coord. structure)|Mention distribution (coord. structure)|"
    "Bureau cedex (coord. structure)|Code postal (coord. structure)|Code commune (coord. structure)|"
    "Libellé commune (coord. structure)|Code pays (coord. structure)|Libellé pays (coord. structure)|"
    "Téléphone (coord. structure)|Téléphone 2 (coord. structure)|Télécopie (coord. structure)|"
    "Adresse e-mail (coord. structure)|Code Département (structure)|Libellé Département (structure)|"
    "Ancien identifiant de la structure|Autorité d'enregistrement|Code secteur d'activité|Libellé secteur d'activité|"
    "Code section tableau pharmaciens|Libellé section tableau pharmaciens|Code rôle|Libellé rôle|"
    "Code genre activité|Libellé genre activité|"
)
HOSPITAL: Final = (
    "8|99700990015|899700990015|DR|Docteur|M|Monsieur|DURAND-TEST|PAUL|10|Médecin|C|Civil|S|Spécialité ordinale|SM26|"
    "Qualifié en Médecine Générale|S|Salarié|99900012800010|999000128|750099012|750099038|F750099012|"
    "HOPITAL FICTIF DES LILAS||||12||RUE|Rue|DES ESSAIS||75014 PARIS|75014|75114|Paris 14e Arrondissement|99000|France|"
    "0100000001||||75|Paris|1750099012|CNOM/CNOM/CNOM|SA01|Etablissement public de santé|||||GENR01|"
    "Activité standard de soin ou de pharmacien|"
)
"""A doctor of an establishment."""
CABINET: Final = (
    "8|99700990023|899700990023|||MME|Madame|LEFEVRE-TEST|ANNE|60|Infirmier|C|Civil|||||L|Libéral|99900034200025|"
    "999000342|||C99900034200025|CABINET MME LEFEVRE-TEST||||3||AV|Avenue|DE LA RECETTE||69003 LYON|69003|69383|"
    "Lyon 3e Arrondissement|99000|France|||||69|Rhône|399900034200025|ARS/ARS/ARS|SA07|Cabinet individuel|||||GENR01|"
    "Activité standard de soin ou de pharmacien|"
)
"""A nurse of a cabinet that only this register knows."""
NO_ACTIVITY: Final = f"8|99700990031|899700990031|||M|Monsieur|MARTIN-TEST|LUC|21|Pharmacien|C|Civil{'|' * 44}"
"""A pharmacist without activity."""
STUDENT: Final = (
    "8|99700990049|899700990049|||MME|Madame|ROUSSEL-TEST|INES|10|Médecin|E|Etudiant|||||S|Salarié|99900012800010|"
    "999000128|750099012|750099038|F750099012|HOPITAL FICTIF DES LILAS||||12||RUE|Rue|DES ESSAIS||75014 PARIS|75014|"
    "75114|Paris 14e Arrondissement|99000|France|||||75|Paris|1750099012|CNOM/CNOM/CNOM|SA01|"
    "Etablissement public de santé|||||GENR01|Activité standard de soin ou de pharmacien|"
)
"""A student of medicine in an establishment."""

FINESS_FIRST: Final = "finess;etalab;111;2026-01-15"
ET_PARIS: Final = (
    "structureet;750099012;750099038;HOPITAL FICTIF DES LILAS;HOPITAL FICTIF DES LILAS DE PARIS;;;12;R;DES ESSAIS;;;"
    "114;75;PARIS;75014 PARIS;0100000001;;355;Centre Hospitalier (C.H.);1102;Centres Hospitaliers;99900012800010;8610Z;"
    "03;ARS établissements Publics de santé dotation globale;1;Etablissement public de santé;1990-01-01;1990-01-01;"
    "2024-01-15;"
)
ET_RHONE: Final = (
    "structureet;690099023;750099038;CENTRE DE SANTE FICTIF RHONE;;;;3;AV;DE LA RECETTE;;;383;69;RHONE;69003 LYON;"
    "0400000002;;124;Centre de Santé;2209;Centres de Santé;;;36;Tarifs conventionnels assurance maladie;9;Indéterminé;"
    "2001-05-02;2001-05-02;2024-01-15;"
)
"""An establishment without rslongue."""
EJ_PARIS: Final = (
    "structureej;750099038;GROUPE HOSPITALIER FICTIF;GROUPE HOSPITALIER FICTIF DE PARIS;;12;R;DES ESSAIS;;;;114;"
    "75014 PARIS;75;PARIS;0100000001;13;Etablissement Public Communal d'Hospitalisation;;;999000128;8610Z;1990-01-01"
)
GEOLOCALISATION: Final = "geolocalisation;750099012;651000.1;6860000.2;2,ATLASANTE,100,IGN,BD_ADRESSE;2026-01-12"

EMPLOYES_COLUMNS: Final = "id_nat;nom;prenom;genre;id_nat_struct;titre;admin_asip;raison_sociale;departement"


def write_register(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    """A file of these lines."""
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return path


def with_cell(line: str, column: str, value: str) -> str:
    """A line of PS_LibreAcces with another value in one of its columns."""
    cells = line.split("|")
    cells[PS_COLUMNS.split("|").index(column)] = value
    return "|".join(cells)
