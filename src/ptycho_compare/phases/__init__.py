"""The phases of a study. Phase G compares: one comparison from plan to artifacts."""
