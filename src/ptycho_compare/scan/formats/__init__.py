"""What scan files hold: one file per container (NPZ, HDF5) and per way of naming what is in it.

A container gives arrays by key, a format says which key means what, and images stay where
they are until they are asked for. What the images mean is decided outside.
"""
