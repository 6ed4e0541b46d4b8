"""X.509 helpers: names, CSRs, keys, trust."""
