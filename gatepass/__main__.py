"""`python -m gatepass`."""

import sys

from gatepass.cli import main

sys.exit(main())
