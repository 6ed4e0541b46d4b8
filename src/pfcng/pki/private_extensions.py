"""The private extensions of the IGC-Santé, and the other names of its certificates that X.509 has no name for.

Source: nomenclatures TRE_G01, G02, G15, G16 and R38 of the ANS; certificates of the IGC-Santé.
"""

from typing import Final

from cryptography import x509

PRIVATE_ARC: Final = "1.2.250.1.71"
CARD_TYPE: Final = x509.ObjectIdentifier(f"{PRIVATE_ARC}.1.2.2")
CARD_NUMBER: Final = x509.ObjectIdentifier(f"{PRIVATE_ARC}.1.2.3")
PRODUCT_CATEGORY: Final = x509.ObjectIdentifier(f"{PRIVATE_ARC}.1.2.5")
PROFESSION: Final = x509.ObjectIdentifier(f"{PRIVATE_ARC}.1.2.7")
PROFESSION_EN_FORMATION: Final = x509.ObjectIdentifier(f"{PRIVATE_ARC}.1.2.8")
SAVOIR_FAIRE: Final = x509.ObjectIdentifier(f"{PRIVATE_ARC}.4.2.5")
UPN: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
