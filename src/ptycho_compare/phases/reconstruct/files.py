"""What the files of a reconstruction are called, inside its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReconstructionFiles:
    """File names inside the folder of an iterative reconstruction."""

    folder: Path

    @property
    def reconstruction(self) -> Path:
        """Object, probe, and where the object lies."""
        return self.folder / "ptychi_reconstruction.npz"

    @property
    def figure(self) -> Path:
        """Object, probe and losses."""
        return self.folder / "reconstruction_visualization.png"

    @property
    def log(self) -> Path:
        """Command, exit status and output of the engine."""
        return self.folder / "ptychi.log"
