"""What is differentiated: each task as plain Faust, and by hand in C++.

`model` is a Faust function of the parameters, which takes one signal and gives one. `members` and
`body` are the same with its partials in C++, as one would write it who writes it once: forward
sensitivities, states in local variables, blocks of a delay line copied, in a recursion the term of
the last sample added last. In `body`, `x` is the input and `out` the outputs (value, partials),
`count` the samples, `p` the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

HIDDEN = 16
ORDER = 8


@dataclass(frozen=True)
class Task:
    """One row of the table; `values` are those of the parameters."""

    name: str
    model: str
    values: tuple[float, ...]
    members: str
    body: str
    #: Whether reverse mode is measured.
    reverse: bool = True


def _names(prefix: str, count: int) -> str:
    return ", ".join(f"{prefix}{i}" for i in range(count))


ONE_POLE = Task(
    "one-pole",
    r"\(g, a).(*(g) : + ~ *(a))",
    (0.3, 0.7),
    "double y = 0, dg = 0, da = 0;",
    """
    double g = p[0], a = p[1], y = this->y, dg = this->dg, da = this->da;
    for (int n = 0; n < count; n++) {
        da = a * da + y;
        dg = a * dg + x[n];
        y = a * y + g * x[n];
        out[0][n] = y; out[1][n] = dg; out[2][n] = da;
    }
    this->y = y; this->dg = dg; this->da = da;
    """,
)

BIQUAD = Task(
    "biquad, five coefficients",
    r"\(b0, b1, b2, a1, a2).(fi.tf2(b0, b1, b2, a1, a2))",
    (0.3, 0.2, 0.1, -0.9, 0.4),
    "double s[6] = {};",
    """
    double b0 = p[0], b1 = p[1], b2 = p[2], a1 = p[3], a2 = p[4];
    double w1 = s[0], w2 = s[1], u1 = s[2], u2 = s[3], v1 = s[4], v2 = s[5];
    for (int n = 0; n < count; n++) {
        double w = x[n] - a2 * w2 - a1 * w1;
        double u = -w1 - a2 * u2 - a1 * u1;
        double v = -w2 - a2 * v2 - a1 * v1;
        out[0][n] = b0 * w + b1 * w1 + b2 * w2;
        out[1][n] = w; out[2][n] = w1; out[3][n] = w2;
        out[4][n] = b0 * u + b1 * u1 + b2 * u2;
        out[5][n] = b0 * v + b1 * v1 + b2 * v2;
        w2 = w1; w1 = w; u2 = u1; u1 = u; v2 = v1; v1 = v;
    }
    s[0] = w1; s[1] = w2; s[2] = u1; s[3] = u2; s[4] = v1; s[5] = v2;
    """,
)

LOWPASS = Task(
    "`fi.lowpass(4)`",
    "fi.lowpass(4)",
    (1500.0,),
    "double w[2][2] = {}, d[2][2] = {};",
    """
    // Butterworth sections s^2 + q s + 1, by the bilinear transform at frequency p[0].
    double t = tan(M_PI * p[0] / rate), dt = (1 + t * t) * M_PI / rate, q[2], a[2][3], da[2][3];
    for (int k = 0; k < 2; k++) {
        q[k] = 2 * cos(M_PI * (2 * k + 1) / 8);
        double i = 1 / (1 + q[k] * t + t * t), di = -i * i * (q[k] + 2 * t) * dt;
        a[k][0] = t * t * i;
        da[k][0] = 2 * t * dt * i + t * t * di;
        a[k][1] = 2 * (t * t - 1) * i;
        da[k][1] = 4 * t * dt * i + 2 * (t * t - 1) * di;
        a[k][2] = (1 - q[k] * t + t * t) * i;
        da[k][2] = (2 * t - q[k]) * dt * i + (1 - q[k] * t + t * t) * di;
    }
    double w00 = w[0][0], w01 = w[0][1], w10 = w[1][0], w11 = w[1][1];
    double d00 = d[0][0], d01 = d[0][1], d10 = d[1][0], d11 = d[1][1];
    for (int n = 0; n < count; n++) {
        double u = x[n] - a[0][2] * w01 - a[0][1] * w00;
        double v = -da[0][1] * w00 - da[0][2] * w01 - a[0][2] * d01 - a[0][1] * d00;
        double sum = u + 2 * w00 + w01;
        double y = a[0][0] * sum, dy = da[0][0] * sum + a[0][0] * (v + 2 * d00 + d01);
        w01 = w00; w00 = u; d01 = d00; d00 = v;
        u = y - a[1][2] * w11 - a[1][1] * w10;
        v = dy - da[1][1] * w10 - da[1][2] * w11 - a[1][2] * d11 - a[1][1] * d10;
        sum = u + 2 * w10 + w11;
        out[0][n] = a[1][0] * sum;
        out[1][n] = da[1][0] * sum + a[1][0] * (v + 2 * d10 + d11);
        w11 = w10; w10 = u; d11 = d10; d10 = v;
    }
    w[0][0] = w00; w[0][1] = w01; w[1][0] = w10; w[1][1] = w11;
    d[0][0] = d00; d[0][1] = d01; d[1][0] = d10; d[1][1] = d11;
    """,
)


def fir(taps: int) -> Task:
    """An FIR filter of which every tap is a parameter: the partials are the delayed input."""
    terms = ", ".join(f"(@({i}) * b{i})" for i in range(taps))
    return Task(
        f"FIR, {taps} taps",
        rf"\({_names('b', taps)}).(_ <: {terms} :> _)",
        tuple(0.5 / (1 + i) for i in range(taps)),
        f"double line[{taps - 1} + 4096] = {{}};",
        f"""
        const int T = {taps};
        std::copy_n(x, count, line + T - 1);
        for (int n = 0; n < count; n++) out[0][n] = 0;
        for (int i = 0; i < T; i++) {{
            const double* delayed = line + T - 1 - i;
            std::copy_n(delayed, count, out[1 + i]);
            for (int n = 0; n < count; n++) out[0][n] += p[i] * delayed[n];
        }}
        std::copy_n(line + count, T - 1, line);
        """,
    )


def _network() -> Task:
    units = range(HIDDEN)
    names = ", ".join([_names(kind, HIDDEN) for kind in "wbv"] + ["c"])
    sums = " + ".join(f"v{i} * ma.tanh(w{i} * x + b{i})" for i in units)
    values = [0.3 + 0.1 * i for i in units] + [0.2 - 0.03 * i for i in units]
    values += [0.5 - 0.07 * i for i in units] + [0.1]
    return Task(
        f"network, 1-{HIDDEN}-1",
        rf"\({names}).(\(x).({sums} + c))",
        tuple(values),
        "",
        f"""
        const int H = {HIDDEN};
        for (int n = 0; n < count; n++) {{
            double y = p[3 * H];
            for (int i = 0; i < H; i++) {{
                double t = tanh(p[i] * x[n] + p[H + i]), s = p[2 * H + i] * (1 - t) * (1 + t);
                y += p[2 * H + i] * t;
                out[1 + i][n] = s * x[n]; out[1 + H + i][n] = s; out[1 + 2 * H + i][n] = t;
            }}
            out[0][n] = y; out[1 + 3 * H][n] = 1;
        }}
        """,
    )


STRING = Task(
    "Karplus-Strong string",
    r"\(g, a).(+ ~ (@(99) : \(s).(a * s + (1 - a) * s') : *(g)))",
    (0.95, 0.6),
    "double y[128] = {}, dg[128] = {}, da[128] = {}; unsigned at = 0;",
    """
    double g = p[0], a = p[1];
    for (int n = 0; n < count; n++, at++) {
        unsigned k = at & 127, i = (at - 100) & 127, j = (at - 101) & 127;
        double s = a * y[i] + (1 - a) * y[j];
        out[0][n] = y[k] = x[n] + g * s;
        out[1][n] = dg[k] = s + g * (a * dg[i] + (1 - a) * dg[j]);
        out[2][n] = da[k] = g * (y[i] - y[j] + a * da[i] + (1 - a) * da[j]);
    }
    """,
)

LADDER = Task(
    "Moog ladder",
    r"\(c, r).((\(y, x).(ma.tanh(x - 4 * r * y)) : pole : pole : pole : pole) ~ _"
    r" with { pole = *(c) : + ~ *(1 - c); })",
    (0.3, 0.6),
    "double s[4] = {}, dc[4] = {}, dr[4] = {};",
    """
    double c = p[0], r = p[1], y[4], u[4], v[4];
    for (int i = 0; i < 4; i++) { y[i] = s[i]; u[i] = dc[i]; v[i] = dr[i]; }
    for (int n = 0; n < count; n++) {
        double t = tanh(x[n] - 4 * r * y[3]), slope = -4 * (1 - t) * (1 + t);
        double du = slope * r * u[3], dv = slope * (y[3] + r * v[3]);
        for (int i = 0; i < 4; i++) {
            u[i] = (1 - c) * u[i] + (t - y[i] + c * du);
            v[i] = (1 - c) * v[i] + c * dv;
            y[i] = (1 - c) * y[i] + c * t;
            t = y[i]; du = u[i]; dv = v[i];
        }
        out[0][n] = t; out[1][n] = du; out[2][n] = dv;
    }
    for (int i = 0; i < 4; i++) { s[i] = y[i]; dc[i] = u[i]; dr[i] = v[i]; }
    """,
)

OSCILLATOR = Task(
    "oscillator",
    r"\(f, g).(\(x).(x * g * sin(2 * ma.PI * phase)"
    r" with { phase = f / ma.SR : (+ : ma.frac) ~ _; }))",
    (440.0, 0.5),
    "double phase = 0, slope = 0;",
    """
    double step = p[0] / rate, g = p[1], phase = this->phase, slope = this->slope;
    for (int n = 0; n < count; n++) {
        phase += step; phase -= floor(phase); slope += 1.0 / rate;
        double angle = 2 * M_PI * phase, s = x[n] * sin(angle);
        out[0][n] = g * s; out[1][n] = g * x[n] * cos(angle) * 2 * M_PI * slope; out[2][n] = s;
    }
    this->phase = phase; this->slope = slope;
    """,
)

COMPRESSOR = Task(
    "compressor",
    r"\(t, s, r).(\(x).(x * exp(s * log(t / max(t, e)))"
    r" with { e = abs(x) : (\(y, u).(max(u, r * y + (1 - r) * u))) ~ _; }))",
    (0.2, 0.6, 0.99),
    "double e = 0, de = 0;",
    """
    double t = p[0], s = p[1], r = p[2], e = this->e, de = this->de;
    for (int n = 0; n < count; n++) {
        double u = fabs(x[n]), slow = r * e + (1 - r) * u;
        bool falls = slow > u;
        de = falls ? e - u + r * de : 0;
        e = falls ? slow : u;
        bool above = e > t;
        double l = above ? log(t / e) : 0, y = x[n] * exp(s * l);
        out[0][n] = y; out[1][n] = above ? y * s / t : 0; out[2][n] = y * l;
        out[3][n] = above ? -y * s / e * de : 0;
    }
    this->e = e; this->de = de;
    """,
)

STATE_VARIABLE = Task(
    "state-variable filter",
    r"\(g, k).(\(s1, s2, x).(2 * v1 - s1, 2 * v2 - s2, v2 with {"
    r" v1 = (s1 + g * (x - s2)) / (1 + g * (g + k)); v2 = s2 + g * v1; }) ~ (_, _) : !, !, _)",
    (0.2, 0.5),
    "double s[6] = {};",
    """
    double g = p[0], k = p[1], a = 1 / (1 + g * (g + k));
    double ag = -a * a * (2 * g + k), ak = -a * a * g;
    double s1 = s[0], s2 = s[1], g1 = s[2], g2 = s[3], k1 = s[4], k2 = s[5];
    for (int n = 0; n < count; n++) {
        double e = x[n] - s2, b = s1 + g * e, v1 = a * b, v2 = s2 + g * v1;
        double vg = ag * b + a * (g1 + e - g * g2), wg = g2 + v1 + g * vg;
        double vk = ak * b + a * (k1 - g * k2), wk = k2 + g * vk;
        s1 = 2 * v1 - s1; s2 = 2 * v2 - s2;
        g1 = 2 * vg - g1; g2 = 2 * wg - g2;
        k1 = 2 * vk - k1; k2 = 2 * wk - k2;
        out[0][n] = v2; out[1][n] = wg; out[2][n] = wk;
    }
    s[0] = s1; s[1] = s2; s[2] = g1; s[3] = g2; s[4] = k1; s[5] = k2;
    """,
)

REVERB = Task(
    "reverb",
    r"\(f, d, w).(\(x).((x <: comb(1115), comb(1187), comb(1276), comb(1355) :> *(0.25)"
    r" : all(555) : all(440)) * w + x * (1 - w)) with {"
    r" comb(n) = + ~ (@(n) : *(1 - d) : + ~ *(d) : *(f));"
    r" all(n) = (\(b, x).(x + 0.5 * b, b - x)) ~ @(n) : !, _; })",
    (0.8, 0.3, 0.4),
    """
    double c[4][3][2048] = {}, low[4][3] = {}, ring[2][3][1024] = {}; unsigned at = 0;
    """,
    """
    static const unsigned lengths[4] = {1116, 1188, 1277, 1356}, ways[2] = {556, 441};
    double f = p[0], d = p[1], w = p[2];
    for (int n = 0; n < count; n++, at++) {
        double y = 0, yf = 0, yd = 0;
        for (int i = 0; i < 4; i++) {
            unsigned k = (at - lengths[i]) & 2047, j = at & 2047;
            double z = c[i][0][k], *l = low[i];
            double lf = (1 - d) * c[i][1][k] + d * l[1];
            double ld = l[0] - z + (1 - d) * c[i][2][k] + d * l[2];
            l[0] = (1 - d) * z + d * l[0]; l[1] = lf; l[2] = ld;
            y += c[i][0][j] = x[n] + f * l[0];
            yf += c[i][1][j] = l[0] + f * lf;
            yd += c[i][2][j] = f * ld;
        }
        double v[3] = {0.25 * y, 0.25 * yf, 0.25 * yd};
        for (int i = 0; i < 2; i++)
            for (int m = 0; m < 3; m++) {
                double b = ring[i][m][(at - ways[i]) & 1023];
                ring[i][m][at & 1023] = v[m] + 0.5 * b;
                v[m] = b - v[m];
            }
        out[0][n] = v[0] * w + x[n] * (1 - w);
        out[1][n] = v[1] * w; out[2][n] = v[2] * w; out[3][n] = v[0] - x[n];
    }
    """,
)


def _all_pole() -> Task:
    terms = ", ".join(f"(@({i}) * a{i})" for i in range(ORDER))
    return Task(
        f"all-pole, order {ORDER}",
        rf"\({_names('a', ORDER)}).(+ ~ (_ <: {terms} :> *(-1)))",
        (-0.9, 0.5, -0.3, 0.2, -0.1, 0.05, -0.03, 0.01),
        f"double s[{ORDER + 1}][{ORDER}] = {{}};",
        f"""
        const int P = {ORDER};
        double s[P + 1][P], a[P];
        std::copy_n(&this->s[0][0], (P + 1) * P, &s[0][0]);
        std::copy_n(p, P, a);
        for (int n = 0; n < count; n++) {{
            double next[P + 1] = {{x[n]}};
            for (int k = 0; k < P; k++) next[k + 1] = -s[0][k];
            for (int m = 0; m <= P; m++) {{
                for (int i = P - 1; i >= 0; i--) next[m] -= a[i] * s[m][i];
                for (int i = P - 1; i > 0; i--) s[m][i] = s[m][i - 1];
                out[m][n] = s[m][0] = next[m];
            }}
        }}
        std::copy_n(&s[0][0], (P + 1) * P, &this->s[0][0]);
        """,
    )


TASKS = (
    ONE_POLE,
    BIQUAD,
    LOWPASS,
    fir(4),
    fir(16),
    fir(64),
    _network(),
    STRING,
    LADDER,
    OSCILLATOR,
    COMPRESSOR,
    STATE_VARIABLE,
    REVERB,
    _all_pole(),
)
