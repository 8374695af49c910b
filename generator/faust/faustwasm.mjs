// One call of the compiler in the npm package, whose folder is the argument:
// program.dsp -> result.wasm, result.json (the description of the program).
// Started by `wasm.py`. A refusal is printed, with status 1.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.argv[2]}/`);
const package_ = await import(new URL("dist/esm/index.js", folder));
const compiled = new URL("libfaust-wasm/libfaust-wasm.js", folder);
const faust = new package_.LibFaust(await package_.instantiateFaustModuleFromFile(compiled.pathname));
try {
    const program = readFileSync("program.dsp", "utf8");
    const made = faust.createDSPFactory("program", program, "-double", true);
    const code = made.data;
    writeFileSync("result.wasm", code instanceof Uint8Array ? code : Uint8Array.from({ length: code.size() }, (_, i) => code.get(i)));
    writeFileSync("result.json", made.json);
} catch (error) {
    console.log(faust.getErrorAfterException() || String(error));
    process.exit(1);
}
