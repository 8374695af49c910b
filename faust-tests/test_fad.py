"""`df.fad`, `df.rad`, `df.stop`: programs in the syntax of the next Faust, in any compiler."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from faustdiff.commands.main import main
from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import build
from support.derivatives import HEAD, check_derivatives
from support.fad_cases import SEEDS
from support.paths import BUILD

#: They take a compiler three seconds or more, and `rad` of the same is tried always.
LONG = ("fad: gain and offset", "fad: fourth order", "fad: smoothed slider")


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(i, id=f"{i} {c.title}", marks=pytest.mark.slow if c.title in LONG else ())
        for i, c in enumerate(SEEDS)
    ],
)
def test_derivatives_are_those_of_the_expression(compiler: Compiler, index: int) -> None:
    check_derivatives(compiler, SEEDS, index)


@pytest.mark.parametrize("word", ["fad", "rad"])
def test_without_seeds_the_values_are_left(compiler: Compiler, word: str) -> None:
    source = f"{HEAD}process = {word}(a * b, !), 2 : (_, {word}((a * _, b), !));"
    got = build(source, compiler=compiler, include=[BUILD]).run(None, 1)[:, 0]
    np.testing.assert_allclose(got, [0.9, 1.2, 1.5], rtol=1e-12)


@pytest.mark.parametrize("word", ["fad", "rad"])
def test_repeated_seeds_have_equal_partials(compiler: Compiler, word: str) -> None:
    source = f"{HEAD}process = {word}(a * b, (a, b, a)), {word}(smooth * 2, (smooth, smooth));"
    got = build(source, compiler=compiler, include=[BUILD]).run(None, 2)
    np.testing.assert_allclose(got[[1, 2, 3, 5, 6], -1], [1.5, 0.6, 1.5, 2, 2], rtol=1e-12)


def test_a_seed_with_two_outputs_has_two_partials(compiler: Compiler) -> None:
    source = f"{HEAD}process = fad((pair : *), pair), rad((pair : *), pair);"
    got = build(source, compiler=compiler, include=[BUILD]).run(None, 1)[:, 0]
    np.testing.assert_allclose(got, [1.89, 0.9, 2.1] * 2, rtol=1e-12)


def test_a_composition_is_a_seed_around_a_derivative_that_takes_it_apart(
    compiler: Compiler,
) -> None:
    # With so many boxes, whole dual signals flow where signals did, and a sum becomes another one.
    inner = "fad(a * a * (b + c) + (par(i, 50, f) :> _), a) : !, _"
    source = f"{HEAD}process = fad(({inner}), (b + c));"
    got = build(source, compiler=compiler, include=[BUILD]).run(None, 1)[:, 0]
    np.testing.assert_allclose(got, [2.1, 1.2], rtol=1e-12)


@pytest.mark.parametrize("word", ["fad", "rad"])
@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("fad(a : ma.lgamma, a)", "the_derivative_of_lgamma_is_not_available"),
        ("fad((fad(a * b, a) : !, _), 2 * a)", "made_of_a_seed_of_this_one"),
        ("fad(a * 2, *(2))", "a_seed_must_be_a_signal_or_a_wire"),
        ("fad(0.5 * 0.5, 0.5)", "a_number_among_the_seeds_went_into_another_number"),
        ('fad(a : hbargraph("level", 0, 1), a)', r'hbargraph\("level"'),
        ('fad(vgroup("g", (a, 2 * a)) : *, a)', "no_rule_for_a_group.*vgroup"),
        ('fad(x : vgroup("g", *(a)), a)', "no_rule_for_a_group.*vgroup"),
        ('fad(vgroup("g", 2 * a), a)', "no_rule_for_a_group.*vgroup"),
        ('fad(a * hgroup("g", tgroup("h", b / a)), (a, b, x))', "no_rule_for_a_group.*hgroup"),
        ('fad(b - vgroup("g", a ^ 3), a)', "no_rule_for_a_group.*vgroup"),
        ('fad(x : hgroup("t", vgroup("g", *(a) : ma.tanh)), a)', "no_rule_for_a_group.*hgroup"),
        ('fad(a * attach(x, x : hbargraph("l", 0, 1)), a)', r'hbargraph\("l"'),
        ('fad(a : ffunction(float foo(float), "foo.h", ""), a)', r"ffunction\(float foo"),
    ],
)
def test_what_cannot_be_differentiated_is_an_error_that_names_it(
    compiler: Compiler, word: str, expression: str, message: str
) -> None:
    with pytest.raises(FaustError, match=message):
        text = expression.replace("fad", word)
        build(f"{HEAD}process = {text};", compiler=compiler, include=[BUILD])


@pytest.mark.parametrize("word", ["fad", "rad"])
def test_a_group_that_is_a_seed_or_hides_nothing_is_no_obstacle(
    compiler: Compiler, word: str
) -> None:
    expressions = [
        ('fad(vgroup("g", a) * vgroup("h", a), vgroup("g", a))', [0.36, 0.6]),
        ('vgroup("g", fad(a * b, a))', [0.9, 1.5]),
        (
            'fad(hslider("v:g/p", 0.5, 0, 1, 0.1) * b, hslider("v:g/p", 0.5, 0, 1, 0.1))',
            [0.75, 1.5],
        ),
        ('fad(a * b : vgroup("g", *(2)), b)', [1.8, 1.2]),
        ('fad(a * (vgroup("g", (1, 2)) : +), a)', [1.8, 3]),
        ('fad(a * vgroup("g", 2 * ma.SR) / ma.SR, a)', [1.2, 2]),
        (r'(vgroup("g", 2 * a) : \(v).(fad(a * v, a)))', [0.72, 1.2]),
        ('fad(vgroup("g", (a, b)) : *, (vgroup("g", (a, b))))', [0.9, 1.5, 0.6]),
    ]
    text = ", ".join(expression.replace("fad", word) for expression, _ in expressions)
    got = build(f"{HEAD}process = {text};", compiler=compiler, include=[BUILD]).run(None, 1)[:, 0]
    np.testing.assert_allclose(got, [x for _, known in expressions for x in known], rtol=1e-12)


SMOOTH = "with { s = a : \\(x).(0.5 * x : + ~ *(0.5)); }"
#: What `--fad` says of a program: a seed in a group, a group as a seed, other groups, a number; a
#: seed that acts on what is fed into the word; one that is made of a seed of a derivative inside.
COMMANDS = [
    ('fad(vgroup("amp", a * 2) * b, (a, b))', 2, "the group 'amp' hides the seed 'a' in it"),
    ('rad(vgroup("amp", a * 2), vgroup("amp", a))', 2, "the group 'amp' hides the seed 'a' in it"),
    (
        r'(\(s).(fad(vgroup("amp", sin(s)), s) :> _) ~ _) * a',
        2,
        "the group 'amp' hides a seed in it, a state",
    ),
    (r'(\(s).(fad(vgroup("amp", a) * s, s) :> _) ~ _) * a', 0, ""),
    (r'vgroup("amp", (\(s).(fad(sin(s), s) :> _) ~ _)) * a', 0, ""),
    ('fad(vgroup("amp", a) * vgroup("b", a), vgroup("amp", a))', 0, ""),
    ('vgroup("amp", rad(fad(a * b, b), (a, b)))', 0, ""),
    ("rad(0.5 * a, (0.5, a))", 0, "the seed 0.5 is a number"),
    ("_ * a : rad(_, a)", 2, "the seed 'a' acts on a signal that is fed into 'fad' or 'rad'"),
    ("_ <: *(a), *(0.3) : - : ^(2) : rad(_, a)", 2, "the seed 'a' acts on a signal"),
    ("_ * b, _ * a : _, fad(sin(_ * a), a)", 2, "the seed 'a' acts on a signal"),
    ("_ * a, _ * b : _, fad(sin(_ * a), a)", 0, ""),
    (r"a, (a : fad((\(p).(p * sin(a))), (a, _))), b", 0, ""),
    (r"s * a : fad(_ * 2, s) with { s = b : + ~ *(0.5); }", 2, "the seed 'b' acts on a signal"),
    ("(fad(_ + b, a) : _, !) ~ *(a)", 2, "the seed 'a' acts on a signal"),
    ("(+ ~ *(a)) : fad(_ * b, a)", 2, "the seed 'a' acts on a signal"),
    ("_ <: *(a), _ : _, fad(_ * a, a)", 0, ""),
    ("_ * a : fad(_ * (a * b), a * b)", 0, ""),
    (f"_ * s : fad(_ * s, s) {SMOOTH}", 2, "the seed 'a' acts on a signal"),
    ("_ : seq(i, 400, *(b + i)) : fad(_ * a, a)", 0, ""),
    (r"_ <: _, *(a) : \(t, y).(rad((t - y) ^ 2, a))", 2, "the seed 'a' acts on a variable"),
    (r"_ <: _, *(a) : \(t, y).(fad(t * a, a), y)", 0, ""),
    ("_ * a : square with { square(y) = fad(y * y, a); }", 2, "the seed 'a' acts on a variable"),
    (r"(\(y).(fad(y + b, a) : _, !)) ~ *(a)", 2, "the seed 'a' acts on a variable"),
    (r"_ * a * b : \(v).(fad(v * a, (a, v)))", 0, ""),
    (r"_ : fad((*(a) : \(v).(v * a * b)), a)", 0, ""),
    (r"(\(s).(s - 0.1 * (fad((s - a) ^ 2, a) : !, _))) ~ _ : *(b)", 0, ""),
    ("_ : fad((+ : *(a)), a) ~ *(b)", 2, "that of the loop in the next Faust"),
    ('vgroup("g", vgroup("h", fad((+ : *(a)), a)) ~ *(b))', 2, "that of the loop"),
    ("_ : (fad((+ : *(a)), a) : _, !) ~ *(b)", 0, ""),
    ("fad((fad(a * a * (2 * a), a) : !, _), 2 * a)", 2, "made_of_a_seed_of_this_one"),
    (f"fad((fad(a * a * s, a) : !, _), s) {SMOOTH}", 2, "made_of_a_seed_of_this_one"),
    (f"fad((fad(a * a * s, (a, s)) : !, _, !), s) {SMOOTH}", 0, ""),
    (rf"(s : \(v).(fad((fad(a * a * v, a) : !, _), v))) {SMOOTH}", 0, ""),
    (f"fad(a * s, s) {SMOOTH}", 0, ""),
]


@pytest.mark.parametrize(("expression", "status", "said"), COMMANDS)
def test_the_command_refuses_seeds_that_a_group_hides(
    tmp_path: Path, expression: str, status: int, said: str
) -> None:
    slider = '= hslider("{}", 0.6, 0.1, 4, 0.01);\n'
    text = f"a {slider.format('a')}b {slider.format('b')}process = {expression};\n"
    program = tmp_path / "program.dsp"
    program.write_text(text, "utf-8")
    options = ["--fad", "--all", "-I", str(BUILD), "-o", str(tmp_path / "out.dsp")]
    result = CliRunner().invoke(main, ["differentiate", str(program), *options])
    assert result.exit_code == status, result.output
    assert said in result.output


#: A mistake, and what the commands say of it: where it stands, and what to do.
MISTAKES = [
    ("fad(a * b, a, b)", "put the seeds into parentheses, as in 'fad(a * b, (a, b))'"),
    ("rad(_ <: _ * a, mem * b :> _, (a, b))", "an expression with a comma in it, too"),
    ("fad(a * b, (a, bb))", "mistake.dsp:2 : ERROR : undefined symbol : bb"),
    ("rad(a * b, (a, ))", "mistake.dsp:2 : ERROR : syntax error"),
]


@pytest.mark.parametrize(("expression", "said"), MISTAKES)
@pytest.mark.parametrize("option", ["--fad", ""])
def test_the_command_says_where_a_mistake_stands(
    tmp_path: Path, option: str, expression: str, said: str
) -> None:
    program = tmp_path / "mistake.dsp"
    words = "" if option else 'df = library("diff.lib"); fad = df.fad; rad = df.rad; '
    sliders = "".join(f'{name} = hslider("{name}", 0.5, 0, 1, 0.1); ' for name in "ab")
    program.write_text(f"{words}{sliders}\nprocess = {expression};\n", "utf-8")
    out = tmp_path / "out.dsp"
    options = [*filter(None, [option]), "--all", "-I", str(BUILD), "-o", str(out)]
    result = CliRunner().invoke(main, ["differentiate", str(program), *options])
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-I", str(BUILD)], "with the option --fad, a program may use 'fad' and 'rad'"),
        (["--fad"], "'faustdiff build --out DIR' writes diff.lib, '-I DIR' finds it"),
    ],
)
def test_the_command_says_what_is_missing(tmp_path: Path, options: list[str], said: str) -> None:
    program = tmp_path / "program.dsp"
    program.write_text('a = hslider("a", 0.5, 0, 1, 0.1); process = fad(a * a, a);', "utf-8")
    result = CliRunner().invoke(main, ["verify", str(program), "--all", *options])
    assert result.exit_code == 2
    assert said in result.output


#: Ways to the words, for a program that needs no `--fad`.
OWN_WORDS = [
    'df = library("diff.lib"); fad = df.fad; process = fad(GROUP, a);',
    'df = library("diff.lib"); process = vgroup("g", df.fad(a, a)), df . rad(GROUP, a);',
    'process = library("diff.lib").fad(GROUP, a);',
    'import("diff.lib"); process = fad(GROUP, a);',
]


@pytest.mark.parametrize("program", OWN_WORDS)
def test_a_hidden_seed_is_refused_however_the_words_are_called(
    tmp_path: Path, program: str
) -> None:
    path = tmp_path / "program.dsp"
    for group, status in (('vgroup("g", 2 * a)', 2), ("2 * a", 0)):
        text = 'a = hslider("a", 0.6, 0, 1, 0.01);\n' + program.replace("GROUP", group)
        path.write_text(text, "utf-8")
        options = ["--all", "-I", str(BUILD), "-o", str(tmp_path / "out.dsp")]
        result = CliRunner().invoke(main, ["differentiate", str(path), *options])
        assert result.exit_code == status, result.output
        assert ("the group 'g' hides the seed 'a' in it" in result.output) == (status == 2)


def test_the_option_leaves_a_program_alone_that_defines_the_words(tmp_path: Path) -> None:
    path = tmp_path / "program.dsp"
    path.write_text('a = hslider("a", 0.6, 0, 1, 0.01);\n' + OWN_WORDS[0].replace("GROUP", "a"))
    options = ["--fad", "--all", "-I", str(BUILD), "-o", str(tmp_path / "out.dsp")]
    result = CliRunner().invoke(main, ["differentiate", str(path), *options])
    assert result.exit_code == 0, result.output


def test_the_option_does_not_look_for_definitions_in_comments_and_strings(tmp_path: Path) -> None:
    path = tmp_path / "program.dsp"
    comments = "/* fad = 3;\nrad = 2; */ // ; fad = 1;\n"
    path.write_text(f'{comments}a = hslider("; rad = 4", 0.6, 0, 1, 0.01); process = fad(a, a);')
    options = ["--fad", "--all", "-I", str(BUILD), "-o", str(tmp_path / "out.dsp")]
    result = CliRunner().invoke(main, ["differentiate", str(path), *options])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("mode", ["jvp", "grad"])
def test_no_derivative_passes_a_stop(compiler: Compiler, mode: str) -> None:
    source = rf"{HEAD}process = 0.5 : df.{mode}(1, \(p).(p * df.stop(p * p, sin(p)) :> _));"
    source = source.replace("df.stop(p * p, sin(p)) :> _", "df.stop(p * p + sin(p))")
    value, slope = build(source, compiler=compiler, include=[BUILD]).run(None, 1)[:, 0]
    held = 0.25 + np.sin(0.5)
    np.testing.assert_allclose([value, slope], [0.5 * held, held], rtol=1e-12)


def test_a_stop_among_many_parameters(compiler: Compiler) -> None:
    names = ", ".join(f"p{i}" for i in range(13))
    source = rf"process = par(i, 13, 0.5) : df.jvp(13, \({names}).(p0 * df.stop(p0 * p1)));"
    got = build(HEAD + source, compiler=compiler, include=[BUILD]).run(None, 1)[:, 0]
    np.testing.assert_allclose(got, [0.125, 0.25, *[0] * 12], rtol=1e-12)
