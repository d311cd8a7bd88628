"""The event log as Parquet files: every record of the event topics, for as long as anybody keeps them."""
