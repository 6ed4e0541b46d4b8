"""A certificate in clear: read from any file or server, recognised, chained, and asked about with its authority."""
