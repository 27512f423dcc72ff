"""TensorFlow without Keras, for networks that are run and not trained.

``import tensorflow`` loads all of Keras at once, and Keras loads scikit-learn, pandas and pyplot wherever
they are installed: 2.6 of 6.6 seconds of a processor. It leaves Keras out where it is told that ``tf.keras``
is to be Keras 2, a package of its own that hardly anybody has. It asks anew when ``tf.keras`` is first used:
that stays what it was for whoever uses it in the same process.
"""

from __future__ import annotations

import os

_SWITCH = "TF_USE_LEGACY_KERAS"

_before = os.environ.get(_SWITCH)
os.environ[_SWITCH] = "1"
try:
    import tensorflow as tf
finally:
    del os.environ[_SWITCH]
    if _before is not None:
        os.environ[_SWITCH] = _before

__all__ = ["tf"]
