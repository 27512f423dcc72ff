"""One file per file of the hub: its schema, its writer and its reader together."""
