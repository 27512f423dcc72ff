"""Command lines: `ptycho-hub` and the drop-in `compare_models`."""
