"""Run a module as ``python -m`` does, for which TensorFlow's allocator has so many MiB of a GPU.

``python bounded.py MIB MODULE ARGUMENTS...``
"""

import runpy
import sys
from pathlib import Path

import tensorflow as tf

for gpu in tf.config.list_physical_devices("GPU"):
    part = tf.config.LogicalDeviceConfiguration(memory_limit=int(sys.argv[1]))
    tf.config.set_logical_device_configuration(gpu, [part])
sys.argv = sys.argv[2:]
sys.path[0] = str(Path.cwd())
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
