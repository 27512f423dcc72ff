"""`ptycho-hub scan`: what is understood of a scan file, and what is not, with the option that settles it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import scipy

from ptycho_compare.cli.compare_arguments import add_scan, reading_of
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.errors import InputError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.geometry import GeometryCheck, check_geometry
from ptycho_compare.reconstruction.image_file import open_image_file
from ptycho_compare.scan.read import Scan, open_scan
from ptycho_compare.untrusted.bzip2 import BZIP2_MAGIC

_FEW = 64
_SHOWN = 40


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("scan", help="show what is understood of a scan file")
    parser.add_argument("file", type=Path, help="NPZ, HDF5, CXI or .ptyd")
    add_scan(parser)
    parser.set_defaults(run=_scan)


def _scan(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    """Show the arrays first: they help where the file is not understood, and the error says how to go on."""
    path: Path = arguments.file
    arrays = _arrays(path)
    reading = reading_of(arguments)
    try:
        with open_scan(path, reading=reading) as scan:
            _print("holds", _listed(arrays, scan.roles, scan.units))
            check = _check(scan)
            _print("understood", _understood(scan, check))
            _print("unusual", scan.warnings)
            _print("not settled", _not_settled(scan, check))
    except InputError:
        _print("holds", _listed(arrays, {}, {}))
        raise
    amiss = bool(check.better) or check.unexplained
    return ExitCode.BAD_INPUT if amiss and reading.geometry == "checked" else ExitCode.OK


def _print(title: str, lines: Sequence[str] | Iterator[str]) -> None:
    shown = list(lines)
    if shown:
        print(f"{title}:")
    for line in shown:
        # a name from a file may hold anything
        print("  " + "".join(each if each.isprintable() else "?" for each in line))


def _arrays(path: Path) -> dict[str, str]:
    """Shape and type of every array, by key."""
    if path.is_file():
        with path.open("rb") as stream:
            if stream.read(len(BZIP2_MAGIC)) == BZIP2_MAGIC:
                return {}  # unpacked when it is read
    with open_image_file(path) as file:
        return {key: f"{kind.shape} {kind.dtype}" for key, kind in file.arrays().items()}


def _listed(arrays: Mapping[str, str], roles: Mapping[str, str], units: Mapping[str, str]) -> Iterator[str]:
    taken: dict[str, list[str]] = {}
    for role, key in roles.items():
        taken.setdefault(key.strip("/"), []).append(role)
    shown = {key.strip("/"): kind for key, kind in arrays.items()}
    shown |= {key: "(reached by a link, or packed)" for key in taken if key not in shown}
    stated = {key.strip("/"): unit for key, unit in units.items()}
    ordered = sorted(shown, key=lambda key: key not in taken)
    widths = [max((len(each) for each in column), default=0) for column in (shown, shown.values())]
    for key in ordered[:_SHOWN]:
        use = " and ".join(taken.get(key, ())) or ("not used" if roles else "")
        unit = f", in {stated[key]}" if key in stated else ""
        yield f"{key:<{widths[0]}}  {shown[key]:<{widths[1]}}  {use}{unit}".rstrip()
    if len(ordered) > _SHOWN:
        yield f"... and {len(ordered) - _SHOWN} more"


def _understood(scan: Scan, check: GeometryCheck) -> Iterator[str]:
    yield f"images      {scan.diffraction.count} of {scan.patch_px} x {scan.patch_px}, {_images(scan)}"
    yield f"positions   {_positions(scan)}"
    yield f"probe       {_probe(scan)}"
    if scan.truth is not None:
        yield f"object      {scan.truth.shape[0]} x {scan.truth.shape[1]}, taken as the truth"
    yield f"lengths     {_lengths(scan)}"
    yield f"geometry    {check.reason}"


def _not_settled(scan: Scan, check: GeometryCheck) -> Iterator[str]:
    """What a comparison goes without, or may get wrong, and the option that says it."""
    if check.better or check.unexplained:
        yield "the geometry: mend the file, --scan-key positions_yx=KEY, or --geometry as-given"
    if scan.modes is None:
        yield "no probe, so no residual: --scan-key probe=KEY"
    if scan.truth is None:
        yield "no true object, so arms are judged by residual and agreement: --scan-key object=KEY"
    if scan.optics.object_pixel_m is None:
        yield "the object pixel, so cut-offs are in px alone: --pixel-nm"
    elif scan.optics.object_pixel_m == scan.optics.far_field_pixel_m(scan.patch_px):
        yield "far field is taken for granted; in the near field say the object pixel: --pixel-nm"


def _images(scan: Scan) -> str:
    few = np.unique(np.linspace(0, scan.diffraction.count - 1, _FEW).astype(int))
    bad = float((~scan.diffraction.read_measured(few)[1]).mean())
    marked = f", {100 * bad:.2g} % of the pixels are bad" if bad else ", no pixel is bad"
    return f"{scan.values}, zero frequency in the {scan.dc}{marked}"


def _positions(scan: Scan) -> str:
    width, height = np.ptp(scan.positions, axis=0)
    left, top = scan.positions.min(axis=0)
    text = f"x from {left:.4g} over {width:.4g} px, y from {top:.4g} over {height:.4g} px"
    if len(scan.positions) > 1:
        distances = np.asarray(scipy.spatial.KDTree(scan.positions).query(scan.positions, k=2)[0])
        text += f", neighbours {np.median(distances[:, 1]):.3g} px apart"
    return text


def _probe(scan: Scan) -> str:
    if scan.modes is None:
        return "none"
    energy = (np.abs(scan.modes.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    shares = ", ".join(f"{100 * each:.3g} %" for each in energy / energy.sum())
    count = len(scan.modes)
    return (
        f"{scan.patch_px} x {scan.patch_px}, {count} mode{'s' if count > 1 else ''} ({shares} of the light)"
    )


def _lengths(scan: Scan) -> str:
    optics = scan.optics
    known = {
        "wavelength": optics.wavelength_m,
        "distance": optics.distance_m,
        "detector pixel": optics.detector_pixel_m,
        "object pixel": optics.object_pixel_m,
    }
    said = ", ".join(f"{name} {value:.4g} m" for name, value in known.items() if value is not None)
    return said or "not known"


def _check(scan: Scan) -> GeometryCheck:
    if scan.truth is None or scan.modes is None:
        missing = "object" if scan.truth is None else "probe"
        return GeometryCheck("the truth", f"not checked: there is no {missing}; a comparison asks its arms")
    shape = scan.truth.shape
    return check_geometry(
        scan.truth,
        np.ones(shape, np.bool_),
        scan.diffraction,
        scan.positions,
        scan.modes,
        grid=Grid((0, 0), (shape[0], shape[1])),
        images=np.arange(scan.diffraction.count),
        movable=False,
        through="the truth",
    )
