"""One call of the compiler inside the wheel `cyfaust`, made in a process of its own.

`compilers.py` and `program.py` start this file as a script: libfaust writes its messages past
Python's streams and may crash, and neither may reach the caller's process. The working directory
holds `program.dsp`; the answer is written beside it. A refusal leaves libfaust's message on the
output streams and exits with status 1.

    version                   the version, on standard output
    cpp FLAGS...              program.dsp -> result (C++ text)
    expand FLAGS...           program.dsp -> result (Faust text without imports)
    describe FLAGS...         program.dsp -> result (JSON: inputs, outputs, controls)
    run FLAGS...              program.dsp, job.npz -> result.npy, float32 (outputs, frames)
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

# libfaust's own limit on compile time is switched off: the caller keeps the time.
NO_TIME_LIMIT = ("-t", "0")


def main(action: str, *flags: str) -> None:
    """Do one action of the table above; raises SystemExit(1) if libfaust refuses the program."""
    # The compiled module ships without type stubs.
    faust: Any = importlib.import_module("cyfaust.cyfaust")
    if action == "version":
        print(faust.get_version())
        return
    program = ("program", Path("program.dsp").read_text(encoding="utf-8"), *NO_TIME_LIMIT, *flags)
    if action == "cpp":
        require_accepted(
            faust.generate_auxfiles_from_string(*program, "-lang", "cpp", "-o", "result")
        )
    elif action == "expand":
        _, text = require_accepted(faust.expand_dsp_from_string(*program))
        Path("result").write_text(text, encoding="utf-8")
    else:
        # An instance does not hold its factory, and libfaust crashes if it outlives it.
        factory = require_accepted(faust.create_dsp_factory_from_string(*program))
        interpret(action, factory)


def interpret(action: str, factory: Any) -> None:
    """Do `describe` or `run` with an instance of an interpreter factory."""
    instance = factory.create_dsp_instance()
    if action == "describe":
        instance.init(44100)
        Path("result").write_text(json.dumps(describe(instance)), encoding="utf-8")
    else:
        run(instance)


def require_accepted(answer: Any) -> Any:
    """The `answer` of libfaust, which is None or False after an error."""
    if not answer:
        sys.exit(1)
    return answer


def describe(instance: Any) -> dict[str, Any]:
    """The channel counts and controls of an initialised interpreter instance."""
    return {
        "inputs": instance.get_numinputs(),
        "outputs": instance.get_numoutputs(),
        "controls": [
            {
                "label": control.label,
                "path": control.path,
                "kind": control.kind,
                "init": control.init,
                "min": control.min,
                "max": control.max,
                "step": control.step if control.is_input else 0.0,
            }
            for control in instance.params()
        ],
    }


def run(instance: Any) -> None:
    """Answer `job.npz`: inputs (channels, frames) float32, paths, values, sample_rate, block."""
    import numpy as np

    job = np.load("job.npz")
    instance.init(int(job["sample_rate"]))
    instance.build_user_interface()
    for path, value in zip(job["paths"], job["values"], strict=True):
        instance.set_param(str(path), float(value))
    inputs, block = job["inputs"], int(job["block"])
    frames = inputs.shape[1]
    outputs = np.zeros((instance.get_numoutputs(), frames), np.float32)
    for start in range(0, frames, block):
        # The interpreter takes C-contiguous float32 arrays only.
        source = np.ascontiguousarray(inputs[:, start : start + block])
        sink = np.zeros((outputs.shape[0], source.shape[1]), np.float32)
        instance.compute(source.shape[1], source, sink)
        outputs[:, start : start + block] = sink
    np.save("result.npy", outputs)


if __name__ == "__main__":
    main(*sys.argv[1:])
