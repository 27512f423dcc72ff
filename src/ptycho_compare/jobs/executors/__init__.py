"""Where jobs run: one file per way, and the Protocol that all follow."""
