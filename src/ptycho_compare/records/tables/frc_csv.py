"""Ring correlation as tables: a curve per arm, and the cut-offs of all of them in every unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_compare.records.tables.csv_cells import or_empty, write_table

if TYPE_CHECKING:  # scoring loads scipy and scikit-image
    from ptycho_compare.scoring.metrics.cutoff import Criterion
    from ptycho_compare.scoring.metrics.ring_curve import RingCurve
    from ptycho_compare.scoring.scorecard import Scorecard

_PARTS = ("amplitude", "phase", "complex")

CURVE_COLUMNS = (
    "model", "frequency_bin", "amplitude_frc", "phase_frc", "cycles_per_px", "pixels",
    "complex_frc", "half_bit",
)  # fmt: skip
"""Columns of every table of curves; behind them stand those of one kind."""

TRANSFER_COLUMNS = tuple(f"{part}_transfer" for part in _PARTS)
SNR_COLUMNS = tuple(f"{part}_ssnr" for part in _PARTS)

_UNITS = ("cycles_per_px", "px", "nm")

CUTOFF_COLUMNS = (
    "model", "component", "criterion", "reference",
    *_UNITS, *(f"first_{unit}" for unit in _UNITS), *(f"last_{unit}" for unit in _UNITS),
    "end", "area",
)  # fmt: skip

CRITERIA: Mapping[str, Criterion] = {"0.5": 0.5, "1/7": 1 / 7, "half_bit": "half_bit"}
"""Of the ring correlation, by their name in the table; the transfer's is ``transfer_0.5``."""


def write_frc_csv(path: Path, arm: str, curves: Mapping[str, RingCurve], *, halves: bool = False) -> None:
    """Write the ring curves of one arm, one row per ring.

    ``frequency_bin`` is the ring's number as PtychoPINN counts it, cycles per image side;
    ring 0, the mean, is there in PtychoPINN's own curves only. A ring without signal has an empty
    cell, as has a transfer that noise hides. ``pixels`` is the number of Fourier pixels in the ring,
    which cut-offs and the half-bit threshold rest on.

    Parameters
    ----------
    curves : mapping of str to RingCurve
        "amplitude", "phase" and "complex", of one image; a missing one gives empty cells, other
        names are not written.
    halves : bool
        The curves are between two halves of the data: the last columns are the spectral
        signal-to-noise ratio of all the data, else the transfer.

    Raises
    ------
    ValueError
        The curves have different rings.
    """
    parts = [curves.get(name) for name in _PARTS]
    known = [each for each in parts if each is not None]
    if len({tuple(each.frequency) for each in known}) > 1:
        raise ValueError(f"{arm}: the curves of amplitude, phase and complex field have different rings")
    more = [None if each is None else each.spectral_snr if halves else each.transfer for each in parts]
    rows = []
    for index in range(len(known[0].frequency) if known else 0):
        amplitude, phase, both = (
            None if each is None else or_empty(each.correlation[index]) for each in parts
        )
        ring = known[0]
        first = 0 if ring.frequency[0] == 0 else 1
        half_bit = float(ring.threshold("half_bit")[index])
        rows.append(
            (
                *(arm, index + first, amplitude, phase, float(ring.frequency[index])),
                *(int(ring.pixels[index]), both, half_bit),
                *(None if values is None else or_empty(values[index]) for values in more),
            )
        )
    write_table(path, CURVE_COLUMNS + (SNR_COLUMNS if halves else TRANSFER_COLUMNS), rows)


def write_cutoffs_csv(path: Path, scorecard: Scorecard, *, pixel_nm: float | None) -> None:
    """Write up to where every curve of a scorecard stands above every threshold.

    The cut-off of record, the first and the last crossing, as frequency, full period in px, and
    period in nm where the pixel of the object is known. ``end`` says "beyond Nyquist", "below the first
    ring" or that a transfer is above a half as far as it is measured. Curves between two arms,
    where there is no truth, are called ``second~first``.
    """
    rows = []
    for model, component, reference, curve in _curves(scorecard):
        cutoffs = {name: curve.cutoff(criterion) for name, criterion in CRITERIA.items()}
        transfer = curve.transfer_cutoff()
        if transfer is not None and reference != "independent_half":
            cutoffs["transfer_0.5"] = transfer
        for name, cutoff in cutoffs.items():
            rows.append(
                (
                    *(model, component, name, reference),
                    *_in_all_units(cutoff.frequency, pixel_nm),
                    *_in_all_units(cutoff.first_crossing, pixel_nm),
                    *_in_all_units(cutoff.last_crossing, pixel_nm),
                    *(cutoff.end, curve.area if name in CRITERIA else None),
                )
            )
    write_table(path, CUTOFF_COLUMNS, rows)


def _curves(scorecard: Scorecard) -> Iterator[tuple[str, str, str, RingCurve]]:
    for arm in scorecard.arms:
        for name, curve in arm.curves.items():
            half = name.startswith("half_")
            reference = "independent_half" if half else scorecard.reference
            yield arm.arm, name.removeprefix("half_"), reference, curve
    for pair in scorecard.agreements:
        for name, curve in pair.curves.items():
            yield f"{pair.second}~{pair.first}", name, "same_data", curve


def _in_all_units(frequency: float | None, pixel_nm: float | None) -> tuple[float | None, ...]:
    if frequency is None:
        return None, None, None
    return frequency, 1 / frequency, None if pixel_nm is None else pixel_nm / frequency
