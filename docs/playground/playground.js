// The playground: an editor with colours, the Faust compiler in WebAssembly, and a page that learns.

const here = new URL(".", import.meta.url);
const root = document.getElementById("faust-playground");

const WORDS = {
    kw: "case|declare|environment|import|letrec|library|where|with|process|component|par|seq|sum|prod",
    fn: "button|checkbox|[hv]slider|nentry|[hv]bargraph|[hvt]group|soundfile",
    nb: "mem|prefix|int|float|rdtable|rwtable|select2|select3|ffunction|fconstant|fvariable|route|waveform|attach|"
        + "enable|control|inputs|outputs|acos|asin|atan2?|cos|sin|tan|exp|log(?:10)?|pow|sqrt|abs|min|max|fmod|"
        + "remainder|floor|ceil|rint|round|xor|lowest|highest",
};
const TOKENS = new RegExp(
    String.raw`(?<c1>//[^\n]*|/\*[\s\S]*?\*/)|(?<s>"[^"\n]*")|(?<mi>\b(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|`
    + Object.entries(WORDS).map(([name, words]) => String.raw`(?<${name}>\b(?:${words})\b)`).join("|")
    + String.raw`|(?<o><:|:>|[:~,]|[-+*/%^@&|<>=!']+)|\w+|\s+|.`, "g");

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A program as HTML, in the colours of the site. */
function coloured(text) {
    return Array.from(text.matchAll(TOKENS), (found) => {
        const kind = Object.entries(found.groups).find(([, given]) => given !== undefined)?.[0];
        return kind ? `<span class="${kind}">${escaped(found[0])}</span>` : escaped(found[0]);
    }).join("");
}

/** Text in a link, packed. */
async function packed(text) {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}

const fetched = async (name) => {
    const answer = await fetch(new URL(name, here));
    if (!answer.ok) throw new Error(`${name} is not on this server.`);
    return answer;
};

let loading = null;

/** The compiler, with `diff.lib` beside the program; loaded once, when it is first needed. */
function compiler() {
    loading ??= (async () => {
        const faustwasm = await import(new URL("faust/index.js", here));
        const module = await faustwasm.instantiateFaustModuleFromFile(new URL("faust/libfaust-wasm.js", here).href);
        const faust = new faustwasm.LibFaust(module);
        faust.fs().writeFile("diff.lib", await (await fetched("diff.lib")).text());
        return faust;
    })();
    loading.catch(() => (loading = null));
    return loading;
}

/** The program as data for a page; throws an Error with the compiler's message. */
function compiled(faust, source) {
    let factory;
    try {
        factory = faust.createDSPFactory("program", source, "-I . -double", true);
    } catch (error) {
        // A compiler that has refused a program is not fit for another.
        loading = null;
        const deep = error instanceof RangeError ? "The program is too deep for the stack of this browser." : "";
        const far = error instanceof ReferenceError ? "The compiler in the browser fetches nothing from an address." : "";
        throw new Error(deep || far || faust.getErrorAfterException() || String(error));
    }
    const { data, json } = factory;
    if (!json) throw new Error("There is no program yet: it needs a definition of process.");
    const code = data instanceof Uint8Array ? data : Uint8Array.from({ length: data.size() }, (_, i) => data.get(i));
    const description = JSON.parse(json);
    return { kind: learnsByItself(description) ? "self" : "player", program: { code, description } };
}

class Playground {
    constructor(examples) {
        this.examples = examples;
        root.innerHTML = `
            <div class="bar">
              <label for="playground-example">Example</label> <select id="playground-example"></select>
              <button type="button" class="md-button md-button--primary" data-run>Compile</button>
              <button type="button" class="md-button" data-link>Copy link</button>
            </div>
            <div class="editor highlight"><pre aria-hidden="true"><code></code></pre>
              <textarea aria-label="Faust program" spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off"></textarea></div>
            <p class="message" role="status"></p>
            <div class="learner" data-result></div>`;
        const find = (selector) => root.querySelector(selector);
        [this.choice, this.editor, this.shown, this.message, this.result] =
            ["select", "textarea", "pre", ".message", "[data-result]"].map(find);
        for (const name of Object.keys(examples)) this.choice.append(new Option(name));
        this.choice.addEventListener("change", () => this.take(examples[this.choice.value]));
        this.editor.addEventListener("input", () => this.paint());
        this.editor.addEventListener("scroll", () => this.follow());
        this.editor.addEventListener("keydown", (event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.compile();
        });
        find("[data-run]").addEventListener("click", () => this.compile());
        find("[data-link]").addEventListener("click", () => this.link());
        addEventListener("hashchange", () => this.open());
    }

    take(text) {
        this.editor.value = text;
        this.paint();
    }

    paint(line = 0) {
        const lines = coloured(`${this.editor.value}\n`);
        this.shown.firstChild.innerHTML = lines;
        this.shown.style.setProperty("--wrong", line);
        this.shown.classList.toggle("wrong", line > 0);
        this.follow();
    }

    follow() {
        this.shown.scrollTop = this.editor.scrollTop;
        this.shown.scrollLeft = this.editor.scrollLeft;
    }

    /** Takes the program that the address of the page holds. */
    async open() {
        const text = new URLSearchParams(location.hash.slice(1)).get("program");
        if (!text) return false;
        try {
            this.take(await unpacked(text));
            return true;
        } catch {
            this.say("This link holds no program that can be read.", true);
            return false;
        }
    }

    async link() {
        history.replaceState(null, "", `#program=${await packed(this.editor.value)}`);
        try {
            await navigator.clipboard.writeText(location.href);
            this.say("The link is copied; the address of this page is it, too.");
        } catch {
            this.say("The address of this page is the link.");
        }
    }

    say(text, wrong = false) {
        this.message.textContent = text;
        this.message.classList.toggle("error", wrong);
    }

    async compile() {
        const source = this.editor.value;
        this.paint();
        this.say("Compiling ...");
        // What is said is painted before the compiler takes the thread.
        await new Promise((done) => setTimeout(done, 30));
        try {
            const faust = await compiler();
            const start = performance.now();
            const data = compiled(faust, source);
            const seconds = ((performance.now() - start) / 1000).toFixed(1);
            await this.running?.close();
            this.running = window.page = mountLearning(this.result, data);
            this.say(`Compiled in ${seconds} s: ${(data.program.code.length / 1000).toFixed(1)} kB of WebAssembly.`);
        } catch (error) {
            const line = Number(/(?:^|\n)\s*(?:program[^:\n]*|\S*):?\s*:?\s*(\d+)\s*:\s*ERROR/.exec(error.message)?.[1] ?? 0);
            this.paint(line);
            this.say(error.message.trim(), true);
        }
    }
}

try {
    const playground = new Playground(await (await fetched("examples.json")).json());
    if (!(await playground.open())) playground.take(Object.values(playground.examples)[0]);
} catch (error) {
    root.textContent = `The playground cannot be loaded: ${error.message}`;
}
