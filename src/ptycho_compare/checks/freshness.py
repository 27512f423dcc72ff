"""Whether finished evidence is of the inputs, settings and code that are here now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from ptycho_compare.basis import Basis
from ptycho_compare.checks.finding import Finding
from ptycho_compare.hub import Artifacts
from ptycho_compare.reporting.manifest import read_manifest


def stale(folder: Path, basis: Basis) -> Iterator[Finding]:
    """Yield what makes a comparison's evidence stale.

    Parameters
    ----------
    folder : Path
        The comparison's output, with a manifest.
    basis : Basis
        What a run here and now would rest on. Adopted evidence was computed elsewhere and
        verified here: its code and libraries may be others.
    """
    names = Artifacts(folder)
    try:
        manifest = read_manifest(names.manifest)
    except (OSError, ValidationError) as error:
        yield Finding("missing", f"{names.manifest}: {' '.join(str(error).split())[:200]}")
        return
    adopted = names.adoption.exists()
    for difference in manifest.basis().differences(basis, made_elsewhere=adopted):
        yield Finding("stale", f"{names.manifest}: {difference}")
