"""Delay lines of C++ text as long as one sample rate needs, whatever rounds or wraps around."""

from __future__ import annotations

import re

import pytest

from faustdiff.faust.ring_lengths import with_short_rings

RING = """class mydsp : public dsp {{
\tfloat fVec0[131072];
\tint IOTA0;
\tvirtual void instanceConstants(int sample_rate) {{
\t\tfSampleRate = sample_rate;
\t\tfloat fConst0 = std::min<float>(1.92e+05f, std::max<float>(1.0f, float(fSampleRate)));
\t\tiConst1 = {0};
\t}}
\tvirtual void instanceClear() {{
\t\tfor (int l0 = 0; l0 < 131072; l0 = l0 + 1) {{
\t\t\tfVec0[l0] = 0.0f;
\t\t}}
\t}}
\tvirtual void compute(int count, FAUSTFLOAT** inputs, FAUSTFLOAT** outputs) {{
\t\tfor (int i0 = 0; i0 < count; i0 = i0 + 1) {{
\t\t\tfVec0[IOTA0 & 131071] = float(input0[i0]);
\t\t\toutput0[i0] = FAUSTFLOAT(fVec0[(IOTA0 - iConst1) & 131071]);
\t\t}}
\t}}
}};
"""


@pytest.mark.parametrize(
    ("delay", "length"),
    [
        ("int(0.1f * fConst0)", 8192),
        ("faust_wrap_sub(8192, int(fConst0 / 4410.0f))", 8192),
        ("std::max<int>(0, 512 - int(fConst0 - 44000.0f))", 512),
        # Whole numbers that wrap around, or are converted from a number that is too large.
        ("std::max<int>(0, std::min<int>(999, -50000 * int(fConst0)))", 131072),
        ("std::max<int>(0, std::min<int>(999, -2147483647 - int(fConst0)))", 131072),
        ("std::max<int>(0, std::min<int>(999, int(-1e+05f * fConst0)))", 131072),
        ("std::max<int>(0, std::min<int>(999, -2147483648 - int(fConst0)))", 131072),
        # 44099.9 is 44099.8984 in single precision: 16635 samples, not 16380.
        ("int(163800.0f * (fConst0 - 44099.9f))", 32768),
        ("std::min<int>(999, int(1.0f / (fConst0 - 44100.0001f)))", 131072),
    ],
)
def test_rings_hold_what_the_rate_needs(delay: str, length: int) -> None:
    text = with_short_rings(RING.format(delay), 44100)
    assert {int(one) for one in re.findall(r"fVec0\[(\d+)\];", text)} == {length}
    assert {int(one) for one in re.findall(r"& (\d+)\]", text)} == {length - 1}
    assert re.findall(r"l0 < (\d+);", text) == [str(length)]
