"""Schema history, in the wheel so that `testmesh serve` can bring any database up to date."""
