"""PtychoPINN's networks built anew, trained, and written as the bundles that PtychoPINN reads.

Importing any module of this folder but `design` and `bundle_parameters` imports TensorFlow.
"""
