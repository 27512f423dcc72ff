"""Print the lowest versions that pyproject.toml allows, a line each, for ``pip install --constraint``.

``make floors`` installs them together and imports every module of the project on them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def floors(text: str) -> list[str]:
    """Return ``name==version`` of every dependency."""
    return [re.sub(r"\s*>=\s*", "==", each) for each in tomllib.loads(text)["project"]["dependencies"]]


if __name__ == "__main__":
    print("\n".join(floors(PROJECT.read_text(encoding="utf-8"))))
