"""What is assumed: communities, programs, scenarios, deals and evidence, as data files with a schema."""
