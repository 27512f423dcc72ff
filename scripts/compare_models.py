"""PtychoPINN's `python scripts/compare_models.py ...`, so that such command lines work as they stand."""

import sys

from ptycho_compare.cli.compare_models import main

sys.exit(main())
