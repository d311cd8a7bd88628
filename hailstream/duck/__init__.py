"""What DuckDB computes inside the tasks of batch jobs."""
