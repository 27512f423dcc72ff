"""ONNX networks from outside: read by our own walk, before any library of ONNX sees them.

What was understood is written anew (`encode`): a runtime is given the checked graph, never the file.
"""

from ptycho_compare.untrusted.onnx.contents import OnnxGraph, OnnxNode, OnnxTensor, OnnxValue
from ptycho_compare.untrusted.onnx.encode import encoded
from ptycho_compare.untrusted.onnx.measure import Footprint, measured
from ptycho_compare.untrusted.onnx.read import MAX_ONNX_BYTES, is_onnx, parse_onnx, read_bytes

__all__ = [
    "MAX_ONNX_BYTES",
    "Footprint",
    "OnnxGraph",
    "OnnxNode",
    "OnnxTensor",
    "OnnxValue",
    "encoded",
    "is_onnx",
    "measured",
    "parse_onnx",
    "read_bytes",
]
