"""Flink jobs that only benchmarks run."""
