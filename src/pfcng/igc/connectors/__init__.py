"""The ways to reach a certificate authority (`pfcng.igc.authority.CertificateAuthority`)."""
