"""How many trips will start in a zone: the model, what it learns from history, and its live state.

What is usual in a zone at a time of the week is learned from history (:mod:`.learn`) and handed
on as profiles (:mod:`.profile`). :mod:`.forecast` follows the starts as they happen and says
what is to come, with an interval (:mod:`.interval`) and the error of its last day.
"""
