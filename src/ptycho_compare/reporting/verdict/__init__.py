"""The gate's verdict: its record, and the forms in which programs and people read it."""
