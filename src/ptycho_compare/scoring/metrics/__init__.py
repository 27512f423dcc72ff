"""The numbers by their standard definitions, each with the sums behind its uncertainty.

Images come in one gauge and on one mask. Nothing here moves or scales anything.
"""
