"""What a comparison leaves behind for people and for later programs: tables, arrays, figures.

Every file is whole or absent, and equal results give equal bytes. Libraries that are slow
to load are imported where they are used.
"""
