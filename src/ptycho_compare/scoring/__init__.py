"""Scores of reconstructions against a true object, or without one: mask, gauge, registration, metrics.

All images lie on one integer pixel grid, the true object's. `scorecard.score_arms` is the way in for
a comparison, `pair.score_pair` for any two arrays; the modules are the parts, each usable alone.
"""
