"""A pickle that names classes of a program which need not be installed here.

``custom_objects.dill`` maps names to PtychoPINN's own classes by reference. Importing them would
take PtychoPINN; the opcodes of such a reference can be written without it.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping

CUSTOM_OBJECTS: dict[str, str] = {
    "ProbeIllumination": "ptycho.model",
    "IntensityScaler": "ptycho.model",
    "IntensityScaler_inv": "ptycho.model",
    "Translation": "ptycho.tf_helper",
    "CenterMaskLayer": "ptycho.tf_helper",
    "negloglik": "ptycho.model",
    "realspace_loss": "ptycho.tf_helper",
    "CombineComplexLayer": "ptycho.custom_layers",
    "ExtractPatchesPositionLayer": "ptycho.custom_layers",
    "PadReconstructionLayer": "ptycho.custom_layers",
    "ReassemblePatchesLayer": "ptycho.custom_layers",
    "TrimReconstructionLayer": "ptycho.custom_layers",
    "PadAndDiffractLayer": "ptycho.custom_layers",
    "FlatToChannelLayer": "ptycho.custom_layers",
    "ScaleLayer": "ptycho.custom_layers",
    "InvScaleLayer": "ptycho.custom_layers",
    "ActivationLayer": "ptycho.custom_layers",
    "SquareLayer": "ptycho.custom_layers",
}
"""Name to module of everything that PtychoPINN puts there."""


def pickle_of_globals(modules: Mapping[str, str]) -> bytes:
    """Pickle a dict of name to the global of that name, protocol 4.

    Parameters
    ----------
    modules : mapping of str to str
        Name to module.
    """
    opcodes = [pickle.PROTO, b"\x04", pickle.EMPTY_DICT, pickle.MARK]
    for name, module in modules.items():
        opcodes += [_text(name), _text(module), _text(name), pickle.STACK_GLOBAL]
    return b"".join([*opcodes, pickle.SETITEMS, pickle.STOP])


def _text(word: str) -> bytes:
    encoded = word.encode("utf-8")
    return pickle.SHORT_BINUNICODE + len(encoded).to_bytes(1, "little") + encoded
