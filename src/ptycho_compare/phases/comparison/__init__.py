"""Phase G, compare: one comparison from plan to artifacts, as a job; adoption of results from elsewhere."""

COMPUTED_BY = "ptycho_compare.phases.comparison.compare"
"""Where a comparison's numbers begin: what that module imports is the code they rest on."""
