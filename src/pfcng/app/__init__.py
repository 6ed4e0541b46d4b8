"""Composition root: settings → a platform, a worker, or PFCNG-IGC. The one room that chooses implementations."""
