"""Networks of anybody's, as ONNX files: what they expect is said in a toml, the rest is as for any arm."""

from ptycho_compare.models.own.declaration import Declaration, declaration_beside, read_declaration
from ptycho_compare.models.own.inspect_own import inspect_own, read_own
from ptycho_compare.models.own.own_network import kept_part, load_own, own_predictor

__all__ = [
    "Declaration",
    "declaration_beside",
    "inspect_own",
    "kept_part",
    "load_own",
    "own_predictor",
    "read_declaration",
    "read_own",
]
