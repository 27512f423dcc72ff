"""Where work goes that a job cannot use: moved away with the reason, never deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ptycho_compare.hub import stamp


def aside_for(set_aside: Path, name: str, reason: str) -> Path:
    """Make a folder of its own for what does not fit here, and write the reason into it.

    Parameters
    ----------
    set_aside : Path
        The job's `JobFiles.set_aside`.
    name : str
        Of what is moved there.
    reason : str
        One line.
    """
    first = f"{stamp(datetime.now(UTC))}-{name}"
    away, number = set_aside / first, 2
    while away.exists():  # something else, within the same second
        away, number = set_aside / f"{first}_{number}", number + 1
    away.mkdir(parents=True)
    (away / "reason.txt").write_text(f"{reason}\n", encoding="utf-8")
    return away
