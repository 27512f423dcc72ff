"""Trained networks: model files read without executing them, and one predictor per kind of arm.

`bundle` inspects a model file and needs no TensorFlow; `predictor` runs the network and
imports TensorFlow only when a model is loaded.
"""
