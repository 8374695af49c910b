// Curves over time on a canvas: the loss by decades, and one parameter against what is hidden.

/** The most points that are kept; beyond that every second one goes. */
const POINTS = 900;

class History {
    constructor() {
        this.clear();
    }

    clear() {
        this.points = [];
        this.every = 1;
        this.count = 0;
    }

    /** Adds what was seen at a time. */
    add(seconds, value) {
        if (this.count++ % this.every === 0) this.points.push([seconds, value]);
        if (this.points.length > POINTS) {
            this.points = this.points.filter((_, i) => i % 2 === 0);
            this.every *= 2;
        }
    }
}

/** A canvas as large as it is shown, cleared, with its context and size in CSS pixels. */
function cleared(canvas) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.lineJoin = "round";
    return { context, width, height };
}

function curve(context, points, x, y, colour, dash = []) {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.setLineDash(dash);
    context.beginPath();
    points.forEach(([seconds, value], i) => {
        if (Number.isFinite(value)) context[i ? "lineTo" : "moveTo"](x(seconds), y(value));
    });
    context.stroke();
    context.setLineDash([]);
}

/** The loss on a scale of decades, with lines and numbers for some of them. */
function drawLoss(canvas, history, colours) {
    const { context, width, height } = cleared(canvas);
    const left = 44, top = 8, bottom = 22;
    const seen = history.points.map(([, value]) => value).filter((value) => value > 0 && Number.isFinite(value));
    const exponents = seen.map((value) => Math.log10(value));
    const high = seen.length ? Math.ceil(Math.max(...exponents)) : 0;
    const low = Math.min(high - 2, seen.length ? Math.floor(Math.min(...exponents)) : -2);
    const end = Math.max(5, history.points.at(-1)?.[0] ?? 0);
    const x = (seconds) => left + (seconds / end) * (width - left - 6);
    const y = (value) => top + ((high - Math.log10(Math.max(value, 10 ** low))) / (high - low)) * (height - top - bottom);
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = colours.muted;
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.textBaseline = "middle";
    context.textAlign = "right";
    const stride = Math.ceil((high - low) / 5);
    for (let decade = high; decade >= low; decade -= stride) {
        const at = Math.round(y(10 ** decade)) + 0.5;
        context.beginPath();
        context.moveTo(left, at);
        context.lineTo(width - 6, at);
        context.stroke();
        context.fillText(`1e${decade}`, left - 6, at);
    }
    context.textBaseline = "bottom";
    context.textAlign = "left";
    context.fillText("0 s", left, height);
    context.textAlign = "right";
    context.fillText(`${end.toFixed(0)} s`, width - 6, height);
    curve(context, history.points, x, y, colours.learned);
}

/** A parameter over time, with what is hidden as a dashed line. */
function drawParameter(canvas, one, history, hidden, colours) {
    const { context, width, height } = cleared(canvas);
    const end = Math.max(5, history.points.at(-1)?.[0] ?? 0);
    const x = (seconds) => (seconds / end) * width;
    const y = (value) => 3 + (1 - Math.min(1, Math.max(0, placeOf(one, value)))) * (height - 6);
    if (hidden !== null) curve(context, [[0, hidden], [end, hidden]], x, y, colours.hidden, [5, 4]);
    curve(context, history.points, x, y, colours.learned);
}
