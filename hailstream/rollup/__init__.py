"""Events of a minute, kept packed by the batch and counted by the column.

A stateful operator that takes events one by one pays for each of them; one that
takes them packed pays for each packet. So the events of a batch travel as one
Arrow record batch per minute (:mod:`.packing`), wait in Flink's state until the
minute closes, and are then counted all at once: duplicates out, sums per zone
(:mod:`.tally`).
"""
