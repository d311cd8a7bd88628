"""Rows to Avro messages, a whole batch at once: the way back from :mod:`hailstream.decode`."""
