"""Kappa replay: a changed definition over the whole log, beside the live one, and in its place when it is done."""
