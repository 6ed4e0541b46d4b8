"""The wire vocabulary both ends share: no I/O, no policy."""
