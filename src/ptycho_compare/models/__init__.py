"""Trained networks: model files read without executing them, and one predictor per kind of arm.

Nothing heavy is loaded until a network is run, then its engine alone; `training` imports TensorFlow.
"""

import os
from pathlib import Path

# TensorFlow leaves oneDNN out on processors without AVX-512, and its other kernels add up in an order
# that depends on the size of a batch. It reads this once, when it is imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# TensorFlow tells on standard error what it was built for, and without a driver that it finds no GPU. What
# goes wrong is raised; with a GPU its errors are shown, too.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if Path("/dev/nvidiactl").exists() else "3")
