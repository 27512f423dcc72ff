"""The acceptance suite: the study's own checklist, run by ``pytest --pyargs pytest_ptycho.acceptance``."""
