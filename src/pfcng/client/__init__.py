"""The client library of the Web Service."""
