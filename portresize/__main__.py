"""`python -m portresize`."""

from __future__ import annotations

import sys

from portresize._cli import main

sys.exit(main())
