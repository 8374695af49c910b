// What is wrong with a page as it is shown: see browser_checks.py.
() => {
    const found = [];
    const say = (what, element) => found.push(`${what}: ${(element.outerHTML || "").slice(0, 120)}`);
    const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true })
        && e.getClientRects().length > 0;
    if (!document.title.trim()) found.push("the page has no title");
    if (!document.documentElement.lang) found.push("the page states no language");
    if (!document.querySelector("h1")) found.push("the page has no first heading");
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
        const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1);
        say(`wider than the window of ${width} px`, wide.at(-1) ?? document.body);
    }
    for (const image of document.images) if (!image.hasAttribute("alt")) say("an image without a text", image);

    // Names of what can be used, in short: labels, texts, titles.
    const nameOf = (e) => (e.getAttribute("aria-label") || [...(e.labels ?? [])].map((l) => l.textContent).join(" ")
        || (e.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ")
        || e.textContent || e.title || [...e.querySelectorAll("img")].map((i) => i.alt).join(" ") || e.placeholder || "").trim();
    for (const e of document.querySelectorAll("button, select, textarea, input:not([type=hidden]), [role=meter], a[href], iframe")) {
        if (shown(e) && !nameOf(e)) say("a control without a name", e);
    }

    // Contrast of each text with what is painted behind it.
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const remembered = (compute) => {
        const known = new Map();
        return (key) => {
            if (!known.has(key)) known.set(key, compute(key));
            return known.get(key);
        };
    };
    const channels = remembered((colour) => {
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    });
    const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => a * c + (1 - a) * under[i]);
    const behind = remembered((e) => {
        const colour = channels(getComputedStyle(e).backgroundColor);
        if (colour[3] === 1) return colour.slice(0, 3);
        return over(colour, e.parentElement ? behind(e.parentElement) : [255, 255, 255]);
    });
    const luminance = (rgb) => rgb.map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const seen = new Set();
    while (texts.nextNode()) {
        const e = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || seen.has(e) || e.closest("svg, math, canvas, script, noscript, :disabled") || !shown(e)) continue;
        const box = e.getBoundingClientRect();
        seen.add(e);
        if (box.width <= 2 || box.height <= 2) continue;
        const style = getComputedStyle(e);
        const ground = behind(e);
        const colour = over(channels(style.color), ground);
        const [light, dark] = [luminance(colour), luminance(ground)].sort((a, b) => b - a);
        const ratio = (light + 0.05) / (dark + 0.05);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        if (ratio < (large ? 3 : 4.5)) say(`contrast of ${ratio.toFixed(2)}`, e);
    }
    return found;
}
