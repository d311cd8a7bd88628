"""Spark Structured Streaming doing the work of job city, in an environment of its own."""
