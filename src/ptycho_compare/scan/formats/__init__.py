"""Formats of scan files: a module per container (NPZ, HDF5) and per way of naming the arrays in it.

A container gives arrays by key, a format says which key means what, and images stay where
they are until they are asked for. `interpretation` decides what they mean.
"""
