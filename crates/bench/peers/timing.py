"""Times of a function."""

import time


def seconds(run, budget):
    """Runs for about `budget` seconds, at least once after two runs to warm up: the best time and how many runs."""
    run(), run()
    return again(run, budget)


def again(run, budget):
    """The same without warming up."""
    best, runs, end = float("inf"), 0, time.perf_counter() + budget
    while runs == 0 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best, runs = min(best, time.perf_counter() - start), runs + 1
    return best, runs
