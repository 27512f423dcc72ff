"""What is on disk: whole files or none, fingerprints of results, saved work."""
