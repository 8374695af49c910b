"""What `check` takes for many rows, cold and warm: CPU time of all processes, in seconds.

python -m benchmarks.many_rows [COUNT ...]
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile

from faustdiff.proof.checking import check
from faustdiff.table.loading import parse_yaml
from faustdiff.table.model import Table
from faustdiff.table.modelling import model

ROW = """- name: row{n}
  faust: row{n}
  section: S
  kind: smooth
  args: [x]
  value: {n} * sin(x) + x ** {p}
  partials: {{x: {n} * cos(x) + {p} * x ** {q}}}
  samples: {{x: [-4, 4]}}
  summary: A row.
"""


def table(count: int) -> Table:
    """Rows that no two of are the same."""
    rows = (ROW.format(n=n, p=2 + n % 7, q=1 + n % 7) for n in range(1, count + 1))
    return model(parse_yaml("primitives:\n" + "".join(rows), "rows.yaml"))


def seconds() -> float:
    """The CPU time of this process, and of those it has waited for."""
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    """Prints a line for each count."""
    for count in map(int, sys.argv[1:] or ["1000", "10000"]):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["FAUSTDIFF_CACHE"] = folder
            start = seconds()
            rows = table(count)
            loaded = seconds()
            assert not check(rows).failures
            cold = seconds()
            assert not check(rows).failures
            warm = seconds()
        print(
            f"{count} rows: read {loaded - start:.1f}, cold {cold - loaded:.1f},"
            f" warm {warm - cold:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
