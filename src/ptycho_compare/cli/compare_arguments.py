"""The command line of `compare_models`: every flag of PtychoPINN's, and its meaning here."""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ptycho_compare.cli.parsing import OneLineParser, add_version
from ptycho_compare.cli.place_arguments import local_path
from ptycho_compare.scan.reading import Reading
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.metrics.ptychopinn import PtychoPinnSettings
from ptycho_compare.scoring.placement import PlacingSettings
from ptycho_compare.scoring.settings import ScoringSettings
from ptycho_compare.study import EngineName, Uncertainty

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

STANDARD_ONLY = {
    "phase_align_method": "phases are compared through the ratio to the truth, so no plane is fitted to them",
    "ms_ssim_sigma": "MS-SSIM is the published one, without a blur of the amplitude",
}
"""Flags that choose between PtychoPINN's definitions: of effect with --metrics ptychopinn."""

NO_EFFECT = {
    "fixed_canvas": "the canvas always covers all positions of the file",
    "register_ptychi_only": "our own canvases are never moved; only a ready-made reconstruction is",
}
"""Flags of PtychoPINN without a choice to make here; each use is logged."""

DEPRECATED = {
    "n_test_images": "n_test_groups",
    "n_subsample": "n_test_subsample",
    "subsample_seed": "test_subsample_seed",
}
"""Old spelling -> new spelling, used only where the new one is not given."""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser; help texts say where we differ from PtychoPINN."""
    parser = OneLineParser(
        prog="compare_models",
        description="Compare PtychoPINN, a Baseline and an iterative reconstruction on one split.",
        epilog="Exit status: 0 every arm is scored, 1 an arm failed, 2 bad arguments or bad input.",
    )
    add_version(parser)
    _add_inputs(parser)
    add_scan(parser)
    _add_sampling(parser)
    _add_inference(parser)
    add_scoring(parser)
    _add_registration(parser)
    _add_output(parser)
    return parser


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("inputs")
    group.add_argument("--pinn_dir", type=local_path, help="folder with PtychoPINN's wts.h5.zip")
    group.add_argument("--baseline_dir", type=local_path, help="folder with baseline_model.h5 or wts.h5.zip")
    group.add_argument(
        "--test_data", type=local_path, required=True, help="the split's scan: NPZ, HDF5 or CXI"
    )
    group.add_argument("--output_dir", type=local_path, required=True, help="where the artifacts go")
    group.add_argument(
        "--tike_recon_path",
        help="iterative reconstruction, FILE[:KEY]; inside a hub the split's own one is found without it",
    )
    group.add_argument(
        "--arm",
        action="append",
        default=[],
        metavar="NAME=PATH[:KEY]",
        type=_named,
        help="another arm: a ready-made reconstruction (NPZ, NPY, HDF5), a trained model, or a network in an "
        "ONNX file with its toml; repeatable",
    )
    group.add_argument(
        "--reconstructor",
        action="append",
        default=[],
        metavar="NAME=ENTRY[:ARGUMENT]",
        type=_named,
        help="another arm: a reconstructor that an installed package declares; repeatable",
    )
    group.add_argument(
        "--halves",
        action="append",
        default=[],
        nargs=3,
        metavar=("NAME", "FILE", "FILE"),
        help="two reconstructions of half the data each, of the ready-made arm NAME; repeatable",
    )


def add_scan(parser: argparse.ArgumentParser) -> None:
    """Declare what a user says of a scan file, which `ptycho-hub scan` has too."""
    group = parser.add_argument_group("scan file", "what the file does not say of itself")
    group.add_argument(
        "--diffraction-values", choices=("amplitude", "counts"), help="what images hold (default: found out)"
    )
    group.add_argument(
        "--diffraction-dc", choices=("centre", "corner"), help="where DC lies in them (default: found out)"
    )
    _add_positions(group)
    group.add_argument(
        "--geometry",
        choices=("checked", "as-given"),
        default="checked",
        help="as-given: score even where another geometry explains the images clearly better (checked)",
    )
    group.add_argument(
        "--mask-good", type=int, choices=(0, 1), help="which value of the mask is good (default: 0)"
    )
    group.add_argument(
        "--bad-from",
        type=_above_zero,
        metavar="NUMBER",
        help="stored numbers from here on mark bad pixels (default: found out)",
    )


def add_positions(parser: argparse.ArgumentParser) -> None:
    """Declare what a user says of where a scan went, where its images are not read."""
    _add_positions(parser.add_argument_group("scan file", "what the file does not say of itself"))


def _add_positions(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--scan-key",
        action="append",
        default=[],
        metavar="ROLE=KEY",
        type=_named,
        help="NPZ key or HDF5 path of diffraction, x, y, positions, positions_yx (row, column), probe, "
        "object or mask; repeatable",
    )
    group.add_argument(
        "--scan-unit",
        action="append",
        default=[],
        metavar="ROLE=UNIT",
        type=_named,
        help="unit of positions (px, um, ...), distance, pixel, wavelength or energy, before the file's own; "
        "repeatable",
    )
    group.add_argument(
        "--pixel-nm",
        type=_above_zero,
        help="side of an object pixel, nm; positions in a unit of length become px by it",
    )


def positions_reading_of(arguments: argparse.Namespace) -> Reading:
    """Gather the options of `add_positions`."""
    return Reading(
        keys=dict(arguments.scan_key),
        object_pixel_m=None if arguments.pixel_nm is None else arguments.pixel_nm * 1e-9,
        units=dict(arguments.scan_unit),
    )


def reading_of(arguments: argparse.Namespace) -> Reading:
    """Gather the options of `add_scan`."""
    return replace(
        positions_reading_of(arguments),
        values=arguments.diffraction_values,
        dc=arguments.diffraction_dc,
        geometry=arguments.geometry,
        mask_good=arguments.mask_good,
        bad_from=arguments.bad_from,
    )


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sampling")
    group.add_argument("--n-test-groups", type=_positive, help="groups compared, for all arms (default: all)")
    group.add_argument("--n-test-subsample", type=_positive, help="thin the scan to this many images")
    group.add_argument("--test-subsample-seed", type=_natural, help="seed of that draw")
    for old, new in DEPRECATED.items():
        kind = _natural if old.endswith("seed") else _positive
        group.add_argument(
            f"--{old.replace('_', '-')}", type=kind, help=f"deprecated: --{new.replace('_', '-')}"
        )
    group.add_argument("--neighbors", type=_positive, default=7, help="neighbours a group is drawn from (7)")
    group.add_argument("--seed", type=_natural, default=123, help="seed of the groups (123)")


def _add_inference(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("inference")
    group.add_argument(
        "--engine",
        choices=get_args(EngineName),
        default="onnxruntime",
        help="by what networks are run (onnxruntime)",
    )
    for arm in ("pinn", "baseline"):
        group.add_argument(
            f"--{arm}-chunk-size", type=_positive, help="groups after which progress is recorded"
        )
        group.add_argument(
            f"--{arm}-predict-batch-size", type=_positive, default=32, help="groups predicted at a time (32)"
        )
    group.add_argument(
        "--stitch-crop-size", type=int, default=20, help="central part of a patch used, px (20)"
    )
    group.add_argument("--fixed-canvas", action="store_true", help="accepted; the canvas is always fixed")
    group.add_argument(
        "--baseline-debug-limit", type=_positive, help="like --n-test-groups: holds for all arms"
    )
    group.add_argument("--baseline-debug-dir", type=local_path, help="write what the Baseline saw and gave")


def add_scoring(parser: argparse.ArgumentParser) -> None:
    """Declare the options of scoring, which `ptycho-hub score` has too."""
    group = parser.add_argument_group("scoring")
    group.add_argument(
        "--metrics",
        choices=("standard", "ptychopinn"),
        default="standard",
        help="whose definitions (standard); ptychopinn: that program's own, for continuity with old tables",
    )
    group.add_argument(
        "--reference",
        choices=("truth", "independent_half", "same_data"),
        default="truth",
        help="what the true object is (truth); the others were reconstructed themselves",
    )
    group.add_argument(
        "--ramp",
        choices=("free", "kept"),
        help="whether a linear phase ramp is removed before scoring "
        "(default: of reconstructions whose file holds a probe that was retrieved with them)",
    )
    group.add_argument(
        "--search-radius", type=_above_zero, default=8.0, help="how far a frame is searched, px (8)"
    )
    group.add_argument("--frc-sigma", type=_not_negative, default=0.0, help="smooth the FRC curve, rings (0)")
    group.add_argument(
        "--phase-align-method", choices=("plane", "mean"), help="of effect with --metrics ptychopinn (plane)"
    )
    group.add_argument(
        "--ms-ssim-sigma", type=_not_negative, help="of effect with --metrics ptychopinn: blur, px (1)"
    )
    group.add_argument(
        "--bootstrap-draws",
        type=_as_in_a_study(Uncertainty, "draws"),
        default=1000,
        help="replicates behind each interval (1000); 0: none",
    )
    block = _as_in_a_study(Uncertainty, "block_px")
    group.add_argument("--block-px", type=block, help="side of the blocks drawn, px (default: by size)")


def _add_registration(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("registration, halves and patches")
    group.add_argument(
        "--skip-registration", action="store_true", help="take the iterative frame as it is laid"
    )
    group.add_argument("--register-ptychi-only", action="store_true", help="accepted; this is what happens")
    group.add_argument(
        "--half-data",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="networks reconstruct each half of the data too (default: where there is no truth)",
    )
    group.add_argument(
        "--patches",
        type=_natural,
        default=0,
        help="patches of each network that are scored before they are stitched (0)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--p_min", type=_percent, default=10.0, help="lower percentile of plot colours (10)")
    group.add_argument("--p_max", type=_percent, default=90.0, help="upper percentile of plot colours (90)")
    for arm in ("pinn", "baseline"):
        group.add_argument(f"--{arm}_phase_vmin", type=_finite, help="lower phase colour limit; needs vmax")
        group.add_argument(f"--{arm}_phase_vmax", type=_finite, help="upper phase colour limit; needs vmin")
    for name in ("npz", "npz-aligned"):
        group.add_argument(
            f"--save-{name}",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="arrays of all arms (on)",
        )
    group.add_argument("--save-debug-images", action="store_true", help="raw canvases as PNG")
    loudness = group.add_mutually_exclusive_group()
    loudness.add_argument("--quiet", action="store_true", help="nothing on the console but the result")
    loudness.add_argument("--verbose", action="store_true", help="everything on the console")
    loudness.add_argument("--console-level", choices=LEVELS, default="INFO", help="lowest level shown (INFO)")


def console_level(arguments: argparse.Namespace) -> int | None:
    """Lowest level for the console; None for none."""
    if arguments.quiet:
        return None
    return logging.DEBUG if arguments.verbose else int(getattr(logging, arguments.console_level))


def check_together(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse flags that contradict each other, before anything is read."""
    if not (arguments.pinn_dir or arguments.baseline_dir or arguments.arm or arguments.reconstructor):
        parser.error("no arm to compare; give --pinn_dir and --baseline_dir, or --arm NAME=PATH")
    if arguments.skip_registration and arguments.register_ptychi_only:
        parser.error("--skip-registration and --register-ptychi-only contradict each other; give one")
    if arguments.p_min >= arguments.p_max:
        parser.error(f"--p_min {arguments.p_min:g} is not below --p_max {arguments.p_max:g}")
    for arm in ("pinn", "baseline"):
        limits = getattr(arguments, f"{arm}_phase_vmin"), getattr(arguments, f"{arm}_phase_vmax")
        if None not in limits and limits[0] >= limits[1]:
            parser.error(f"--{arm}_phase_vmin {limits[0]:g} is not below --{arm}_phase_vmax {limits[1]:g}")


