"""Programs with sliders, functions and others, that every way to differentiate must get right."""

from __future__ import annotations

import numpy as np

from .whole_programs import HEAD, Array, Whole, function


def impulse(channels: int, frames: int) -> Array:
    return np.tile(1.0 * (np.arange(frames) == 0), (channels, 1))


def quiet(channels: int, frames: int) -> Array:
    """Silence, then a burst, then silence."""
    frame = np.arange(frames)
    loud = (frame > 400) & (frame < 1200)
    return loud * np.random.default_rng(2).uniform(-1, 1, (channels, frames))


FUNCTIONS = (
    function("gain", [0.5], r"\(g).(*(g))"),
    function("gain and DC", [0.5, 0.1], r"\(g, dc).(*(g) : +(dc))"),
    function("one zero", [0.4], r"\(b).(_ <: _, (mem : *(b)) :> _)"),
    function("one pole", [0.7], r"\(a).(+ ~ *(a))", feed=impulse),
    function("resonant low-pass", [1000.0, 2.0, 0.5], r"\(f, q, g).(fi.resonlp(f, q, g))"),
    function("low-pass of order 4", [1000.0], r"\(f).(fi.lowpass(4, f))"),
    function("Moog ladder", [0.2, 2.0], r"\(f, q).(ve.moogLadder(f, q))"),
    function("diode ladder", [0.2, 2.0], r"\(f, q).(ve.diodeLadder(f, q))"),
    function("string", [0.55, 0.3], r"\(l, d).(pm.ks(l, d))", feed=impulse),
    function(
        "reverb", [0.5, 0.4, 0.3], r"\(a, b, c).(re.mono_freeverb(a, b, c, 23))", feed=impulse
    ),
    function(
        "compressor at silence",
        [4.0, -20.0, 0.003, 0.02],
        r"\(r, t, a, d).(co.compressor_mono(r, t, a, d))",
        feed=quiet,
    ),
    function("echo", [10.3, 0.5], r"\(d, g).(_ <: _, (de.fdelay(1024, d) : *(g)) :> _)"),
    function("echo in a loop", [10.3, 0.5], r"\(d, g).(+ ~ (de.fdelay(1024, d) : *(g)))"),
    function(
        "FM voice",
        [440.3, 110.7, 50.0],
        r"\(f, m, i).(os.phasor(1, f + i * sin(2 * ma.PI * os.phasor(1, m))) * 2 * ma.PI : sin)",
    ),
    function("smoothed gain", [0.5], r"\(g).(*(g : si.smooth(0.9)))"),
    function("overdrive", [0.4, 0.1], r"\(d, o).(ef.cubicnl_nodc(d, o))"),
    function("hyperbolic", [1.5], r"\(g).(*(g) : ma.tanh)"),
    function("selection", [0.3, 0.6], r"\(a, b).(_ <: select2(>(0), *(a), *(b) * a))"),
    function("condition", [0.6], r"\(b).(_ <: ba.if(_ > 0.1, _, *(b)))"),
    function(
        "iterations",
        [0.3, 0.4, 0.5],
        r"\(a, b, c).(seq(i, 3, fi.pole(a / (i + 1))) <: sum(i, 3, *(b + i)), par(i, 2, *(c)))",
    ),
    function("several inputs and outputs", [0.3, 0.6], r"\(a, b).(*(a), *(b) <: (+ , -), _, _)"),
    function("nested recursion", [0.2, 0.3], r"\(a, b).((+ : (+ ~ *(a))) ~ (*(b) : (+ ~ *(0.2))))"),
    function("written table", [0.6], r"\(g).(rwtable(64, 0.0, ba.time % 64, *(g), ba.time % 60))"),
    function("prefix", [0.6], r"\(g).(*(g) : \(x).(3.0, x : prefix))"),
    function("delay by a signal", [0.6], r"\(g).(*(g) : @(int(25 + 20 * sin(ba.time / 10))))"),
    function("interpolated table", [0.37], r"\(g).(it.frdtable(3, 64, os.sinwaveform(64), 9 * g))"),
)

WHOLE = (
    Whole(
        "two equations of each other",
        HEAD + 'process(x) = a letrec { \'a = 0.3 * b + hslider("k", 0.4, 0, 0.9, 0.01) * a + x;'
        " 'b = a - 0.2 * b; };",
    ),
    Whole(
        "groups and bargraphs",
        HEAD + 'process = vgroup("chain [tooltip:all/of it]", hgroup("in/put", *(hslider("gain'
        ' [unit:x]", 0.5, 0, 1, 0.01)) : hbargraph("level [unit:dB]", -1, 1)) : vgroup("tone",'
        ' fi.lowpass(1, vslider("cutoff [scale:log]", 1000, 20, 9000, 1)) <: attach(_, abs :'
        ' vbargraph("peak", 0, 1))) : *(checkbox("[9]on") + 0.5 + button("../gate")));',
    ),
    Whole(
        "bargraphs in a loop",
        HEAD + 'process = (\\(a, b, x).(attach(a * 0.5 + b * hslider("g", 0.5, 0, 0.9, 0.01) + x,'
        ' b : hbargraph("k", 0, 1)), (a * 0.3 : vbargraph("m", 0, 1)))) ~ (_, _) : _, !;',
    ),
    Whole(
        "one slider in two places",
        HEAD
        + 'g = hslider("g", 0.5, 0, 1, 0.01); process = hgroup("a", *(g)), hgroup("a", sin : *(g))'
        ', hgroup("b", *(g));',
    ),
    Whole("enabled", HEAD + 'process = _ <: *(hslider("g", 0.5, 0, 1, 0.01)), >(0) : enable;'),
    Whole(
        "a sound file passes through",
        HEAD
        + 'process = 0, ba.time : soundfile("sound", 1) : !, !, *(hslider("g", 0.5, 0, 1, 0.1))'
        ' : +(hslider("h", 0.5, 0, 1, 0.1));',
    ),
    Whole(
        "a waveform passes through",
        HEAD + "process = rdtable(waveform{1, 2.5, -3}, ba.time % 3)"
        ' * hslider("g", 0.5, 0, 1, 0.01);',
    ),
)
