"""Reports over all comparisons of a hub: `written.STUDY_REPORTS` lists each with what renders it."""
