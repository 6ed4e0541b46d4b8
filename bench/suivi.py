"""How long each filter of a suivi takes at 10 000 and at 1 000 000 produits (guide §18).

Prints, for every combination of filters that table 19 allows, the lines found, the median milliseconds of the search at
both sizes, and their ratio; then the worst. Everything lives in a temporary folder. At its
full size, which takes a few minutes:

    make bench-suivi ARGS="--sizes 10000 1000000"
"""

import argparse
import statistics
import time

from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.store.migrations import migrate
from pfcng.store.suivi import Search, find
from support.activite import generate, searches
from support.folders import shared_folder

SIZES = (10_000, 1_000_000)


def main() -> None:
    """Measure both sizes and print them side by side."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sizes", type=int, nargs=2, default=SIZES, help="numbers of produits")
    arguments.add_argument("--repeat", type=int, default=7, help="runs of each search, of which the median counts")
    options = arguments.parse_args()
    small, large = (measure(size, options.repeat) for size in options.sizes)
    print(f"{'recherche':88} {'lignes':>11} {'ms':>15} {'rapport':>8}")
    for name, (lines, duration) in small.items():
        more_lines, longer = large[name]
        print(f"{name:88} {lines:>5} {more_lines:>5} {duration:7.2f} {longer:7.2f} {longer / duration:8.2f}")
    same = {name: large[name][1] / small[name][1] for name in small if large[name][0] <= 2 * small[name][0]}
    print(f"\n{len(small)} recherches, dont {len(same)} dont la réponse n’a pas plus que doublé.")
    print(
        f"Rapport de celles-ci : médiane {statistics.median(same.values()):.2f}, plus grand {max(same.values()):.2f}."
    )
    print(f"La plus lente à {options.sizes[1]} produits : {max(longer for _, longer in large.values()):.2f} ms.")


def measure(size: int, repeat: int) -> dict[str, tuple[int, float]]:
    """For each search by name: the lines it finds and its median milliseconds."""
    with shared_folder() as folder:
        server = EmbeddedPostgres(folder / "data")
        try:
            migrate(server.dsn)
            begun = time.perf_counter()
            generate(server.dsn, size)
            print(f"{size} produits écrits en {time.perf_counter() - begun:.0f} s", flush=True)
            database = Database(server.dsn, max_connections=1)
            measured = {name: _median(database, search, repeat) for name, search in searches(size)}
            database.close()
            return measured
        finally:
            server.stop()


def _median(database: Database, search: Search, repeat: int) -> tuple[int, float]:
    durations = []
    with database.transaction() as connection:
        lines = len(find(connection, search))
        for _ in range(repeat):
            begun = time.perf_counter()
            find(connection, search)
            durations.append((time.perf_counter() - begun) * 1000)
    return lines, statistics.median(durations)


if __name__ == "__main__":
    main()
