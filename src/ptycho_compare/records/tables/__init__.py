"""The tables of a comparison as CSV: scores, ring correlation, and every two arms side by side."""
