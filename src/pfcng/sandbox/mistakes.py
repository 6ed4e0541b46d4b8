"""What keeps the sandbox from starting."""


class SandboxError(Exception):
    """The sandbox cannot start; the message is French and says what to do."""
