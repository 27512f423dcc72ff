"""Run folders of tasks one after the other in this process: ``python every_engine.py FOLDER...``.

Then say which of the modules that are to load lazily were loaded after all.
"""

import sys
from pathlib import Path

from ptycho_compare.phases.reconstruct import engine

for folder in sys.argv[1:]:
    print(engine.main(Path(folder)), file=sys.stderr)
print("loaded after all:", *sorted({"matplotlib.pyplot", "sklearn", "sympy"} & {*sys.modules}))
