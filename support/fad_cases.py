"""Programs with `fad` and `rad`, each a `Case`: what the tests check and the benchmark times."""

from __future__ import annotations

from support.derivatives import Case, both, state

#: Seeds of every kind, in programs of every kind.
SEEDS = [
    # Sliders: one, several, repeated, absent; one output and several.
    *both("product of two sliders", "a * b", "a", "b"),
    *both("one of two sliders", "a * b + sin(b)", "b"),
    *both("power of two sliders", "b ^ a", "b"),
    *both("power, both", "pow(a, b)", "a", "b"),
    *both("several outputs", "(a * b, sin(a), b / a)", "a", "b"),
    *both("absent", "sin(a)", "a", "c"),
    *both("transcendental", "exp(a) * log(b) + atan2(c, a)", "a", "b", "c"),
    *both("kinks away from ties", "max(a, b) * abs(c) + min(a, c)", "a", "b", "c"),
    *both("selected", "select2(a > 0.5, b * c, b * a)", "a", "b", "c"),
    *both("tanh", "ma.tanh(a * x) + b", "a", "b"),
    *both("casts and rounding", "int(3 * b) * a + floor(b) * c", "a", "c"),
    *both("remainder", "fmod(b, a)", "a", "b"),
    # Signals from outside, delays, tables, letrec.
    *both("input", "_ * a + b", "a", "b", signals="x"),
    *both("delays", "_ <: a * _, b * mem, c * @(3) :> _", "a", "b", "c", signals="x"),
    *both("closure", r"\(s).(s * a + s * s * b)", "a", "b", signals="x"),
    *both(
        "waveshaper",
        "_ <: a * _, b * (_ <: *), c * (_ <: _, _, _ : *, _ : *) :> _",
        "a",
        "b",
        "c",
        signals="x",
    ),
    *both("moving delay", "de.fdelay(64, 10.3 + 4 * b)", "b", signals="os.osc(300)"),
    # Feedback: rad takes forward mode, and is exact.
    *both("one-pole", "+ ~ *(a)", "a", signals="x"),
    *both(
        "two coupled states",
        "(ro.interleave(2, 2) : +, +) ~ (*(a), *(c) : ro.cross(2))",
        "a",
        "c",
        signals="x, x'",
    ),
    *both("resonant lowpass", "fi.resonlp(f, b, 1)", "f", "b", signals="x"),
    *both("fourth order", "fi.lowpass(4, f)", "f", signals="x"),
    *both("biquad", "fi.tf2(a, b, c, -0.5 * a, 0.2 * b)", "a", "b", "c", signals="x"),
    *both("follower", "an.amp_follower(0.01 * b)", "b", signals="x"),
    *both("letrec", "_ : y letrec { 'y = _ * b + a * y; }", "a", "b", signals="x"),
    *both("loop without the seed before it", "x : fi.lowpass(2, 900) : *(a) : ma.tanh", "a"),
    *both("phasor", "os.oscrs(f)", "f"),
    *both(
        "Karplus and Strong",
        "+ ~ (de.fdelay(64, 20.3) : *(a) <: _, mem : + : *(0.5))",
        "a",
        signals="(1 - 1') * b",
    ),
    # Compositions as seeds: leaves, not entered.
    *both("sum as a seed", "s * s * a", "s", "a"),
    *both("smoothed slider", "_ * (smooth * smooth)", "smooth", signals="x"),
    *both("smoothed slider in a filter", "fi.pole(smooth)", "smooth", signals="x"),
    # Many seeds.
    *both("sixteen taps", "x <: par(i, 16, @(i) * h(i)) :> _", *(f"h({i})" for i in range(16))),
    # States of a recursion.
    state("gain that learns", "loss(g * x, 0.5 * x)", "g"),
    state("gain that learns", "loss(g * x, 0.5 * x)", "g", word="rad"),
    state("gain and offset", "loss(g * x + d, 0.5 * x + 0.1)", "g", "d"),
    state("gain and offset", "loss(g * x + d, 0.5 * x + 0.1)", "g", "d", word="rad"),
    state("filter that learns", "loss(x : + ~ *(g), x : + ~ *(0.4))", "g"),
    # Nested.
    Case("fad of fad", "fad(sin(a) * a, a)", ("a",)),
    Case("fad of rad", "rad(sin(a) * b, (a, b))", ("a", "b")),
    Case("rad of fad", "fad(a * a * b, (a, b))", ("a", "b"), "rad"),
    Case("rad of rad", "rad(a * a * b, a)", ("a", "b"), "rad"),
    Case("fad of fad through feedback", "fad(+ ~ *(a), a)", ("a",), signals="x"),
    Case(
        "a Newton step",
        "y - (fad(y - ma.tanh(x - b * y), y) : /)",
        ("b",),
        program="""
        b, fad((y - (fad(y - ma.tanh(x - b * y), y) : /)), b) with { y = 0.3; }""",
    ),
    # Wires as seeds, which are the first inputs.
    Case(
        "wires",
        r"\(p, q).(p * sin(q))",
        ("p", "q"),
        program="""
        a, b, ((a, b) : fad((\\(p, q).(p * sin(q))), si.bus(2)))""",
    ),
    Case(
        "wires",
        r"\(p, q).(p * sin(q))",
        ("p", "q"),
        "rad",
        program="""
        a, b, ((a, b) : rad((\\(p, q).(p * sin(q))), si.bus(2)))""",
    ),
    Case(
        "a bus of taps",
        "par(i, 5, *(x @ i)) :> _",
        tuple(f"p{i}" for i in range(5)),
        program="""
        par(i, 5, h(i)), (par(i, 5, h(i)) : fad((par(i, 5, *(x @ i)) :> _), si.bus(5)))""",
    ),
    Case(
        "a wire and a slider",
        "p * sin(a)",
        ("a", "p"),
        program="""
        a, b, (b : fad((\\(p).(p * sin(a))), (a, _)))""",
    ),
    Case("a stop", "a * sin(b)", ("a",), program="a, fad(a * df.stop(sin(b * a / a)), a)"),
    Case(
        "a stop of a smoothed slider",
        '(hslider("smooth", 0.5, 0, 1, 0.01) : si.smoo) * smooth',
        ("smooth",),
        program="smooth, fad(df.stop(smooth) * smooth, smooth)",
    ),
    Case(
        "a stop in a large program",
        "a * 0.6 + 0.001 * (a : seq(i, 40, *(1 + b * i / 1000) : sin))",
        ("a",),
        program="a, fad(a * df.stop(a) + 0.001 * (a : seq(i, 40, *(1 + b * i / 1000) : sin)), a)",
    ),
]

