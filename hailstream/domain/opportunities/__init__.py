"""Where to drive next: routes that are driven most, areas that pay best, drivers with the most tips.

The two rankings are those of the DEBS 2015 Grand Challenge, on its grid and by
taxi zone (:mod:`.fold`); best tips are those of the Flink training's exercise
(:mod:`.tips`). How open details are read is in ``docs/opportunities.md``.
"""
