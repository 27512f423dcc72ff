"""Comparison of ptychographic reconstructions whose numbers can be trusted."""

__version__ = "0.1.0"
