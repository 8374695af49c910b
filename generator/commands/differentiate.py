"""The command `differentiate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..autodiff.differentiate import Mode, differentiate
from ..autodiff.reverse import ReversePrograms, reverse_programs
from ..autodiff.tangents import TableSlope
from ..files import is_stream, name_of
from .options import (
    Output,
    chosen_compiler,
    parameter_options,
    program_options,
    read_source,
    read_table,
    refuse,
    refuse_to_replace,
    table_options,
    table_slope_option,
    tell,
    usable_input,
    write_whole,
)


@click.command("differentiate")
@program_options
@click.option(
    "-o",
    "--output",
    type=Output(),
    required=True,
    help="Faust program to write.",
)
@parameter_options
@click.option(
    "--signal",
    "signals",
    metavar="NAME",
    multiple=True,
    help="Make the slider with this label or path an input, which may move at every sample; "
    "may be repeated.",
)
@click.option(
    "--waveforms",
    is_flag=True,
    help="In reverse mode, by the entries of each waveform that is read by rdtable, too.",
)
@click.option(
    "--mode",
    type=click.Choice(["forward", "reverse"]),
    default="forward",
    show_default=True,
    help="Reverse writes two programs, at a cost that does not grow with the parameters.",
)
@click.option(
    "--single",
    is_flag=True,
    help="Reverse mode in one program, which runs in real time: for parameters that stand still "
    "over its delays, and that no feedback lies behind.",
)
@table_slope_option
@table_options
def differentiate_command(
    program: Path,
    include: tuple[Path, ...],
    compiler: str | None,
    output: Path,
    params: tuple[str, ...],
    all_continuous: bool,
    signals: tuple[str, ...],
    waveforms: bool,
    mode: Mode,
    single: bool,
    table_slope: TableSlope,
    table: Path,
    extensions: tuple[Path, ...],
) -> None:
    """Write PROGRAM with its partial derivatives.

    The program that is written keeps the inputs and the sliders. For each output of the original
    it has the value, then one partial for each slider that is marked [diff:1] or [diff:on] in its
    label, or chosen by --param or --all; its header states the order.

    In reverse mode two programs are written. NAME.forward.dsp gives the outputs, then a tape;
    NAME.backward.dsp takes cotangents and tape in reversed time and gives the cotangents of inputs
    and sliders, for a loss over a whole recording. Their headers state the channels.

    \b
    Examples:
      faustdiff differentiate filter.dsp -o filter.diff.dsp
      faustdiff differentiate filter.dsp --param cutoff --param q -o filter.diff.dsp
      faustdiff differentiate synth.dsp --all --mode reverse -o synth.dsp
      faustdiff differentiate wah.dsp --signal cutoff --mode reverse -o wah.dsp
      faustdiff differentiate network.dsp --all --mode reverse --single -o network.diff.dsp
    """
    two = _writes_two(mode, single, waveforms, table_slope)
    refuse_to_replace(program, *(_output_files(output) if two else (output,)))
    with usable_input(program):
        options: dict[str, Any] = {
            "params": params or None,
            "all_continuous": all_continuous,
            "signals": signals,
            "compiler": chosen_compiler(compiler),
            "include": (program.parent, *include),
            "table": read_table(table, extensions),
            "name": name_of(program),
            "file": str(program),
        }
        if two:
            _write_both(
                output, reverse_programs(read_source(program), waveforms=waveforms, **options)
            )
            return
        dual = differentiate(read_source(program), mode=mode, table_slope=table_slope, **options)
    write_whole(output, dual.text)
    names = ", ".join(param.label for param in dual.params)
    for line in (f"wrote {output}: {dual.outputs} x (value, {names})", *dual.remarks):
        tell(output, line)


def _writes_two(mode: Mode, single: bool, waveforms: bool, table_slope: TableSlope) -> bool:
    """Whether two programs are written; an error if options contradict each other."""
    two = mode == "reverse" and not single
    if two and table_slope != "oscillators":
        refuse("--table-slope is about one program", "leave it out, or use --mode forward")
    if single and mode == "forward":
        refuse("--single is about reverse mode", "add --mode reverse, or leave it out")
    if waveforms and not two:
        refuse("--waveforms is about two programs", "add --mode reverse, without --single")
    return two


def _output_files(output: Path) -> tuple[Path, Path]:
    """The files of the forward and the backward program; an error if a stream is to be both."""
    if is_stream(output) or (output.exists() and not output.is_file()):
        what = f"{output}: is no file, and in reverse mode two are written beside it"
        refuse(what, "name a file, as in -o synth.dsp, or use --single")
    # What is no ending of a Faust program is a part of the name.
    stem = output.stem if output.suffix == ".dsp" else output.name
    return output.with_name(f"{stem}.forward.dsp"), output.with_name(f"{stem}.backward.dsp")


def _write_both(output: Path, programs: ReversePrograms) -> None:
    forward, backward = _output_files(output)
    write_whole(forward, programs.forward)
    write_whole(backward, programs.backward)
    given = [one.label for one in programs.signals]
    given += [f"waveform {one + 1}" for one in range(len(programs.waveforms.entries))]
    given += [one.label for one in programs.params]
    cotangents = ", ".join([*(["inputs"] if programs.inputs else []), *given])
    click.echo(f"wrote {forward}: {programs.outputs} outputs, then a tape of {programs.tape}")
    click.echo(f"wrote {backward}: in reversed time, the cotangents of {cotangents}")
