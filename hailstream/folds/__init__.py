"""Folds on a cluster: how events reach them in packets, and how what they know outlives a process.

A keyed Python function pays for each element, so events travel packed, those of
a batch and shard together (:mod:`.packets`); a shard's fold lives in memory and
can be had again from a snapshot and the packets since (:mod:`.living`).
Which folds there are, and what they read, is in :mod:`.groups`.
"""
