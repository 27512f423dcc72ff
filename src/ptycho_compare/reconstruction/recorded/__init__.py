"""Frames as the field's programs record them: a module per program.

Each has one function that reads the frame of an image from its open file, and gives None where the file
was not written by that program or does not say all that is needed.
"""
