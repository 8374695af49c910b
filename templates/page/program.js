// A Faust program in WebAssembly, as the compiler makes it with memory of its own.

/** The functions that a module asks for beside its instructions, by the names Faust gives them. */
const MATHS = {
    ...Object.fromEntries(
        ["acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos", "cosh", "exp", "expm1",
            "floor", "hypot", "log", "log10", "log1p", "log2", "pow", "sin", "sinh", "sqrt", "tan", "tanh"]
            .map((name) => [name, Math[name]])),
    exp2: (x) => 2 ** x,
    exp10: (x) => 10 ** x,
    fabs: Math.abs,
    fmax: Math.max,
    fmin: Math.min,
    fmod: (x, y) => x % y,
    // Halves go to the even neighbour, as in C.
    rint: (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
    round: (x) => Math.sign(x) * Math.floor(Math.abs(x) + 0.5),
    remainder: (x, y) => x - y * MATHS.rint(x / y),
    copysign: (x, y) => (Object.is(Math.sign(y), -0) || y < 0 ? -Math.abs(x) : Math.abs(x)),
    isnan: (x) => Number(Number.isNaN(x)),
    isinf: (x) => Number(Math.abs(x) === Infinity),
};
/** The most frames of one call of `compute`. */
const BLOCK = 128;
const PAGE_BYTES = 65536;

/** The imports of a module; throws for a function that is not known here. */
function mathImports(module) {
    const env = {};
    for (const { name, kind } of WebAssembly.Module.imports(module)) {
        const known = MATHS[name.replace(/^_/, "")] ?? MATHS[name.replace(/^_|f$/g, "")];
        if (kind !== "function" || !known) {
            throw new Error(`The program needs '${name}', which a browser does not have.`);
        }
        env[name] = known;
    }
    return { env };
}

class FaustProgram {
    /** `code`: the module as bytes; `description`: inputs and outputs; `rate` in Hz. */
    constructor(code, description, rate) {
        const module = new WebAssembly.Module(code);
        this.faust = new WebAssembly.Instance(module, mathImports(module)).exports;
        this.rate = rate;
        const { inputs, outputs } = description;
        // Buffers stand in pages behind all that the program itself uses.
        const memory = this.faust.memory;
        const start = memory.buffer.byteLength;
        const buffer = BLOCK * Float64Array.BYTES_PER_ELEMENT;
        memory.grow(Math.ceil(((inputs + outputs) * (buffer + 4) + 8) / PAGE_BYTES));
        const at = (channel) => start + channel * buffer;
        const view = (channel) => new Float64Array(memory.buffer, at(channel), BLOCK);
        const count = inputs + outputs;
        this.inputs = Array.from({ length: inputs }, (_, i) => view(i));
        this.outputs = Array.from({ length: outputs }, (_, i) => view(inputs + i));
        this.pointers = at(count);
        new Int32Array(memory.buffer, this.pointers, count).set(Array.from({ length: count }, (_, i) => at(i)));
        this.faust.init(0, rate);
    }

    /** Computes the next frames of `outputs` from those of `inputs`. */
    compute(frames) {
        this.faust.compute(0, frames, this.pointers, this.pointers + 4 * this.inputs.length);
    }

    get(index) {
        return this.faust.getParamValue(0, index);
    }

    set(index, value) {
        this.faust.setParamValue(0, index, value);
    }

    /** Back to the state of the start; widgets keep their values. */
    clear() {
        this.faust.instanceClear(0);
    }
}
