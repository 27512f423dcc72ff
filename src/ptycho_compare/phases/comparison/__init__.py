"""Phase G, compare: one comparison from plan to artifacts, as a job; adoption of results from elsewhere."""
