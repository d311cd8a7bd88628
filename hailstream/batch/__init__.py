"""What batch jobs share: the record of their runs, and that one at a time writes."""
