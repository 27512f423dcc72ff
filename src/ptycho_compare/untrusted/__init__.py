"""Files from outside, read without executing anything in them.

Pickles pass a reader that knows a short list of harmless globals, zip members are read
in memory under a size cap, HDF5 files are searched for links that leave the file, and ONNX networks are
walked, measured and written anew before a runtime is given them.
"""
