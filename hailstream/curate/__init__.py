"""Tables for analysts, computed from the archive by Spark and published a month at a time."""
