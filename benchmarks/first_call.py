"""How long does the first win probability take in a new process, and how much memory do wide rows take?

    python benchmarks/first_call.py [--rows 50000] [--repeats 3] [--quick] [--output FILE.json]

Each call is timed in a process of its own, after its imports: "cold" with an empty cache of compiled code, "warm" with
the cache that the cold one left. Memory is the peak resident set of a process that computes `accuracy_curve` for
random softmax outputs with a common background, K = 30 and 300, at two noise rates.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import numpy as np
from harness import Options, Record, Table, run

FIRST_CALL = """
import time
import numpy as np
import labelnoise as ln
q = np.random.default_rng(0).dirichlet(np.full({classes}, 0.1), size=10)
probability = ln.plurality_probability
start = time.perf_counter()
probability(q, [10, 30], 0, ties="random")
print(time.perf_counter() - start)
"""
MEMORY = """
import resource
import numpy as np
import labelnoise as ln
rng = np.random.default_rng(0)
softmax = np.full(({rows}, 1000), 1e-4 / 1000)
labels = rng.integers(1000, size=len(softmax))
softmax[np.arange(len(softmax)), labels] += 0.7
softmax[np.arange(len(softmax)), (labels + 1) % 1000] += rng.uniform(0.2, 0.25, len(softmax))
softmax /= softmax.sum(axis=1, keepdims=True)
ln.accuracy_curve(softmax, labels, ln.UniformNoise(), [0.2, 0.8], [30, 300])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def printed(program: str, folder: str) -> float:
    """Return the number that a program prints in a new process with the given cache folder."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main(options: Options) -> Record:
    table = Table("what:42", "value", "unit")
    with tempfile.TemporaryDirectory() as folder:
        for classes in (10, 1000):
            program = FIRST_CALL.format(classes=classes)
            seconds = [printed(program, folder) for _ in range(1 + options.repeats)]
            if classes == 10:
                table.add({"what": "first call, cold", "value": seconds[0], "unit": "s"})
            row = {"what": f"first call, warm, {classes} classes", "value": float(np.median(seconds[1:])), "unit": "s"}
            table.add(row)
        gigabytes = printed(MEMORY.format(rows=options.rows), folder)
        table.add({"what": f"peak memory, {options.rows:,} x 1,000", "value": gigabytes, "unit": "GB"})
    return {"rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, rows=(50_000, 500), repeats=(3, 1))
