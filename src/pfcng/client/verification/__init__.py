"""What is wrong, or doubtful, in a request before it is sent: the data are those of the platform's own rules."""

from pfcng.client.verification.remarks import Level, Remark

__all__ = ["Level", "Remark"]
