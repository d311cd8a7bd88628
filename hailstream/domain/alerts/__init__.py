"""Alerts on fraud and speed: the rules, what each needs, and what it says.

Rules that need one event judge columns (:mod:`.single`). The others are folds:
of a driver's trips (:mod:`.drivers`), of a zone's fares (:mod:`.outliers`,
:mod:`.refunds`) and of open rides (:mod:`.rides`).
"""
