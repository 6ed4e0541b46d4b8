"""``pfcng`` whose parent process waits less long for a sign of life: ``python -m support.impatient_driver serve …``."""

from pfcng.cli import main
from pfcng.node import parent

if __name__ == "__main__":
    parent._LOOK = 1.5
    main()
