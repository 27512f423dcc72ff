"""Executors: one file per place where jobs run, and the protocol that all follow."""
