"""Forecasts around the model (:mod:`hailstream.domain.forecast`): learning from ClickHouse, and evaluation on files."""
