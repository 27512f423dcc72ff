"""Phases C to G of one dose and view as a plan of steps: run, reused, stopped and gone on with."""
