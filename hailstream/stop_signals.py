"""Commands that go on until they are asked to end."""

from __future__ import annotations

import queue
import signal
import threading


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set. To be called in the main thread.

    A handler must not set it itself: it runs in the middle of whatever the main thread does, and if that is
    ``wait()`` holding the event's lock, ``set()`` waits for that lock for ever. Putting into a ``SimpleQueue``
    is safe there (it is documented as reentrant), and a thread does the rest.
    """
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    stop = threading.Event()

    def set_when_asked() -> None:
        asked.get()
        stop.set()

    threading.Thread(target=set_when_asked, name="stop-on-signals", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: asked.put(number))
    return stop