POLES = " : ".join(f"fi.pole(h({i}))" for i in range(14))
#: A gated cell with 14 weights, on both sides of what the library takes for many seeds.
WEIGHTS = [f"h({i})" for i in range(14)]
CELL = (
    r"\(i).((\(p).(h(3) * p / (1 + exp(0 - h(0) * i - h(1) * p - h(2))) + "
    "h(4) * ma.tanh(h(5) * i + h(6) * p + h(7) + h(8) * i * i) + h(9) * p * i + h(10))) ~ _ : "
    r"\(y).(h(11) * y + h(12) * y * y + h(13) * i))"
)

#: Lists in lists, loops in loops, many seeds, tables.
SHAPES = [
    # Lists of seeds in lists.
    Case(
        "a list in a list",
        "a * b * c",
        ("a", "b", "c"),
        program="a, b, c, fad(a * b * c, ((a, b), c))",
    ),
    Case(
        "rad: a list in a list",
        "a * b * sin(c)",
        ("a", "b", "c"),
        "rad",
        program="a, b, c, rad(a * b * sin(c), ((a, b), (c)))",
    ),
    Case(
        "lists made by par",
        "h(0) * h(1) + h(2) * sin(h(3))",
        ("h(0)", "h(1)", "h(2)", "h(3)"),
        program="h(0), h(1), h(2), h(3), "
        "fad(h(0) * h(1) + h(2) * sin(h(3)), par(i, 2, (h(2 * i), h(2 * i + 1))))",
    ),
    # Smoothed sliders and what is made of them.
    *both("twice a smoothed slider", "x : fi.pole(doubled / 4)", "doubled"),
    *both("a number times a smoothed slider", "sin(scaled) * scaled", "scaled"),
    *both("two smoothed sliders of one slider", "quick * sin(slow) + slow", "quick", "slow"),
    *both("smoothed twice", "x : *(smoother) : fi.lowpass(2, 500 * smoother)", "smoother"),
    Case("smoothed three times", "smoothest * sin(smoothest)", ("smoothest",)),
    # Several inputs, and none.
    *both("two inputs", "*(a), *(b) :> _", "a", "b", signals="x, x'"),
    *both(
        "three inputs in a function",
        r"\(p, q, r).(p * a + q * b + r)",
        "a",
        "b",
        signals="x, x', x''",
    ),
    *both("a loop without inputs", "1 : + ~ *(a / 2)", "a"),
    # Loops in loops.
    *both(
        "two loops around one sum",
        r"(\(p, q, r).(p + q + r)) ~ *(a / 2) ~ *(c)",
        "a",
        "c",
        signals="x",
    ),
    *both("a loop in a loop", "(+ : + ~ *(c)) ~ *(a / 4)", "a", "c", signals="x"),
    *both("a loop of two alike", "par(i, 2, +) ~ par(i, 2, *(a)) :> _", "a", signals="x, x'"),
    *both(
        "letrec of two",
        "_ : \\(i).(y letrec { 'y = i + a * z; 'z = c * y; })",
        "a",
        "c",
        signals="x",
    ),
    *both(
        "a seed before and in the loop, another absent",
        "*(a) : fi.pole(a / 2)",
        "a",
        "c",
        signals="x",
    ),
    # More seeds than are carried each by itself.
    *both("fourteen poles", f"x : {POLES}", *WEIGHTS),
    *both("a gated cell", f"x : {CELL}", *WEIGHTS),
    *both("recursive filter", "fi.iir((a, b, c), (c, 0.2 * a))", "a", "b", "c", signals="x"),
    # Iterations.
    *both("sum", "sum(i, 4, (x @ i) * a ^ i)", "a"),
    *both("prod", "prod(i, 3, a + i * b)", "a", "b"),
    *both("seq", "seq(i, 3, *(a) : +(b * i))", "a", "b", signals="x"),
    *both("par", "par(i, 3, *(a + i)) :> _", "a", signals="x, x', x''"),
    # Tables, waveforms, routes, conditions.
    *both("waveform", r"waveform {1, 2, 4} : \(n, w).(w * a + b)", "a", "b"),
    *both("read table", "a * rdtable(4, float(+(1) ~ _), 2)", "a"),
    *both("written table", "rwtable(8, 0.0, (+(1) ~ _) % 8, a * x, (+(1) ~ _) % 8) * b", "a", "b"),
    *both("route", "a, b : route(2, 2, 1, 2, 2, 1) : /", "a", "b"),
    *both(
        "conditions", "select3(int(a * 3), a * b, b * c, c) + select2(x > 0, a, b)", "a", "b", "c"
    ),
    *both("attach", "attach(a * x, b)", "a"),
    *both("casts", "float(int(a * 4)) * b + (b > 1) * a", "a", "b"),
    # Definitions.
    *both("body with arguments", "g(b, x) with { g(q, i) = q * a * i + sin(q); }", "a", "b"),
    *both("environment", "environment { q = a * b; }.q * a", "a", "b"),
    *both("rules by number", "p(3) with { p(0) = 1; p(n) = a * p(n - 1) + b; }", "a", "b"),
    *both(
        "foreign function",
        'ffunction(float tanhf|tanh|tanhl (float), <math.h>, "")(a * b)',
        "a",
        "b",
    ),
    # Standard libraries.
    *both("state variable filter", "fi.svf.lp(f, b)", "f", "b", signals="x"),
    *both("cubic nonlinearity", "ef.cubicnl(c + 0.3, 0)", "c", signals="x"),
    *both("decibels", "x * ba.db2linear(b - 6)", "b"),
    # Nested.
    Case("fad of fad of fad", "fad(fad(sin(a) * a, a), a)", ("a",)),
    Case("fad of rad through feedback", "x : rad(fi.pole(a), a)", ("a",)),
    Case(
        "rad of fad through feedback", "x : fad(fi.tf2(1, a, 0, c, 0.1), (a, c))", ("a", "c"), "rad"
    ),
    Case("fad of rad, other seeds", "rad(sin(a * b), b)", ("a", "b")),
    # States.
    state("three states", "loss(p * x + q * x' + r, 0.5 * x + 0.1)", "p", "q", "r"),
    state(
        "a state in a filter",
        "loss(x : fi.tf2(1, g, 0, 0.3, 0), x : fi.tf2(1, 0.2, 0, 0.3, 0))",
        "g",
    ),
    # Wires.
    Case(
        "wires among others",
        r"\(p, q, a).(p * q * sin(a))",
        ("p", "q", "a"),
        program="b, c, a, ((b, c) : fad((\\(p, q).(p * q * sin(a))), (_, _, a)))",
    ),
    Case(
        "a stop in a loop",
        "x : *(a) : + ~ *(0.25)",
        ("a",),
        program="a, (x : fad((*(a) : + ~ *(df.stop(a * 0 + 0.25))), a))",
    ),
]

#: Models of the libraries that repeat their coefficients, or a loop for each of its outputs.
REPEATING = [
    Case("outputs of one loop", "ve.oberheim(smooth, 3) : _, !, !, _", ("smooth",), signals="x"),
    Case("a ladder", "ve.korg35LPF(smooth, 3)", ("smooth",), "rad", signals="x"),
]
