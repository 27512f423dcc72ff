"""The residual in diffraction space: a score that needs no truth.

The object is sent through the probe, image by image, and the predicted amplitudes are compared with
the measured ones; one scale is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.blas import one_blas_thread
from ptycho_compare.errors import ArmError, ScoringError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.forward_model import ForwardModel, corners_of, lit_part
from ptycho_compare.reconstruction.light import energy_of

_KEPT_BYTES = 32 << 20
"""Images of which the two passes need no more than this are read and predicted once."""

Pairs = Iterable[tuple[NDArray[np.float64], NDArray[np.float64]]]


class MeasuredImages(Protocol):
    """Diffraction amplitudes by image number: a scan's `Diffraction`, or some of it."""

    def read_measured(
        self, indices: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read images (b,), DC in the centre, and which pixels were measured: (b, N, N) each."""


@dataclass(frozen=True, eq=False)
class Residual:
    """The part of the measured amplitudes that a reconstruction does not explain.

    Attributes
    ----------
    r_factor : float
        R = sum_i sum_q abs(A - c M) / sum_i sum_q A, over the m images used and their measured pixels q.
        A: measured amplitudes; M: those of the reconstruction.
    scale : float
        c, the same for all images: it minimises sum (A - c M)^2, so c = sum A M / sum M^2.
    images : ndarray, (m,), int64
        The image numbers used, in the order asked for.
    per_image : ndarray, (m,), float64
        R of each image alone, with the common c.
    weights : ndarray, (m,), float64
        sum_q A of each image. R of any subset is the mean of `per_image` with these weights.
    map : ndarray, (H, W), float64
        Mean R of the images that lie on each pixel of the grid, weighted by the probe's intensity;
        NaN where no image lies.
    """

    r_factor: float
    scale: float
    images: NDArray[np.int64]
    per_image: NDArray[np.float64]
    weights: NDArray[np.float64]
    map: NDArray[np.float64]


def diffraction_residual(
    values: NDArray[np.complexfloating],
    covered: NDArray[np.bool_],
    diffraction: MeasuredImages,
    positions: NDArray[np.float64],
    probe: NDArray[np.complexfloating],
    *,
    grid: Grid,
    images: NDArray[np.int64] | None = None,
    known: NDArray[np.bool_] | None = None,
    batch: int = 64,
    least_coverage: float = 0.95,
) -> Residual:
    """Compare the measured amplitudes with those that a reconstruction predicts.

    M = abs(FFT(probe * patch)) / N with the zero frequency in the centre, or the root of the sum of its
    squares over the modes of a probe [2]_; a patch at a sub-pixel position is moved as the canvas
    moves it. R is the conventional R-factor of
    crystallography on amplitudes [1]_. The object's gain is fitted and its phase cancels.
    Not free, because the probe fixes them: a phase ramp, and the frame in which the object
    lies.

    R says how well the data are explained, noise included, so a reconstruction of these very
    images can have a lower R than the true object. It is no resolution.

    Parameters
    ----------
    values : ndarray, (H, W), complex
        The reconstruction on `grid`. Uncovered pixels may hold anything: they are taken as the
        mean of the covered ones.
    covered : ndarray, (H, W), bool
        Pixels that count as reconstructed. Give all arms one common mask: it selects the images.
    diffraction : MeasuredImages
        Amplitudes of the whole scan, n images of N x N.
    positions : ndarray, (n, 2), float64
        x, y in px on the object's grid.
    probe : ndarray, (N, N) or (m, N, N), complex
        The one that the reconstruction was made with; of several modes the intensities add up, whatever
        their order. Through a first guess R says more about the probe: 0.42 instead of 0.16 on a
        real scan.
    grid : Grid
        The window of the object's grid that `values` lies on.
    images : ndarray, (k,), int, or None
        Image numbers to use; None for all. Images that the reconstruction has not seen give an
        R that fitting their noise cannot lower.
    known : ndarray, (H, W), bool, or None
        Uncovered pixels whose values are used nevertheless, and finite: at the rim of a scan a mean in their
        place raises R by 2 to 3 %.
    batch : int
        Images in memory at a time; changes no result.
    least_coverage : float
        An image counts if at least this part of the probe's energy lies on covered pixels,
        and if it is not dark.

    Raises
    ------
    ScoringError
        Shapes differ, the probe is zero, or no image counts.
    ArmError
        The object is not finite on covered pixels, or scatters nothing: with a zero object no
        scale fits, and the formula would give R = 1.

    References
    ----------
    .. [1] International Union of Crystallography, Online Dictionary of Crystallography, "R factor".
    .. [2] P. Thibault and A. Menzel, Nature 494, 68 (2013).
    """
    _require_comparable(values, covered, grid, probe)
    asked = np.arange(len(positions)) if images is None else np.asarray(images, np.int64)
    lit = lit_part(covered, positions[asked], probe, grid)
    chosen = asked[lit >= least_coverage]
    kept = covered if known is None else covered | known
    filled = np.where(kept, values, values[covered].mean(dtype=np.complex128))
    model = ForwardModel.of(filled, positions, probe, grid)
    with one_blas_thread():
        pairs: Pairs = _pairs(model, diffraction, chosen, batch)
        few = 16 * len(chosen) * probe.shape[-1] ** 2 <= _KEPT_BYTES
        pairs = list(pairs) if few else pairs
        signal, cross, power = _sums(pairs)
        bright = signal > 0
        used, signal = chosen[bright], signal[bright]
        if not used.size:
            raise ScoringError(
                f"no image to compare: of {len(asked)} images {len(chosen)} have {least_coverage:g} of the "
                f"probe's energy on the {covered.sum()} covered pixels (the best has "
                f"{lit.max(initial=0):.3f}), and none of those holds light; cover more of the scan"
            )
        if not cross[bright].any():
            raise ArmError(
                f"the object (modulus up to {np.abs(values[covered]).max():.3g} on {covered.sum()} covered "
                f"pixels) scatters nothing where {len(used)} images measured light: no scale fits"
            )
        scale = float(cross[bright].sum() / power[bright].sum())
        if not (few and bright.all()):
            pairs = _pairs(model, diffraction, used, batch)
        misfit = np.concatenate(
            [np.abs(measured - scale * made).sum(axis=(1, 2)) for measured, made in pairs]
        )
    per_image = misfit / signal
    return Residual(
        r_factor=float(misfit.sum() / signal.sum()),
        scale=scale,
        images=used,
        per_image=per_image,
        weights=signal,
        map=_map(per_image, positions[used], probe, grid),
    )


def least_misfit(measured: NDArray[np.float64], made: NDArray[np.float64]) -> float:
    """R of predicted amplitudes (b, N, N) at their best scale; infinite where they are zero."""
    power = float((made * made).sum())
    if not power:
        return np.inf
    scale = float((measured * made).sum()) / power
    return float(np.abs(measured - scale * made).sum() / measured.sum())


def _require_comparable(
    values: NDArray[Any], covered: NDArray[np.bool_], grid: Grid, probe: NDArray[Any]
) -> None:
    if not values.shape == covered.shape == grid.shape:
        raise ScoringError(
            f"the object has shape {values.shape}, its mask {covered.shape} and the grid {grid.shape}; "
            "needed: one shape"
        )
    if probe.ndim not in (2, 3) or probe.shape[-2] != probe.shape[-1] or not probe.any():
        raise ScoringError(f"the probe of shape {probe.shape} is zero or not square; needed: (N, N)")
    if not covered.any():
        raise ScoringError(f"the mask of shape {covered.shape} is empty: no pixel counts as reconstructed")
    bad = int(np.count_nonzero(~np.isfinite(values[covered])))
    if bad:
        raise ArmError(f"the object is not finite on {bad} of {covered.sum()} covered pixels")


def _pairs(
    model: ForwardModel, diffraction: MeasuredImages, images: NDArray[np.int64], batch: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Measured and predicted amplitudes, (b, N, N) each, batch by batch; both 0 in bad pixels."""
    for start in range(0, len(images), batch):
        numbers = images[start : start + batch]
        measured, good = diffraction.read_measured(numbers)
        yield measured.astype(np.float64), np.where(good, model.amplitudes(numbers), 0.0)


def _sums(pairs: Pairs) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sums over the pixels of each image of A, of A M and of M^2."""
    rows = [np.zeros((3, 0))]
    for measured, made in pairs:
        terms = (measured, measured * made, made * made)
        rows.append(np.stack([term.sum(axis=(1, 2)) for term in terms]))
    signal, cross, power = np.concatenate(rows, axis=1)
    return signal, cross, power


def _map(
    per_image: NDArray[np.float64],
    positions: NDArray[np.float64],
    probe: NDArray[np.complexfloating],
    grid: Grid,
) -> NDArray[np.float64]:
    energy = energy_of(probe)
    side = len(energy)
    total, weight = np.zeros((2, grid.shape[0] + 2 * side, grid.shape[1] + 2 * side))
    for value, (row, column) in zip(per_image, corners_of(positions, side, grid), strict=True):
        target = np.s_[row : row + side, column : column + side]
        total[target] += value * energy
        weight[target] += energy
    inside = np.s_[side:-side, side:-side]
    blank = np.full(grid.shape, np.nan)
    np.divide(total[inside], weight[inside], out=blank, where=weight[inside] > 0)
    return blank
