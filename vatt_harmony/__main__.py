"""`python -m vatt_harmony`, and the module that launchers start on every rank."""

import sys

from vatt_harmony.cli import main

sys.exit(main())
