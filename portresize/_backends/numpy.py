"""numpy."""
from portresize._backends.generic import run
