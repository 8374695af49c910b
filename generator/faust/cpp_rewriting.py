"""What is changed in the C++ text that the Faust compiler emits, so that it runs fast.

The compiler emits one class, whose loop over the samples of a block keeps every state in a member:
g++ has to store it, since an output could be the same memory. Three changes help, measured over
filters, a compressor and a reverb: states in local variables (up to 2 times faster), channels that
may run backwards in time, so that reversed signals need no copy, and outputs that are added up as
they come, where only their sum over time is wanted.
"""

from __future__ import annotations

import re

#: The longest array that is copied to a local variable and back for each block: the compiler
#: shifts delay lines up to this length, and indexes longer ones as rings.
MAX_LOCAL_LENGTH = 17

#: More elements than this do not fit near the processor, and would be copied for each block.
MAX_LOCALS = 4096

#: Options of the compiler for a program of delays without recursion: blocks of a delay line are
#: copied, where the scalar code moves each sample through the line (8 times slower at 16 taps).
#: Lines longer than `-mcd` are rings with a masked index, which g++ cannot copy in blocks.
BLOCK_OPTIONS = ("-vec", "-lv", "1", "-vs", "512", "-mcd", "256")

#: Options of the compiler for any other program: delays of four samples and more are rings. A line
#: that is shifted costs a move for each of its places (an all-pole filter of order 8 with its
#: partials: 2.3 times slower).
STATE_OPTIONS = ("-mcd", "4")

#: A member of the class: its type, its name, and the length of an array.
MEMBER = re.compile(r"^\t(double|float|int) (\w+)(?:\[(\d+)\])?;$", re.M)
_CHANNEL = re.compile(r"FAUSTFLOAT\* ((?:input|output)\d+) = (inputs|outputs)\[(\d+)\];")
_LOOP = re.compile(r"\tfor \(int (i\d+) = 0; \1 < count; .*\{\n")
_COMPUTE = re.compile(r"\tvirtual void compute\(.*\{\n")


def with_local_states(cpp: str) -> str:
    """The class with its states in local variables while it computes a block."""
    before, body, after = split_at_body(cpp)
    load, store, elements = "", "", 0
    for kind, name, size in MEMBER.findall(before):
        if not re.search(rf"\b{name}\b", body):
            continue
        if size and int(size) <= MAX_LOCAL_LENGTH:
            load += f"\t\t{kind} {name}[{size}];\n"
            load += f"\t\tstd::copy_n(this->{name}, {size}, {name});\n"
            store += f"\t\tstd::copy_n({name}, {size}, this->{name});\n"
            elements += int(size)
        elif not size and re.search(rf"\b{name} = ", body):
            load += f"\t\t{kind} {name} = this->{name};\n"
            store += f"\t\tthis->{name} = {name};\n"
    if elements > MAX_LOCALS:
        return cpp
    return before + load + body + store + after


def delays_alone(cpp: str) -> bool:
    """Whether a program keeps delay lines and no other state, by the names of its members."""
    members = [name for _, name, size in MEMBER.findall(cpp) if size]
    lines = [name for name in members if name.startswith("fVec")]
    return bool(lines) and lines == members


def with_channels(cpp: str, finite: int = 0, sums: int = 0) -> str:
    """The class with its inputs and outputs as `Channel` of batch.cpp, which knows the direction.

    The first `finite` inputs are each a `FiniteChannel` there, of which every sample is read once;
    the last `sums` outputs are each a `Total`. Raises ValueError if the compiler emits them in
    another way than it is known to.
    """
    before, body, after = split_at_body(cpp)
    signals = len(re.findall(r" = outputs\[\d+\];", body)) - sums

    def declaration(match: re.Match[str]) -> str:
        name, number = match[1], int(match[3])
        special = {
            "inputs": "FiniteChannel" if number < finite else "",
            "outputs": "Total" if number >= signals else "",
        }
        return f"{special[match[2]] or 'Channel'} {name}{{{match[2]}[{number}]}};"

    body = _read_once(_CHANNEL.sub(declaration, body), finite)
    declared = re.sub(r"(Channel|FiniteChannel|Total) \w+\{(inputs|outputs)\[\d+\]\};", "", body)
    if re.search(r"\b(inputs|outputs)\[", declared):
        raise ValueError("the C++ text has inputs or outputs of a kind that is not known")
    return before + body + after


def _read_once(body: str, inputs: int) -> str:
    """The body with a variable for the sample of each of the first inputs, used or not."""
    loops = list(_LOOP.finditer(body))
    if inputs and len(loops) != 1:
        raise ValueError("the C++ text has no loop over samples of a kind that is known")
    reads = ""
    for number in range(inputs):
        read, variable = f"input{number}[{loops[0][1]}]", f"sample{number}"
        body = body.replace(read, variable)
        reads += f"\t\t\tconst FAUSTFLOAT {variable} = {read};\n"
    return _LOOP.sub(lambda loop: loop[0] + reads, body)


def split_at_body(cpp: str) -> tuple[str, str, str]:
    """The text before, in and after the body of the function that computes a block."""
    start = _COMPUTE.search(cpp)
    if start is None:
        raise ValueError("the C++ text has no function `compute` of a kind that is known")
    end = cpp.index("\n\t}\n", start.end()) + 1
    return cpp[: start.end()], cpp[start.end() : end], cpp[end:]
