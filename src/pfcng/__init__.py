"""pfcng: the certificate platform of the IGC-Santé Web Service, both ends."""
