"""Measured data: read, checked, grouped once and normalised once for all arms."""
