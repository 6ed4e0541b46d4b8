"""The border with hostile input: bytes and trees in, verified content out."""
