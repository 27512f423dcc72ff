"""Ways to run a network, a module each; importing this package loads none of them."""

from ptycho_compare.models.engines.onnxruntime import OnnxSession, open_onnx

__all__ = ["OnnxSession", "open_onnx"]
