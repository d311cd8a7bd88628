"""How fast Hailstream is: ``python -m bench --help``, or ``make bench``.

Every benchmark runs on a stack of its own, on free ports and in a temporary
folder, and leaves nothing behind but its figures. Start-up is never in a
figure: rates are taken between two moments of steady work. Machines are shared
and noisy, so every rate comes with the processor time it cost.
"""
