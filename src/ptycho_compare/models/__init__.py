"""Trained networks: model files read without executing them, and one predictor per kind of arm.

Only loading a model, and `training`, import TensorFlow.
"""
