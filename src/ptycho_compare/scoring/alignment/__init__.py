"""Differences taken out before two fields are compared: shift, gain, phase ramp.

All in the complex field, without unwrapping a phase. Nothing here knows of arms or scores.
"""
