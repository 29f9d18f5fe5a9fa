// Builds the page that the command is compiled with: one file with its script and style in it, and
// two places for what a report holds. The same sources give the same bytes.
//
//   node build.mjs [FILE]      writes FILE; default: ../src/cli/report/page.html
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** What is in the script beside our own, with the licences that ask to go along with it. */
async function notices() {
  const texts = ["preact", "@tanstack/virtual-core"].map(async (name) => {
    const licence = await readFile(here(`node_modules/${name}/LICENSE`), "utf8");
    return `${name}\n\n${licence.trim()}`;
  });
  return `/*!\n${(await Promise.all(texts)).join("\n\n")}\n*/\n`;
}

async function bundle(entry) {
  const result = await build({
    entryPoints: [here(entry)],
    bundle: true,
    write: false,
    minify: true,
    charset: "utf8",
    format: "iife",
    target: ["chrome123", "firefox120", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    define: { "process.env.NODE_ENV": '"production"' },
    legalComments: "none",
    logLevel: "warning",
  });
  return result.outputFiles[0].text.trim();
}

const script = (await notices()) + (await bundle("src/main.tsx"));
const style = await bundle("src/style.css");
for (const [name, text] of [
  ["script", script],
  ["style", style],
]) {
  if (new RegExp(`</${name}|<!--`, "i").test(text)) {
    throw new Error(`the ${name} holds what would end it in HTML`);
  }
}
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
// Nothing is fetched, and nothing runs but this script and the engine.
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)} 'wasm-unsafe-eval'`,
  `style-src ${hash(style)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const template = await readFile(here("src/page.html"), "utf8");
// Functions, so that no `$` in what is put in means anything.
const page = template
  .replace("@policy@", () => policy)
  .replace("@style@", () => style)
  .replace("@script@", () => script);
for (const place of ["@data@", "@engine@"]) {
  if (page.split(place).length !== 2) throw new Error(`${place} does not stand in the page once`);
}
await writeFile(process.argv[2] ?? here("../src/cli/report/page.html"), page);
