"""What is taken out before two fields are compared: where one lies, its gain, its phase ramp.

All in the complex field, without unwrapping a phase. Nothing here knows of arms or scores.
"""
