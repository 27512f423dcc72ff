"""The phases of a study, a folder each: how its data, networks and reconstructions are made and compared."""
