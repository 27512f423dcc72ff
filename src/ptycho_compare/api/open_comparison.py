"""One comparison of an opened hub: arms, scores, images, verdict, as its evidence says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_compare.api.framed import FramedImage, ImageFrame
from ptycho_compare.api.named import Named
from ptycho_compare.api.tidy import difference_frame, score_frame
from ptycho_compare.errors import ResultsError
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.manifest import Manifest
from ptycho_compare.records.reading import read_json
from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv
from ptycho_compare.records.tables.pairs_csv import DifferenceRow, read_differences_csv
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study import Comparison

if TYPE_CHECKING:
    from pandas import DataFrame

    from ptycho_compare.phases.comparison.job import ComparisonJob
    from ptycho_compare.records.acceptance import ComparisonVerdict
    from ptycho_compare.records.reconstructions_npz import StoredReconstructions


@dataclass(frozen=True)
class ComparedArm:
    """An arm of a comparison.

    Attributes
    ----------
    status : str
        "ok", "failed" or "unscored".
    reason : str
        Why it has no scores; empty when ok.
    verdicts : tuple of str
        What is said beside the scores of one that shows too little.
    """

    name: str
    status: str
    reason: str
    verdicts: tuple[str, ...]
    _of: OpenComparison

    @property
    def image(self) -> FramedImage:
        """Its object as it was scored, (h, w) complex64: on the truth, gauge removed, cropped to the mask."""
        return self._of.framed(self.name, aligned=True)

    @property
    def canvas(self) -> FramedImage:
        """Its object as it was reconstructed, (H, W) complex64: any complex gain, all that was compared."""
        return self._of.framed(self.name, aligned=False)


@dataclass(frozen=True)
class OpenComparison:
    """A comparison of a study, read from what it left in the hub; nothing is computed.

    All but `exists` and `verdict` are of evidence whose files are as the manifest says they were written;
    whether it is of today's inputs, and whole, `verdict` says.

    Attributes
    ----------
    place : Comparison
        Dose, view, split, tier.
    """

    place: Comparison
    _job: ComparisonJob

    @property
    def id(self) -> str:
        """Stable name, e.g. ``dose_1000-dense-train-full``."""
        return self.place.id

    @property
    def files(self) -> Artifacts:
        """Where its files lie: ``files.plot`` is the picture, ``files.log`` the log."""
        return Artifacts(self._job.folder)

    @property
    def exists(self) -> bool:
        """True where there is a manifest, which is written last."""
        return self.files.manifest.is_file()

    @property
    def manifest(self) -> Manifest:
        """What it was made from and with: inputs, settings, versions, warnings.

        Raises
        ------
        MissingReportError
            It was not compared; the message has the command that does.
        ReportError
            It is damaged.
        """
        return read_json(self.files.manifest, Manifest, made_by=f"ptycho-hub compare {self.id}")

    @property
    def arms(self) -> Mapping[str, ComparedArm]:
        """Its arms by name, in the order of its table."""
        held = {
            name: ComparedArm(name, arm.status, arm.reason, tuple(arm.verdicts), self)
            for name, arm in self.manifest.arms.items()
        }
        return Named("arm", self.id, held)

    @property
    def scores(self) -> DataFrame:
        """Every number of ``comparison_metrics.csv`` on a line of its own, with interval, unit and mask."""
        return score_frame([(self.id, self.score_rows())])

    @property
    def differences(self) -> DataFrame:
        """First arm minus second, for every two arms and score, and whether they can be told apart."""
        return difference_frame([(self.id, self.difference_rows())])

    @property
    def truth(self) -> FramedImage | None:
        """What the arms were compared with, on the pixels of `ComparedArm.image`; None without."""
        path, images = self._images(aligned=True)
        values = images.truth(path)
        return None if values is None else FramedImage(values, self._frame(images))

    @property
    def mask(self) -> FramedImage:
        """The pixels that were scored, bool, the same for every arm; on those of `ComparedArm.image`."""
        _, images = self._images(aligned=True)
        return FramedImage(images.mask, self._frame(images))

    @property
    def verdict(self) -> ComparisonVerdict:
        """Judge it now, as the gate does: its state, and what does not hold; nothing is written."""
        from ptycho_compare.checks.blocker import own_check_notes
        from ptycho_compare.gate.comparison_verdict import verdict_on  # with all checks

        return verdict_on(self._job, required=True, own=own_check_notes(self._job.hub))

    def score_rows(self) -> list[MetricRow]:
        """Read the table of scores, row by row."""
        return read_metrics_csv(self._whole(self.files.metrics))

    def difference_rows(self) -> list[DifferenceRow]:
        """Read the table of differences, row by row."""
        return read_differences_csv(self._whole(self.files.differences))

    def framed(self, arm: str, *, aligned: bool) -> FramedImage:
        """Read an arm's image: as it was scored, or as it was reconstructed; InputError where it has none."""
        path, images = self._images(aligned=aligned)
        return FramedImage(images.arm(path, arm), self._frame(images))

    def _images(self, *, aligned: bool) -> tuple[Path, StoredReconstructions]:
        from ptycho_compare.records.reconstructions_npz import read_reconstructions

        path = self.files.reconstructions_aligned if aligned else self.files.reconstructions
        return path, read_reconstructions(self._whole(path))

    def _frame(self, images: StoredReconstructions) -> ImageFrame:
        pixel_m = self.manifest.scan.get("object_pixel_m")
        return ImageFrame(images.origin, pixel_m * 1e9 if isinstance(pixel_m, float) else None)

    def _whole(self, path: Path) -> Path:
        """See that a file is the one that the comparison wrote; ResultsError where it is not."""
        record = self.manifest.artifacts.get(path.name)
        if record is None or not path.is_file():
            raise ResultsError(f"{path}: not found; ptycho-hub compare {self.id} writes it")
        if digest_of(path) != record.sha256:
            raise ResultsError(f"{path}: differs from the digest in the manifest; compare {self.id} again")
        return path

    def __repr__(self) -> str:
        return f"<comparison {self.id}>"
