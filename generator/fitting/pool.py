"""Many computations at once, by joblib: here, in local processes, or on a Dask cluster."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

from ..errors import InputError, Place, Problem

T = TypeVar("T")

#: For a scheduler to answer, in seconds.
SCHEDULER_SECONDS = 10


class Shared(Generic[T]):
    """A `value` that many items refer to: it is packed once, and unpacked once per process."""

    def __init__(self, value: T) -> None:
        self.value = value

    @cached_property
    def _content(self) -> bytes:
        return pickle.dumps(self.value)

    def __reduce__(self) -> tuple[Callable[[bytes], Shared[Any]], tuple[bytes]]:
        return _unpack, (self._content,)


@lru_cache(maxsize=4)
def _unpack(content: bytes) -> Shared[Any]:
    return Shared(pickle.loads(content))


class Pool:
    """Runs functions of picklable arguments.

    With one of `jobs`, in this process; with more, in local processes, or on the cluster of the
    scheduler at `address`, as in `tcp://10.0.0.1:8786`. Its workers need this package, the same
    Faust compiler, g++, and the files under the same paths.
    """

    def __init__(self, jobs: int, address: str | None = None) -> None:
        self.jobs = max(1, jobs)
        self.address = address

    def map(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """The results for `items`, in their order, as they come."""
        if self.address is None and (self.jobs == 1 or len(items) <= 1):
            for item in items:
                yield function(*item)
            return
        from joblib import Parallel, delayed

        run = Parallel(n_jobs=self.jobs, return_as="generator")
        yield from run(delayed(function)(*item) for item in items)


@contextmanager
def open_pool(jobs: int, address: str | None) -> Iterator[Pool]:
    """A pool that lasts as long as the block; `InputError` if there is no such cluster."""
    if address is None:
        yield Pool(jobs)
        return
    from joblib import parallel_config

    client = _client(address)
    try:
        workers = len(client.scheduler_info()["workers"])
        if not workers:
            raise _refusal(address, "the scheduler has no workers", "start some: dask worker")
        with parallel_config(backend="dask", client=client):
            yield Pool(workers, address)
    finally:
        client.close()


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        hint = "pip install 'faustdiff[cluster]'"
        raise _refusal(address, "Dask is not installed", hint) from None
    try:
        return Client(address, timeout=SCHEDULER_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] or type(error).__name__
        raise _refusal(address, f"no Dask scheduler answers: {reason}", "start one") from None


def _refusal(address: str, what: str, hint: str) -> InputError:
    return InputError([Problem(Place(f"--scheduler {address}"), what, hint)])
