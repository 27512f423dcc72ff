"""Ways to run a network, a module each; importing this package loads none of their libraries."""

from ptycho_compare.models.engines.identity import engine_settings, libraries_of, with_engine
from ptycho_compare.models.engines.onnx_session import OnnxSession, open_onnx

__all__ = ["OnnxSession", "engine_settings", "libraries_of", "open_onnx", "with_engine"]
