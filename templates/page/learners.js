// Programs that learn, block by block: `learnerOf(plan, rate)` makes one. All of them have
//   process(frames)     the next block; afterwards `heard` has {input, truth, learned}, each a list of
//                       channels or null, and `loss` the mean loss of the block
//   values()            what is learned so far, in the order of the plan
//   meters()            the other bargraphs
//   set(index, value, where), rate(factor), source(source), reset()

/** What a program with inputs is fed; `samples` are channels of a sound that is repeated. */
class Excitation {
    constructor(rate, inputs) {
        this.rate = rate;
        this.inputs = inputs;
        this.source = { kind: "noise" };
        this.reset();
    }

    reset() {
        this.time = 0;
        this.state = Uint32Array.from({ length: Math.max(1, this.inputs) }, (_, i) => 12345 + 7919 * i);
    }

    /** The next samples of a channel, written to `into`. */
    fill(into, frames, channel) {
        const { kind, samples } = this.source;
        for (let i = 0; i < frames; i++) {
            const time = this.time + i;
            if (kind === "sound") {
                const sound = samples[channel % samples.length];
                into[i] = sound[time % sound.length];
            } else if (kind === "sawtooth") {
                into[i] = (2 * ((time * 110) / this.rate % 1) - 1) / 2;
            } else if (kind === "clicks") {
                into[i] = time % Math.round(this.rate / 4) === 0 ? 1 : 0;
            } else {
                // Linear congruence modulo 2^32 (Numerical Recipes).
                this.state[channel] = Math.imul(this.state[channel], 1664525) + 1013904223;
                into[i] = this.state[channel] / 2 ** 31 - 1;
            }
        }
    }

    advance(frames) {
        this.time += frames;
    }
}

/** What the learners share: the input, and what can be heard of it. */
class Learner {
    constructor(plan, rate, program) {
        this.plan = plan;
        this.sampleRate = rate;
        this.program = program;
        this.excitation = new Excitation(rate, program.inputs.length);
        this.loss = 0;
        /** Whether the output that is sought is no number. */
        this.lost = false;
        this.heard = { input: program.inputs.length ? program.inputs : null, truth: null, learned: null };
    }

    source(source) {
        this.excitation.source = source;
    }

    feed(frames) {
        this.program.inputs.forEach((input, i) => this.excitation.fill(input, frames, i));
        this.excitation.advance(frames);
    }

    meters() {
        return this.plan.meters.map((index) => this.program.get(index));
    }
}

/** A program that learns by itself: its outputs are the loss, and, if there are more, truth and learned. */
class SelfLearner extends Learner {
    constructor(plan, rate) {
        super(plan, rate, new FaustProgram(plan.program.code, plan.program.description, rate));
        const { outputs } = this.program;
        if (outputs.length > 2) {
            this.heard.truth = outputs.slice(1, -1);
            this.heard.learned = outputs.slice(-1);
        }
    }

    process(frames) {
        this.feed(frames);
        this.program.compute(frames);
        let sum = 0;
        for (let i = 0; i < frames; i++) sum += this.program.outputs[0][i];
        this.loss = sum / frames;
    }

    values() {
        return this.plan.learned.map((index) => this.program.get(index));
    }

    set(index, value) {
        this.program.set(index, value);
    }

    rate(factor) {
        if (this.plan.rate !== null) this.program.set(this.plan.rate, factor);
    }

    reset() {
        this.excitation.reset();
        this.program.clear();
    }
}

/** Frames that a step is made of, and frames before them in which the last step dies away. */
const WINDOW = 3072;
const SETTLE = 1024;
/** The longest step of a slider, as a part of its range. */
const LONGEST_STEP = 0.15;
/** The loss of a program that has found its sliders is rounding; it is shown as this. */
const LOWEST_LOSS = 1e-30;

/**
 * A plain program and its partials: the sliders of the second are moved until its outputs are those
 * of the first. Damped least squares on windows of samples: Levenberg (1944), Marquardt (1963).
 */
class SliderLearner extends Learner {
    constructor(plan, rate) {
        const hidden = new FaustProgram(plan.program.code, plan.program.description, rate);
        super(plan, rate, hidden);
        this.learning = new FaustProgram(plan.partials.code, plan.partials.description, rate);
        const count = plan.parameters.length;
        this.stride = 1 + count;
        this.factor = 0.5;
        this.heard.truth = hidden.outputs;
        this.heard.learned = hidden.outputs.map((_, i) => this.learning.outputs[i * this.stride]);
        this.normal = Array.from({ length: count }, () => new Float64Array(count));
        this.right = new Float64Array(count);
        this.slopes = new Float64Array(count);
        this.start();
    }

    start() {
        this.places = this.plan.parameters.map((one) => placeOf(one, one.init));
        this.damping = 1e-2;
        this.lastLoss = Infinity;
        this.apply();
        this.restart();
    }

    restart() {
        this.seen = 0;
        this.sum = 0;
        this.right.fill(0);
        for (const row of this.normal) row.fill(0);
    }

    apply() {
        this.plan.parameters.forEach((one, i) => this.learning.set(one.learned, valueOf(one, this.places[i])));
    }

