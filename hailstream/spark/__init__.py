"""Batch: the archive read by Spark, and the metrics of :mod:`hailstream.windows` compiled to its SQL."""
