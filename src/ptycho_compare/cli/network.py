"""`ptycho-hub network` and `export`: what an ONNX network expects, found by R; a trained bundle as ONNX."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.cli.compare_arguments import add_scan, reading_of
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import local_path
from ptycho_compare.errors import ArchiveError, BundleError, InputError
from ptycho_compare.models.bundle import find_model
from ptycho_compare.models.own.candidates import described, readings_of
from ptycho_compare.models.own.ends import fit
from ptycho_compare.models.own.toml_text import toml_of
from ptycho_compare.printable import one_line
from ptycho_compare.reconstruction.geometry import SIMPLER
from ptycho_compare.reconstruction.network_search import RankedReadings, rank_readings
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import Scan, open_scan
from ptycho_compare.storage.files import atomic_path
from ptycho_compare.untrusted.onnx.contents import OnnxGraph
from ptycho_compare.untrusted.onnx.read import is_onnx, parse_onnx, read_bytes

_SHOWN = 5


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    parser = commands.add_parser("network", help="find out what an ONNX network expects, and write its toml")
    parser.add_argument("file", type=local_path, help="the network, net.onnx; net.toml is written beside it")
    parser.add_argument("--scan", type=local_path, required=True, help="a scan like those it was trained on")
    parser.add_argument("--neighbors", type=int, default=7, help="neighbours a group is drawn from (7)")
    parser.add_argument("--clobber", action="store_true", help="write over a toml that is there")
    add_scan(parser)
    parser.set_defaults(run=_network)
    parser = commands.add_parser("export", help="write a trained bundle as an ONNX network with its toml")
    parser.add_argument("bundle", type=local_path, help="wts.h5.zip or baseline_model.h5, or its folder")
    parser.add_argument("file", type=local_path, help="net.onnx; net.toml is written beside it")
    parser.add_argument("--clobber", action="store_true", help="write over files that are there")
    parser.set_defaults(run=_export)


def _network(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    path: Path = arguments.file
    toml = path.with_suffix(".toml")
    if toml.exists() and not arguments.clobber:
        raise InputError(f"{toml}: is there already; --clobber writes over it")
    try:
        graph = parse_onnx(read_bytes(path), label=str(path))
        size, side = _taken(graph, path)
    except ArchiveError as error:
        raise BundleError(str(error)) from error
    with open_scan(arguments.scan, reading=reading_of(arguments)) as scan:
        if side != scan.patch_px:
            raise BundleError(f"{path}: takes images of {side} px and {scan.path} holds {scan.patch_px}")
        plan = draw_plan(scan, group_size=size, groups=None, neighbors=arguments.neighbors, seed=0)
        ranked = rank_readings(graph, scan, plan, label=str(path))
        _show(ranked, scan)
        best = ranked.best
        told = f"R {best.r_factor:.4f} on {best.images} images, {best.shuffled:.4f} with positions shuffled"
        if not ranked.explains:
            raise BundleError(
                f"{path}: no reading explains the images of {scan.path}: the best has {told}; write the toml "
                "(docs/own_networks.md)"
            )
    with atomic_path(toml) as temporary:
        temporary.write_text(
            toml_of(ranked.tried[0].said, remark=f"found by ptycho-hub network: {told}"), encoding="utf-8"
        )
    print(f"written: {toml}")
    return ExitCode.OK


def _export(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    # onnx: only when something is exported
    from ptycho_compare.models.own.export import exported

    path: Path = arguments.file
    toml = path.with_suffix(".toml")
    if not is_onnx(path):
        raise InputError(f"{path}: give a name that ends in .onnx")
    there = [each for each in (path, toml) if each.exists()]
    if there and not arguments.clobber:
        raise InputError(f"{there[0]}: is there already; --clobber writes over it")
    content, text = exported(find_model(arguments.bundle))
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    with atomic_path(toml) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"written: {path} and {toml}")
    return ExitCode.OK


def _taken(graph: OnnxGraph, path: Path) -> tuple[int, int]:
    """How many images the network takes at a time, and their side, px."""
    said = readings_of(graph, label=str(path))[0]
    return said.group.size, fit(graph, said, label=str(path)).patch_px


def _show(ranked: RankedReadings, scan: Scan) -> None:
    first, *others = ranked.tried
    print(f"{len(ranked.tried)} readings tried on {ranked.best.images} images of {scan.path}, by R:")
    for each in ranked.tried[:_SHOWN]:
        print(f"  {each.r_factor:.4f}  {one_line(described(each.said))}")
    close = [each for each in others if each.rank <= first.rank * (1 + SIMPLER)]
    if close:
        print(f"  {len(close)} of the others are hardly worse: the first is the plainest of them, look at it")
