"""ONNX networks from outside: read by our own walk, before any library of ONNX sees them.

What was understood is written anew (`encode`): a runtime is given the checked graph, never the file.
"""
