"""Hostile tables, command lines, values and recordings: a message, and nothing else happens.

What once failed is in `data/fuzz/`. `make fuzz` draws many more.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import coverage_fuzz
from faustdiff.commands.main import commands, main
from faustdiff.errors import InputError
from faustdiff.learned.values import read_values
from faustdiff.recordings import open_recording
from faustdiff.table.loading import parse_yaml
from faustdiff.table.modelling import model
from support.fuzzing import command_lines, damaged, examples, tables

pytestmark = pytest.mark.exhaustive

HERE = Path(__file__).parent
SMALL = (HERE / "small.yaml").read_text("utf-8")
KEPT = sorted((HERE / "data" / "fuzz").glob("*.yaml"))


@contextmanager
def nothing_written() -> Iterator[Path]:
    """A folder to be in, with the files that hostile command lines name; they stay as they are."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "broken.dsp").write_text("process = ;")
        (folder / "broken.yaml").write_text("primitives: 1")
        (folder / "noise.wav").write_bytes(bytes(100))
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
        assert names == {"broken.dsp", "broken.yaml", "noise.wav"}


def load(text: str) -> None:
    """A table is read, or what is wrong with it is said."""
    with nothing_written():
        try:
            model(parse_yaml(text, "table.yaml"))
        except InputError as error:
            assert error.problems
            assert all(problem.what and problem.hint for problem in error.problems)


@given(text=tables(SMALL))
@examples(150)
def test_no_table_does_more_than_be_read(text: str) -> None:
    load(text)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_table_that_once_failed(path: Path) -> None:
    load(path.read_text("utf-8"))


def options_of(name: str) -> list[str]:
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None
    return [option for parameter in command.params for option in parameter.opts]


@pytest.mark.parametrize("name", commands())
@given(data=st.data())
@examples(12)
def test_no_command_line_does_more_than_be_refused(name: str, data: st.DataObject) -> None:
    words = data.draw(command_lines(options_of(name)))
    # The proofs of the built-in table take too long here.
    table = ["--table", "broken.yaml"] if "--table" in options_of(name) else []
    with nothing_written():
        result = CliRunner().invoke(main, [name, *words, *table])
    assert result.exception is None or isinstance(result.exception, SystemExit), words
    assert result.exit_code in (0, 1, 2), words
    assert "Traceback" not in result.output


#: JSON of any shape, and bytes that are none.
VALUES = st.one_of(
    st.binary(max_size=80),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    ).map(lambda value: json.dumps(value).encode()),
)


@given(content=VALUES)
@examples(100)
def test_no_file_of_values_does_more_than_be_read(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "values.json"
        path.write_bytes(content)
        try:
            values = read_values(path)
        except InputError as error:
            assert error.problems
        else:
            assert all(np.isfinite(value) for value in values.values())


def wav() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((50, 2)), 8000, format="WAV", subtype="PCM_16")
    return file.getvalue()


@given(content=damaged(wav()))
@examples(150)
def test_no_recording_does_more_than_be_read(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "sound.wav"
        path.write_bytes(content)
        try:
            found = open_recording(path)
        except InputError as error:
            assert error.problems
        else:
            assert found.frames >= 0


@pytest.mark.parametrize("target", coverage_fuzz.TARGETS.values(), ids=coverage_fuzz.TARGETS)
def test_what_is_led_by_coverage_starts_from_what_is_right(target: coverage_fuzz.Target) -> None:
    """Right texts, pieces of them, and with bytes that are none: read, or refused by our errors."""
    for text in target.texts():
        for hostile in (text, text[: len(text) // 2], text + "\0", "\udcff" + text):
            target.read(hostile)


@pytest.mark.parametrize("name", ["verify", "fit", "train"])
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e400"])
def test_a_number_of_an_option_is_finite(name: str, number: str) -> None:
    """No range leaves out NaN: with it for a tolerance, anything would agree."""
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None
    options = [one for one in command.params if isinstance(one.type, click.FloatRange)]
    assert options
    with nothing_written():
        for option in options:
            words = [name, "broken.dsp", option.opts[0], number]
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 2, result.output
            assert option.opts[0] in result.output.splitlines()[-1]


def test_a_whole_number_that_no_float_holds(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    for digits in (400, 5000):
        path.write_text(f'{{"gain": -{"9" * digits}}}')
        with pytest.raises(InputError, match="'gain' is -inf"):
            read_values(path)
