"""Private keys wherever they are kept: in a file, in a PKCS#11 token, in a transit engine."""
