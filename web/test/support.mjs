// Reports as the command writes them, opened in Chromium from the file.
import { chromium } from "playwright-core";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const example = (name) => join(root, "docs/report", name);

/** Runs the command in the project's folder, where dist/ is; its standard output. */
export function egressAuth(args, input) {
  return execFileSync(process.env.EGRESS_AUTH, args, {
    cwd: root,
    encoding: "utf8",
    input,
    stdio: ["pipe", "pipe", "pipe"],
    maxBuffer: 1 << 28,
  });
}

/** A folder that goes away with the process. */
const folder = mkdtempSync(join(tmpdir(), "egress-auth-report-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

export function file(name, text) {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Writes a report; its path. */
export function report(name, args) {
  const path = join(folder, name);
  const { status, stderr } = spawnSync(
    process.env.EGRESS_AUTH,
    ["report", ...args, "--out", path],
    { cwd: root, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
  return path;
}

/** A Gateway document with this below `spec`. */
export function gateway(spec) {
  return JSON.stringify({
    apiVersion: "gateway.tsb.tetrate.io/v2",
    kind: "Gateway",
    metadata: { name: "gateway", namespace: "egress" },
    spec: { workloadSelector: { namespace: "egress" }, ...spec },
  });
}

export const jwt = {
  issuer: "https://auth.test",
  audiences: ["egress"],
  jwksUri: "https://auth.test/keys",
  fromHeaders: [{ name: "x-mesh-token" }],
};

let browser;

export async function stop() {
  await browser?.close();
}

/**
 * Opens a report. What the page complains of and what it asks the network for is collected:
 * `problems` is to be empty at the end.
 */
export async function open(path, options = {}) {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM,
    // Chromium's own sandbox does not start as root, which containers are.
    chromiumSandbox: process.getuid() !== 0,
  });
  const context = await browser.newContext({
    viewport: { width: 1200, height: 800 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const problems = [];
  const url = pathToFileURL(path).href;
  page.on("console", (message) => problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== url) problems.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  await page.getByRole("grid").or(page.getByRole("alert")).first().waitFor();
  return { page, problems };
}

/** The cell of a caller and a host, both as the page calls them. */
export function cell(page, caller, host) {
  return page.getByRole("gridcell", { name: `${caller} → ${host}:` });
}
