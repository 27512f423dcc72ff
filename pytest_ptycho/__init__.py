"""pytest plugin: every comparison of a study becomes a marked acceptance test."""
