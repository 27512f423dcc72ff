"""Records rendered for people: figures, the page, texts over a study, lines on a terminal.

Every file is whole or absent, and equal results give equal bytes. Libraries that are slow
to load are imported where they are used.
"""
