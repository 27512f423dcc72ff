"""The numbers themselves, by their standard definitions, each with what its uncertainty takes.

Images come in one gauge and on one mask. Nothing here moves or scales anything.
"""
