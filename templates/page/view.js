// The page: widgets, curves and sound of one program. `mount(element, data, processor)` shows it.

/** What is learned counts as found within this part of the hidden value. */
const FOUND = 0.01;
/** After so many reports without any loss, and hidden values that are not found, they cannot be. */
const PATIENCE = 20;
const HEARD_NAMES = { nothing: "Nothing", input: "Input", truth: "Truth", learned: "Learned" };
const SOURCES = { noise: "Noise", sawtooth: "Sawtooth, 110 Hz", clicks: "Clicks", sound: "Sound file ..." };

/** An element with attributes, and children that are elements or texts. */
function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
}

const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);

/** A number with four digits; "0" for what is nearly nothing beside `size`. */
function short(value, size = 0) {
    if (!Number.isFinite(value)) return "not a number";
    if (Math.abs(value) < 1e-4 * size || value === 0) return "0";
    return Math.abs(value) >= 1e4 || Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

let counter = 0;
const freshId = () => `faustdiff-${++counter}`;

/** A slider of Faust as one of HTML; `onvalue` is told each value. `label` may be an id to refer to. */
function slider(one, labelling, onvalue) {
    const places = 1000;
    const output = make("span", { class: "number" });
    const logarithmic = isLogarithmic(one);
    const input = make("input", logarithmic
        ? { type: "range", min: 0, max: places, step: 1, ...labelling }
        : { type: "range", min: one.min, max: one.max, step: one.step || "any", ...labelling });
    const read = () => (logarithmic ? onStep(one, valueOf(one, input.valueAsNumber / places)) : input.valueAsNumber);
    const show = (value) => {
        output.textContent = withUnit(short(value, one.max - one.min), one.unit);
        input.setAttribute("aria-valuetext", output.textContent);
    };
    const element = make("span", { class: "slider" }, input, output);
    element.value = one.init;
    input.value = logarithmic ? placeOf(one, one.init) * places : one.init;
    input.addEventListener("input", () => {
        element.value = read();
        show(element.value);
        onvalue(element.value);
    });
    show(one.init);
    return element;
}

/** Any other control: a button while it is pressed, a checkbox, a number. */
function control(one, onvalue) {
    const label = one.name;
    if (one.type === "button") {
        const press = (value) => () => onvalue(value);
        return make("button", {
            type: "button", onpointerdown: press(1), onpointerup: press(0), onpointerleave: press(0),
            onkeydown: (event) => [" ", "Enter"].includes(event.key) && onvalue(1), onkeyup: press(0), onblur: press(0),
        }, label);
    }
    const id = freshId();
    if (one.type === "checkbox") {
        const input = make("input", { type: "checkbox", id, onchange: () => onvalue(Number(input.checked)) });
        return make("label", { for: id }, input, ` ${label}`);
    }
    return make("div", { class: "control" }, make("label", { for: id }, label), slider(one, { id }, onvalue));
}

/** A bargraph: a bar, and its number. */
function meter(one, labelling) {
    const bar = make("span", { class: "bar" });
    const output = make("span", { class: "number" }, "\u2013");
    const gauge = make("span", { class: "gauge", role: "meter", "aria-valuemin": one.min, "aria-valuemax": one.max, ...labelling }, bar);
    const element = make("span", { class: "meter" }, gauge, output);
    element.show = (value) => {
        const place = Math.min(1, Math.max(0, placeOf(one, value)));
        bar.style.width = `${100 * (Number.isFinite(place) ? place : 0)}%`;
        output.textContent = withUnit(short(value, one.max - one.min), one.unit);
        gauge.setAttribute("aria-valuenow", Number.isFinite(value) ? value : one.min);
        gauge.setAttribute("aria-valuetext", output.textContent);
    };
    return element;
}

class LearningPage {
    constructor(element, data, processor) {
        this.element = element;
        this.plan = planOf(data);
        this.processor = processor;
        this.node = null;
        this.source = { kind: "noise" };
        this.factor = this.plan.kind === "sliders" ? 0.5 : 1;
        this.loss = new History();
        this.heard = "nothing";
        this.report = null;
        this.settings = new Map();
        this.build(data);
        // A canvas knows no custom property: each colour is asked of an element that has it.
        const probe = make("span", { hidden: true });
        element.append(probe);
        this.colours = () => Object.fromEntries(["muted", "line", "hidden", "learned"].map((name) => {
            probe.style.color = `var(--${name})`;
            return [name, getComputedStyle(probe).color];
        }));
        new ResizeObserver(() => this.draw()).observe(element);
        new MutationObserver(() => this.draw()).observe(document.body, { attributes: true });
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    }

    build(data) {
        const learns = this.plan.kind !== "player";
        this.run = make("button", { type: "button", class: "primary", onclick: () => this.toggle() }, "Start");
        this.status = make("p", { role: "status", class: "status" }, learns ? "Press Start: the program learns while it runs." : "Press Start to run the program.");
        this.element.replaceChildren(
            make("div", { class: "toolbar" }, this.run, make("button", { type: "button", onclick: () => this.reset() }, "Reset"), ...this.speed(), ...this.feeding()),
            this.status,
            ...(learns ? [this.losses(), this.table()] : []),
            ...this.others(),
            this.listening());
        this.draw();
    }

    speed() {
        if (this.plan.kind === "self" && this.plan.rate === null) return [];
        if (this.plan.kind === "player") return [];
        const id = freshId();
        const sliders = this.plan.kind === "sliders";
        const one = { min: 0.01, max: sliders ? 1 : 100, init: this.factor, step: 0, scale: "log", unit: sliders ? "" : "\u00d7" };
        return [make("div", { class: "control rate" }, make("label", { for: id }, "Learning rate"),
            slider(one, { id }, (value) => this.tell("rate", (this.factor = value))))];
    }

    feeding() {
        if (!this.plan.program.description.inputs) return [];
        const id = freshId();
        // Where no sound is read, the choice is what it was.
        const restore = () => (choice.value = this.source.kind);
        const file = make("input", {
            type: "file", accept: "audio/*", hidden: true, oncancel: restore, onchange: () => this.open(file.files[0]).finally(restore),
        });
        const ask = () => {
            file.value = "";
            file.click();
        };
        const choice = make("select", { id, onchange: () => (choice.value === "sound" ? ask() : this.feed({ kind: choice.value })) },
            ...Object.entries(SOURCES).map(([value, name]) => make("option", { value }, name)));
        return [make("div", { class: "control" }, make("label", { for: id }, "Input"), choice, file)];
    }

    async open(file) {
        if (!file) return;
        try {
            // The rate of a sound becomes that of the context which plays it.
            this.context ??= new AudioContext({ latencyHint: "interactive" });
            const sound = await this.context.decodeAudioData(await file.arrayBuffer());
            this.feed({ kind: "sound", samples: Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i)) });
        } catch {
            this.say(`${file.name} is no sound that this browser can read.`);
        }
    }

    feed(source) {
        this.source = source;
        this.tell("source", source);
    }

    losses() {
        this.lossNumber = make("span", { class: "number" }, "none yet");
        this.lossCanvas = make("canvas", { class: "loss", "aria-hidden": "true" });
        return make("section", { "aria-label": "Loss" }, make("h2", {}, "Loss ", this.lossNumber), this.lossCanvas);
    }

    table() {
        this.rows = this.plan.parameters.map((one) => this.row(one));
        const list = make("ul", { class: "parameters" }, ...this.rows.map((row) => row.element));
        return make("section", { "aria-label": "Parameters" }, make("h2", {}, "Parameters"), list);
    }

    row(one) {
        const name = make("span", { class: "name", id: freshId() }, one.label);
        const found = make("span", { class: "found" });
        const canvas = make("canvas", { class: "curve", "aria-hidden": "true" });
        const row = { one, found, canvas, history: new History(), value: one.init ?? one.min };
        row.gauge = meter(one, { "aria-label": `${one.label}, learned` });
        if (this.plan.kind === "sliders") row.gauge.show(one.init);
        if (one.hidden) {
            row.hidden = slider(one.hidden, { "aria-label": `${one.label}, hidden` }, (value) => {
                this.set(one.hidden.index, value, null);
                this.mark(row);
                this.draw();
            });
            this.settings.set(one.hidden.index, [one.hidden.init, null]);
        }
        row.element = make("li", { "aria-labelledby": name.id },
            make("div", { class: "title" }, name, found),
            ...(row.hidden ? [make("div", { class: "hidden-value" }, make("span", { class: "caption" }, "Hidden"), row.hidden)] : []),
            make("div", { class: "learned-value" }, make("span", { class: "caption" }, "Learned"), row.gauge), canvas);
        return row;
    }

    others() {
        const { controls, shown } = this.plan;
        const wanted = controls.map((one) => control(one, (value) => this.set(one.index, value, one.learned ?? null)));
        this.gauges = shown.map((one) => meter(one, { "aria-label": one.name }));
        const gauges = this.gauges.map((gauge, i) => make("div", { class: "control" }, make("span", {}, shown[i].name), gauge));
        if (!wanted.length && !gauges.length) return [];
        const section = make("details", { open: wanted.length + gauges.length <= 12 }, make("summary", {}, "Other controls and meters"), make("div", { class: "controls" }, ...wanted, ...gauges));
        return [section];
    }

    listening() {
        const { inputs, outputs } = this.plan.program.description;
        const kinds = ["nothing"];
        if (inputs) kinds.push("input");
        if (this.plan.kind === "player") {
            if (outputs) kinds.push("learned");
        } else if (this.plan.kind === "sliders" || outputs > 2) {
            kinds.push("truth", "learned");
        }
        const group = freshId();
        const choices = kinds.map((kind) => {
            const name = this.plan.kind === "player" && kind === "learned" ? "Output" : HEARD_NAMES[kind];
            const input = make("input", { type: "radio", name: group, value: kind, checked: kind === "nothing", onchange: () => this.listen(kind) });
            return make("label", {}, input, ` ${name}`);
        });
        const id = freshId();
        this.volume = slider({ min: -60, max: 0, init: -20, step: 1, scale: "lin", unit: "dB" }, { id }, () => this.listen(this.heard));
        return make("fieldset", { class: "listen" }, make("legend", {}, "Listen to"), ...choices,
            make("div", { class: "control" }, make("label", { for: id }, "Volume"), this.volume));
    }

    /** Sets a slider, in the audio thread too. */
    set(index, value, learned) {
        this.settings.set(index, [value, learned]);
        this.tell("set", index, value, learned);
    }

    tell(...message) {
        this.node?.port.postMessage(message);
    }

    /** The calls that bring a new learner to what the page shows. */
    calls() {
        return [["rate", [this.factor]], ["source", [this.source]], ...[...this.settings].map(([index, given]) => ["set", [index, ...given]])];
    }

    /** A processor in a context, with three outputs: input, truth, learned. */
    async processorIn(context) {
        // A page from a file may load scripts from no file or blob, but from its own text.
        await context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(this.processor)}`);
        const node = new AudioWorkletNode(context, "learning", {
            numberOfInputs: 0, numberOfOutputs: 3, outputChannelCount: [2, 2, 2],
            processorOptions: { plan: { ...this.plan, parameters: this.plan.parameters.map(({ min, max, init, scale, learned }) => ({ min, max, init, scale, learned })), controls: [], shown: [] }, calls: this.calls() },
        });
        node.onprocessorerror = () => this.say("The program stopped: this browser could not run it.");
        return node;
    }

    async toggle() {
        if (this.context?.state === "running") {
            await this.context.suspend();
        } else {
            if (!window.AudioWorkletNode || !isSecureContext) {
                this.say("This page needs a browser with AudioWorklet, and https or a file of this computer.");
                return;
            }
            this.context ??= new AudioContext({ latencyHint: "interactive" });
            await this.context.resume();
            if (!this.node) await this.connect();
        }
        const running = this.context.state === "running";
        this.run.textContent = running ? "Stop" : "Start";
        this.say(running ? (this.plan.kind === "player" ? "Running." : "Learning.") : "Stopped.");
        if (running) this.animate();
    }

    async connect() {
        this.node = await this.processorIn(this.context);
        this.node.port.onmessage = ({ data }) => this.take(data);
        this.gains = ["input", "truth", "learned"].map((_, i) => {
            const gain = new GainNode(this.context, { gain: 0 });
            this.node.connect(gain, i).connect(this.context.destination);
            return gain;
        });
        this.listen(this.heard);
    }

    listen(kind) {
        this.heard = kind;
        ["input", "truth", "learned"].forEach((name, i) => {
            const level = name === kind ? 10 ** (this.volume.value / 20) : 0;
            this.gains?.[i].gain.setTargetAtTime(level, this.context.currentTime, 0.02);
        });
    }

    reset() {
        this.tell("reset");
        this.loss.clear();
        this.report = null;
        this.announced = false;
        for (const row of this.rows ?? []) {
            row.history.clear();
            row.found.textContent = "";
        }
        this.say(this.context?.state === "running" ? "Learning, from the start." : "Back at the start.");
        this.draw();
    }

    take(report) {
        // What was still on its way before a reset is not of this run.
        if (this.report && report.seconds < this.report.seconds) return;
        this.report = report;
        this.gauges.forEach((gauge, i) => gauge.show(report.meters[i]));
        if (this.plan.kind === "player") return;
        this.loss.add(report.seconds, report.loss);
        this.lossNumber.textContent = short(report.loss);
        this.rows.forEach((row, i) => {
            row.value = report.values[i];
            row.history.add(report.seconds, row.value);
            row.gauge.show(row.value);
            this.mark(row);
        });
        this.judge();
    }

    /** Marks a row whose hidden value is found. */
    mark(row) {
        if (!row.hidden) return;
        const hidden = row.hidden.value;
        const size = Math.abs(hidden) || row.one.max - row.one.min;
        row.isFound = Boolean(this.report) && Math.abs(row.value - hidden) <= FOUND * size;
        row.found.textContent = row.isFound ? "\u2713 within 1 %" : "";
    }

    judge() {
        const { seconds, loss, lost, values } = this.report;
        if (lost) {
            this.say("With these hidden values the output is not a number everywhere: nothing can be learned from it.");
            return;
        }
        if (!Number.isFinite(loss) || !values.every(Number.isFinite)) {
            this.say("It has run away: lower the learning rate, then press Reset.");
            return;
        }
        const judged = this.rows.filter((row) => row.hidden);
        const all = judged.length > 0 && judged.every((row) => row.isFound);
        if (all && !this.announced) this.say(`All hidden values are found within 1 %, after ${seconds.toFixed(1)} s.`);
        const isAlike = !all && this.plan.kind === "sliders" && loss <= LOWEST_LOSS;
        this.alike = isAlike ? (this.alike ?? 0) + 1 : 0;
        const alike = this.alike >= PATIENCE;
        if (alike) this.say("With other values than the hidden ones the output is the same: nothing tells them apart.");
        else if (!all && this.announced !== all) this.say("Learning.");
        this.announced = alike ? null : all;
    }

    say(text) {
        if (this.status.textContent !== text) this.status.textContent = text;
    }

    animate() {
        const frame = () => {
            this.draw();
            if (this.context?.state === "running") requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
    }

    draw() {
        if (!this.lossCanvas || !this.lossCanvas.clientWidth || !this.colours) return;
        const colours = this.colours();
        drawLoss(this.lossCanvas, this.loss, colours);
        for (const row of this.rows) drawParameter(row.canvas, row.one, row.history, row.hidden ? row.hidden.value : null, colours);
    }

    /** Ends what runs, before another program takes its place. */
    async close() {
        await this.context?.close();
        this.context = this.node = null;
    }

    /**
     * What can be heard, and what is learned, in a number of frames, without sound and as fast as it
     * goes: {input, truth, learned, report}, the first three as the left channel.
     */
    async render(frames, rate) {
        const context = new OfflineAudioContext(3, frames, rate);
        const node = await this.processorIn(context);
        const merger = new ChannelMergerNode(context, { numberOfInputs: 3 });
        const left = [0, 1, 2].map((i) => {
            const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
            node.connect(splitter, i).connect(merger, 0, i);
            return i;
        });
        merger.connect(context.destination);
        let report = null;
        node.port.onmessage = ({ data }) => (report = data);
        const sound = await context.startRendering();
        // The last report comes as a message of its own.
        await new Promise((done) => setTimeout(done, 50));
        const [input, truth, learned] = left.map((i) => sound.getChannelData(i));
        return { input, truth, learned, report };
    }
}

/** Bytes from base64. */
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** Shows a program; `data` as for `planOf`, `processor` the text of the audio thread's script. */
function mount(element, data, processor) {
    return new LearningPage(element, data, processor);
}
