"""Trained networks: model files read without executing them, and one predictor per kind of arm.

Nothing heavy is loaded until a network is run, then its engine alone; `training` imports TensorFlow.
"""

import os
from pathlib import Path

# TensorFlow leaves oneDNN out on processors without AVX-512, and its other kernels add up in an order
# that depends on the size of a batch. It reads this once, when it is imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Errors that matter are raised. Without a driver TensorFlow logs one that means "no GPU"; with one its errors
# are shown, and nothing less. The few lines that it writes before its log is set up come in any case.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if Path("/dev/nvidiactl").exists() else "3")
