"""A clock of durations, for keys that are kept elsewhere."""


class Monotonic:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
