// What a page shows and the audio thread runs, from what the compiler says of a program.

/** The groups in which `df.backprop` shows the sliders of the truth and the meters of what learns. */
const HIDDEN = "Hidden";
const LEARNED = "Learned";
/** The slider by which a page multiplies the steps of `df.backprop`. */
const RATE_LABEL = "learning rate factor";
const LOSS = "loss";
const LOSS_GROUP = "Loss/gradient";
/** The meter of how many steps were not taken; shown, but nothing that learns. */
const SKIPPED = "skipped";
const METERS = ["hbargraph", "vbargraph"];

/** The widgets of a description, each with the labels of the groups around it. */
function* widgetsOf(items, groups = []) {
    for (const item of items) {
        if (item.items) {
            yield* widgetsOf(item.items, [...groups, item.label]);
        } else {
            const meta = Object.assign({}, ...(item.meta ?? []));
            yield { ...item, groups, unit: meta.unit ?? "", scale: meta.scale ?? "lin", style: meta.style ?? "" };
        }
    }
}

/**
 * Whether a program learns by itself, as far as its widgets tell: by df.backprop, or by what shows a
 * loss and something beside it. A plain program may show anything, but marks the sliders that are sought.
 */
function learns(description) {
    const widgets = [...widgetsOf(description.ui)];
    const meters = widgets.filter(isShown);
    const losses = meters.filter((one) => one.label === LOSS);
    if (losses.some((one) => one.groups.includes(LOSS_GROUP))) return true;
    const isMarked = (one) => (one.meta ?? []).some((entry) => "diff" in entry);
    return losses.length > 0 && losses.length < meters.length && !widgets.some(isMarked);
}

/** Widgets whose labels are told apart, where several are alike, by the groups around them. */
function distinct(widgets) {
    const alike = (one) => widgets.filter((other) => other.label === one.label && isShown(other) === isShown(one)).length > 1;
    return widgets.map((one) => ({ ...one, name: alike(one) ? [...one.groups.slice(1), one.label].join("/") : one.label }));
}

const isShown = (widget) => METERS.includes(widget.type);

/** The place of a widget inside one of the two groups, or null outside. */
function inside(widget, group) {
    const at = widget.groups.indexOf(group);
    return at < 0 ? null : [...widget.groups.slice(at + 1), widget.label].join("/");
}

/** The slider "hidden gain" stands for the "gain" that is learned. */
const sought = (place) => place.replace(/(^|\/)hidden (?=[^/]*$)/i, "$1");

/**
 * The plan of a page. `data` has "kind", the modules "program" and, for plain programs, "partials",
 * "sought", the indices of the sliders that a plain program learns, and "pairs", the indices by which
 * the two modules have the same slider.
 *
 * A plan has parameters {label, unit, scale, min, max, init, hidden, learned}, where `hidden` is a
 * slider or null; further `controls` and `meters`; and the indices that the audio thread reads.
 */
function planOf(data) {
    const widgets = distinct([...widgetsOf(data.program.description.ui)]);
    const shared = { kind: data.kind, program: data.program, partials: data.partials ?? null };
    if (data.kind === "sliders") return { ...shared, ...plainPlan(data, widgets) };
    if (data.kind === "player") return { ...shared, ...playerPlan(widgets) };
    const rate = widgets.find((one) => one.label === RATE_LABEL) ?? null;
    const sliders = widgets.filter((one) => !METERS.includes(one.type) && one !== rate);
    const meters = widgets.filter((one) => METERS.includes(one.type));
    const losses = meters.filter((one) => one.label === LOSS);
    const values = meters.filter((one) => one.label !== LOSS && one.label !== SKIPPED);
    const grouped = values.filter((one) => inside(one, LEARNED) !== null);
    // Networks that go backward layer by layer have no such group: all their meters learn.
    const learned = grouped.length ? grouped : values;
    const shown = meters.filter((one) => !learned.includes(one) && !losses.includes(one));
    const hidden = new Map(sliders.map((one) => [sought(inside(one, HIDDEN) ?? ""), one]));
    hidden.delete("");
    const pairs = learned.map((one) => ({ meter: one, slider: hidden.get(labelOf(one)) ?? null }));
    const paired = new Set(pairs.map((one) => one.slider));
    return {
        ...shared,
        parameters: pairs.map(({ meter, slider }) => ({ ...(slider ?? {}), ...meter, ...look(meter, slider), hidden: slider })),
        controls: sliders.filter((one) => !paired.has(one)),
        shown,
        learned: learned.map((one) => one.index),
        meters: shown.map((one) => one.index),
        rate: rate ? rate.index : null,
    };
}

/** What a learned parameter is called: its place in its group, or below the outermost one. */
function labelOf(meter) {
    return inside(meter, LEARNED) ?? [...meter.groups.slice(1), meter.label].join("/");
}

function look(meter, slider) {
    return {
        label: labelOf(meter),
        unit: meter.unit || slider?.unit || "",
        scale: slider?.scale ?? meter.scale,
        min: slider ? Math.min(slider.min, meter.min) : meter.min,
        max: slider ? Math.max(slider.max, meter.max) : meter.max,
    };
}

function plainPlan(data, widgets) {
    const pairs = new Map(data.pairs);
    const sliders = widgets.filter((one) => !METERS.includes(one.type));
    const meters = widgets.filter((one) => METERS.includes(one.type));
    const parameters = data.sought.map((index) => {
        const slider = sliders.find((one) => one.index === index);
        return { ...slider, label: slider.name, hidden: { ...slider, init: elsewhere(slider) }, learned: pairs.get(index) };
    });
    return {
        parameters,
        controls: sliders
            .filter((one) => !data.sought.includes(one.index))
            .map((one) => ({ ...one, learned: pairs.get(one.index) ?? null })),
        shown: meters,
        meters: meters.map((one) => one.index),
        learned: [],
        rate: null,
    };
}

function playerPlan(widgets) {
    const meters = widgets.filter((one) => METERS.includes(one.type));
    return {
        parameters: [],
        controls: widgets.filter((one) => !METERS.includes(one.type)),
        shown: meters,
        meters: meters.map((one) => one.index),
        learned: [],
        rate: null,
    };
}

/** A value for a hidden slider to start from: a part of its range away from where learning starts. */
function elsewhere(slider) {
    const place = placeOf(slider, slider.init);
    const side = place < 0.5 ? 1 : -1;
    const chosen = onStep(slider, valueOf(slider, place + 0.3 * side));
    // Steps may be longer than that.
    return chosen === slider.init ? onStep(slider, slider.init + side * slider.step) : chosen;
}

/** The nearest value that a slider can have. */
function onStep(slider, value) {
    const steps = slider.step > 0 ? Math.round((value - slider.min) / slider.step) * slider.step : value - slider.min;
    return Number(Math.min(slider.max, Math.max(slider.min, slider.min + steps)).toPrecision(12));
}
