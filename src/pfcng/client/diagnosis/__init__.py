"""Why a signature is refused, step by step, for messages of any tool and any quality.

Nothing that is read here is believed or acted on: what a platform decodes comes from `xml.dsig.verify` alone.
"""

from pfcng.client.diagnosis.steps import State, Step

__all__ = ["State", "Step"]
