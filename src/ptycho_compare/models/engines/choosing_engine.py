"""Engines by name."""

from __future__ import annotations

from ptycho_compare.models.engines.engine import Engine
from ptycho_compare.study import EngineName


def engine_named(name: EngineName) -> Engine:
    """Return an engine; its library is loaded, and no other engine's."""
    if name == "tensorflow":
        from ptycho_compare.models.engines.tensorflow import TensorFlow

        return TensorFlow()
    from ptycho_compare.models.engines.onnxruntime import OnnxRuntime

    return OnnxRuntime()
