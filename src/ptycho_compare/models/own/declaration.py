"""``net.toml``: what the network in ``net.onnx`` expects of its images, and what comes out of it.

It lies beside the file, or stands as text in the file's own metadata. What it does not say is asked for.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from ptycho_compare.errors import BundleError, did_you_mean
from ptycho_compare.models.own.turning import OrientationName
from ptycho_compare.study.comparing import Section
from ptycho_compare.study.toml_problems import first_problem
from ptycho_compare.untrusted.onnx.contents import OnnxGraph
from ptycho_compare.untrusted.regular import load_toml, read_bytes

METADATA_KEY = "ptycho_network"
"""Under which an ONNX file may hold the text of its toml."""
MAX_TOML_BYTES = 1 << 20

SCALES = ("none", "k", "image sum", "image maximum")
InputAxes = Literal["BCHW", "BHWC", "BHW", "CHW", "HWC", "HW"]
"""Order of batch, channels (the images of a group, or planes), rows and columns."""


def _scale(value: str | float) -> str | float:
    if isinstance(value, str) and value not in SCALES:
        raise ValueError(f"needed: {', '.join(map(repr, SCALES))} or a number{did_you_mean(value, SCALES)}")
    if not isinstance(value, str) and not 0 < value < math.inf:
        raise ValueError("needed: a finite number above 0")
    return value


def _range(value: str | tuple[float, float]) -> str | tuple[float, float]:
    if isinstance(value, str) and value != "radians":
        raise ValueError("needed: 'radians', or the two numbers that stand for -pi and pi")
    if not isinstance(value, str) and not (math.isfinite(sum(map(abs, value))) and value[0] < value[1]):
        raise ValueError("needed: two finite numbers, the lower first")
    return value


class NetworkInput(Section):
    """What goes in.

    Attributes
    ----------
    values : str
        ``amplitude``, or its square: ``intensity``, or ``counts`` where the network was trained on photons.
    zero_frequency : str
        Where it lies in an image.
    scale : str or float
        ``none``: as measured; ``k``: the amplitude times k, the scan's one normalisation, before it is
        squared; every image divided by its own sum or maximum; or a number, by which values are multiplied.
    factor : float
        Multiplies besides.
    orientation : str
        What is done to an image before it goes in, about zero frequency.
    axes : str or None
        Left out: found from the shape, where that leaves no choice.
    name : str or None
        Of the input, where there is more than one.
    """

    values: Literal["amplitude", "intensity", "counts"]
    zero_frequency: Literal["centre", "corner"]
    scale: Annotated[str | float, AfterValidator(_scale)]
    factor: PositiveFloat = 1.0
    orientation: OrientationName = "as given"
    axes: InputAxes | None = None
    name: str | None = None


class NetworkOutput(Section):
    """What comes out.

    Attributes
    ----------
    values : str
        What a patch is made of.
    planes : tuple of str
        Where each part comes out: the name of an output, or ``name[1]``, ``name[0:4]`` for channels of it.
    phase_range : str, tuple of float or None
        ``radians``, or the two numbers that stand for -pi and pi.
    orientation : str or None
        What is done to a patch that came out, about its pixel [N//2, N//2]. Left out: what undoes the
        orientation of the input.
    axes : str or None
        As for the input.
    """

    values: Literal["amplitude and phase", "real and imaginary", "phase", "amplitude"]
    planes: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)]
    phase_range: Annotated[str | tuple[float, float], AfterValidator(_range)] | None = None
    orientation: OrientationName | None = None
    axes: InputAxes | None = None

    @model_validator(mode="after")
    def _of_these_values(self) -> NetworkOutput:
        parts = self.values.split(" and ")
        if len(self.planes) != len(parts):
            raise ValueError(f"'planes' names {len(self.planes)}, and {self.values} needs {len(parts)}")
        if "phase" in parts and self.phase_range is None:
            raise ValueError(
                "'phase_range' is missing: 'radians', or the two numbers that stand for -pi and pi"
            )
        return self


class NetworkGroup(Section):
    """How many images make a group, and what of it comes out.

    Attributes
    ----------
    size : int
        C.
    patches : str
        ``merged``: one patch about the mean position; ``separate``: C of them, each about its own.
    offsets : str
        Shape in which the network takes -(position - mean) in px, x first; ``none``: it does not.
    offsets_input : str or None
        Name of that input.
    """

    size: PositiveInt = 1
    patches: Literal["merged", "separate"] = "merged"
    offsets: Literal["none", "(1, 2, C)", "(C, 1, 2)"] = "none"
    offsets_input: str | None = None

    @model_validator(mode="after")
    def _offsets_are_named(self) -> NetworkGroup:
        if (self.offsets == "none") != (self.offsets_input is None):
            raise ValueError("'offsets' and 'offsets_input' belong together: a shape, and the input's name")
        return self


class Declaration(Section):
    """A whole ``net.toml``."""

    input: NetworkInput
    output: NetworkOutput
    group: NetworkGroup = NetworkGroup()


def declaration_beside(network: Path) -> Path | None:
    """Return the toml that lies beside an ONNX file; None where there is none."""
    beside = network.with_suffix(".toml")
    return beside if network.suffix.lower() == ".onnx" and beside.is_file() else None


def read_declaration(network: Path, graph: OnnxGraph) -> tuple[Declaration, bytes]:
    """Read what is said of a network, and the bytes it stands in.

    Raises BundleError when nothing is said, or something is wrong or missing: one line, which names the
    file, the line and the keys.
    """
    beside = declaration_beside(network)
    if beside is not None:
        content = read_bytes(beside, max_bytes=MAX_TOML_BYTES)
        return parse_declaration(content, beside), content
    if METADATA_KEY in graph.metadata:
        content = graph.metadata[METADATA_KEY].encode()
        return parse_declaration(content, f"{network}: metadata '{METADATA_KEY}'"), content
    toml = network.with_suffix(".toml")
    raise BundleError(
        f"{network}: what this network expects and gives is said nowhere: there is no {toml.name} beside it; "
        f"write it (docs/own_networks.md), or let it be found: ptycho-hub network {network} --scan SCAN"
    )


def parse_declaration(content: bytes, label: Path | str) -> Declaration:
    """Read a declaration from its text; raises BundleError."""
    try:
        text = content.decode()
        return Declaration.model_validate(load_toml(text))
    except UnicodeDecodeError as error:
        raise BundleError(f"{label}: is not UTF-8 text (byte {error.start})") from None
    except ValidationError as error:
        raise BundleError(first_problem(label, text, error, Declaration)) from None
    except ValueError as error:
        raise BundleError(f"{label}: {error}") from None
