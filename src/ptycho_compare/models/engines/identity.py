"""By what a comparison's networks were run, as its settings and its fingerprint say it; nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ptycho_compare.study import EngineName
from ptycho_compare.untrusted.onnx.read import is_onnx

OPTIMISATION: Mapping[EngineName, str] = {"onnxruntime": "all", "tensorflow": "default"}
"""Level of graph optimisation. ONNX Runtime's others round convolutions differently, by 2e-6."""
_COMPUTING = ("numpy", "scipy", "scikit-image")
_BEFORE_ENGINES: EngineName = "tensorflow"
_ONNX_RUN_BY: EngineName = "onnxruntime"


def engine_settings(name: EngineName) -> dict[str, str]:
    """Return what is recorded of an engine; its version stands among those of the libraries."""
    return {"name": name, "optimisation": OPTIMISATION[name]}


def with_engine(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comparison's settings; of one from before there were engines, TensorFlow ran the networks."""
    return {"engine": engine_settings(_BEFORE_ENGINES), **settings}


def libraries_of(settings: Mapping[str, Any], files: Iterable[Path]) -> tuple[str, ...]:
    """Return the distributions that a comparison's numbers depend on.

    They are the engine's own and, where one of the files is an ONNX network, ONNX Runtime, by which those
    are run whatever the engine is.
    """
    engine = with_engine(settings)["engine"]
    name = engine.get("name") if isinstance(engine, Mapping) else engine
    of_networks = [_ONNX_RUN_BY] if any(is_onnx(path) for path in files) else []
    return tuple(dict.fromkeys([*_COMPUTING, str(name), *of_networks]))