    process(frames) {
        this.feed(frames);
        this.program.inputs.forEach((input, i) => this.learning.inputs[i].set(input));
        this.program.compute(frames);
        this.learning.compute(frames);
        const scales = this.plan.parameters.map((one, i) => slopeOf(one, this.places[i]));
        let loss = 0;
        this.lost = !this.program.outputs.every((truth) => truth.subarray(0, frames).every(Number.isFinite));
        for (let i = 0; i < frames; i++) {
            const used = this.seen + i >= SETTLE;
            this.program.outputs.forEach((truth, o) => {
                const first = o * this.stride;
                const error = truth[i] - this.learning.outputs[first][i];
                loss += error * error;
                if (used) this.collect(error, first, i, scales);
            });
        }
        this.loss = Math.max(LOWEST_LOSS, loss / frames / this.program.outputs.length);
        this.seen += frames;
        if (this.seen >= SETTLE + WINDOW) this.step();
    }

    /** Adds one sample to the normal equations. */
    collect(error, first, i, scales) {
        const { slopes, right, normal } = this;
        const count = slopes.length;
        for (let p = 0; p < count; p++) slopes[p] = this.learning.outputs[first + 1 + p][i] * scales[p];
        for (let p = 0; p < count; p++) {
            right[p] += slopes[p] * error;
            for (let q = 0; q <= p; q++) normal[p][q] += slopes[p] * slopes[q];
        }
        this.sum += error * error;
    }

    step() {
        if (Number.isFinite(this.sum) && this.right.every(Number.isFinite)) {
            this.damping = Math.min(1e3, Math.max(1e-6, this.damping * (this.sum <= this.lastLoss ? 0.4 : 4)));
            this.lastLoss = this.sum;
            const change = solved(this.normal, this.right, this.damping);
            const longest = Math.max(...change.map(Math.abs));
            const scale = this.factor * Math.min(1, LONGEST_STEP / Math.max(longest, 1e-300));
            this.places = this.places.map((place, i) => Math.min(1, Math.max(0, place + scale * change[i])));
            this.apply();
        } else {
            // The program has run away with these values: its state goes, and it tries again.
            this.learning.clear();
            this.damping = 1;
            this.lastLoss = Infinity;
        }
        this.restart();
    }

    values() {
        return this.plan.parameters.map((one, i) => valueOf(one, this.places[i]));
    }

    /** Sets a slider by its indices in the two programs; `learned` is null for one that stays hidden. */
    set(index, value, learned) {
        this.program.set(index, value);
        if (learned !== null) this.learning.set(learned, value);
        this.lastLoss = Infinity;
        // What is no number may stay in the state.
        if (this.lost) this.program.clear();
    }

    rate(factor) {
        this.factor = factor;
    }

    reset() {
        this.excitation.reset();
        this.program.clear();
        this.learning.clear();
        this.start();
    }
}

/** A program that is only run: the playground has such. Nothing is learned. */
class Player extends Learner {
    constructor(plan, rate) {
        super(plan, rate, new FaustProgram(plan.program.code, plan.program.description, rate));
        this.heard.learned = this.program.outputs.length ? this.program.outputs : null;
    }

    process(frames) {
        this.feed(frames);
        this.program.compute(frames);
    }

    values() {
        return [];
    }

    set(index, value) {
        this.program.set(index, value);
    }

    rate() {}

    reset() {
        this.excitation.reset();
        this.program.clear();
    }
}

function learnerOf(plan, rate) {
    return new { self: SelfLearner, sliders: SliderLearner, player: Player }[plan.kind](plan, rate);
}

const isLogarithmic = (one) => one.scale === "log" && one.min > 0;

/** The value of a slider at a place from 0 to 1, evenly by ratios where its scale is logarithmic. */
function valueOf(one, place) {
    if (isLogarithmic(one)) return one.min * (one.max / one.min) ** place;
    return one.min + place * (one.max - one.min);
}

function placeOf(one, value) {
    if (isLogarithmic(one)) return Math.log(value / one.min) / Math.log(one.max / one.min);
    // A slider, or a meter, may have one value only.
    return one.max > one.min ? (value - one.min) / (one.max - one.min) : 0;
}

/** The derivative of `valueOf` by the place. */
function slopeOf(one, place) {
    return isLogarithmic(one) ? valueOf(one, place) * Math.log(one.max / one.min) : one.max - one.min;
}

/** The solution of damped normal equations, by Cholesky's decomposition; `normal` is its lower half. */
function solved(normal, right, damping) {
    const count = right.length;
    // Each parameter has a scale of its own; one without effect stays where it is.
    const scales = normal.map((row, p) => row[p] || 1);
    const lower = normal.map((row, p) => Float64Array.from(row, (x, q) => (q === p ? scales[p] * (1 + damping) : x)));
    for (let p = 0; p < count; p++) {
        for (let q = 0; q <= p; q++) {
            let sum = lower[p][q];
            for (let k = 0; k < q; k++) sum -= lower[p][k] * lower[q][k];
            lower[p][q] = q === p ? Math.sqrt(Math.max(sum, 1e-12 * scales[p])) : sum / lower[q][q];
        }
    }
    const found = Array.from(right);
    for (let p = 0; p < count; p++) {
        for (let q = 0; q < p; q++) found[p] -= lower[p][q] * found[q];
        found[p] /= lower[p][p];
    }
    for (let p = count - 1; p >= 0; p--) {
        for (let q = p + 1; q < count; q++) found[p] -= lower[q][p] * found[q];
        found[p] /= lower[p][p];
    }
    return found;
}