def scoring_settings(arguments: argparse.Namespace, *, free_ramp: bool | None) -> ScoringSettings:
    """Gather the options of `add_scoring`; `free_ramp` holds where --ramp is not given."""
    return ScoringSettings(
        placing=PlacingSettings(search_radius_px=arguments.search_radius),
        free_ramp=free_ramp if arguments.ramp is None else arguments.ramp == "free",
        reference=arguments.reference,
        metrics=arguments.metrics,
        frc_sigma=arguments.frc_sigma,
        resampling=Resampling(draws=arguments.bootstrap_draws, block_px=arguments.block_px),
        ptychopinn=PtychoPinnSettings(
            phase_align=arguments.phase_align_method or "plane",
            frc_sigma=arguments.frc_sigma,
            ms_ssim_sigma=1.0 if arguments.ms_ssim_sigma is None else arguments.ms_ssim_sigma,
        ),
    )


def _named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative")
    return value


def _as_in_a_study(section: type[BaseModel], key: str) -> Callable[[str], Any]:
    """Read an option as a study's key of the same meaning: what it may be is stated there."""

    def read(text: str) -> Any:
        try:
            return getattr(section.model_validate_strings({key: text}), key)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(f"{text:.40}: {error.errors()[0]['msg']}") from None

    return read


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number from 0 on")
    return value


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number above 0")
    return value


def _percent(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not a percentile from 0 to 100")
    return value
