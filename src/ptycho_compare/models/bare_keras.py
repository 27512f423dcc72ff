"""Keras without scikit-learn, pandas and pyplot, for training.

``import keras`` loads them wherever they are installed, for estimators, data frames and galleries, which
training has no use for: 1.4 of 2.0 seconds of a processor. It does without each that is missing, so they
are out of its sight while it loads. What is loaded by then stays, and all can be imported later.
"""

from __future__ import annotations

import sys

_UNUSED = ("matplotlib.pyplot", "pandas", "sklearn")

_hidden = [name for name in _UNUSED if name not in sys.modules]
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]  # importing a None raises ImportError
try:
    import keras
finally:
    for _name in _hidden:
        del sys.modules[_name]

__all__ = ["keras"]
