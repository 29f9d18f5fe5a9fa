// Light and dark, wide and narrow, large, and for assistive technology.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";
import { cell, example, file, gateway, jwt, open, report, root, stop } from "./support.mjs";

after(stop);

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const path = report("look.html", [example("after.yaml"), "--old", example("before.yaml")]);
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Takes a picture for docs/, where that is asked for. */
async function picture(page, name) {
  if (!process.env.IMAGES) return;
  mkdirSync(join(root, "docs/images"), { recursive: true });
  await page.screenshot({ path: join(root, "docs/images", `report-${name}.png`) });
}

async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, { resultTypes: ["violations"] }),
  );
  assert.deepEqual(
    violations.map(
      (it) =>
        `${it.id}: ${it.nodes
          .map((node) => node.html)
          .slice(0, 3)
          .join(" ")}`,
    ),
    [],
    what,
  );
}

const views = [
  ["access", async () => {}],
  ["cell", async (page) => cell(page, "payments@shop.example", "api.payment-provider.com").click()],
  [
    "tester",
    async (page) => {
      await page
        .getByRole("dialog")
        .getByRole("button", { name: "Test a request like this" })
        .first()
        .click();
      await page.locator(".side").first().waitFor();
    },
  ],
  ["changes", async (page) => page.getByRole("link", { name: /^Changes/ }).click()],
  ["findings", async (page) => page.getByRole("link", { name: /^Findings/ }).click()],
];

for (const colorScheme of ["light", "dark"]) {
  test(`every view is accessible in ${colorScheme} colours`, async () => {
    const { page, problems } = await open(path, { colorScheme });
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const bright = Number(/\d+/.exec(ground)[0]) > 128;
    assert.equal(bright, colorScheme === "light");
    for (const [name, go] of views) {
      await go(page);
      await accessible(page, `${name}, ${colorScheme}`);
      if (colorScheme === (name === "cell" ? "dark" : "light")) await picture(page, name);
    }
    assert.deepEqual(problems, []);
  });
}

test("colours can be chosen against the system's", async () => {
  const { page, problems } = await open(path, { colorScheme: "light" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole("button", { name: "Dark colours" }).click();
  assert.notEqual(await ground(), light);
  await page.getByRole("button", { name: "Light colours" }).click();
  assert.equal(await ground(), light);
  assert.deepEqual(problems, []);
});

test("hosts are in natural order, callers readable in full, findings at every server", async () => {
  const caller = "system:serviceaccount:payments-production:settlement-reconciliation-worker";
  const server = (name) => ({
    name,
    hostname: `${name}.test`,
    authentication: { jwt: { ...jwt, audiences: [] } },
    authorization: { local: { rules: [{ name: "r", from: [{ jwt: { sub: caller } }] }] } },
  });
  const text = gateway({ http: ["h10", "h2", "h1"].map(server) });
  const { page, problems } = await open(report("order.html", [file("order.yaml", text)]));
  const hosts = await page.locator(".host .name").allInnerTexts();
  assert.deepEqual(hosts.slice(0, 3), ["h1.test", "h2.test", "h10.test"]);
  const label = page.locator(".caller").filter({ hasText: caller }).locator("span");
  const cut = await label.evaluate((it) => {
    const [text, box] = [document.createRange(), it.parentElement.getBoundingClientRect()];
    text.selectNodeContents(it);
    const ink = text.getBoundingClientRect();
    return ink.top < box.top || ink.bottom > box.bottom || ink.width > box.width;
  });
  assert.equal(cut, false);
  assert.equal(await page.locator(".host .mark.warning").count(), 3);
  assert.deepEqual(problems, []);
});

test("a telephone shows one caller at a time, and nothing is wider than it", async () => {
  const { page, problems } = await open(path, PHONE);
  const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  await page
    .getByLabel("Who", { exact: true })
    .selectOption({ label: "payments@shop.example (a token of https://auth.example.com)" });
  await picture(page, "phone");
  assert.ok(await fits());
  const one = cell(page, "payments@shop.example", "api.payment-provider.com");
  const { x, width } = await one.boundingBox();
  assert.ok(x >= 0 && x + width <= 390);
  await one.tap();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("payments-service-only").first().waitFor();
  assert.equal((await dialog.boundingBox()).width, 390);
  assert.ok(await dialog.evaluate((it) => it.scrollWidth <= it.clientWidth));
  await accessible(page, "telephone");
  await dialog.getByRole("button", { name: "Close" }).tap();
  for (const view of [/^Findings/, "Request tester", /^Changes/]) {
    await page.getByRole("link", { name: view }).tap();
    assert.ok(await fits(), String(view));
    assert.ok(
      await page.evaluate(
        () =>
          document.querySelector("main").scrollWidth <= document.querySelector("main").clientWidth,
      ),
      String(view),
    );
  }
  assert.deepEqual(problems, []);
});

test("10,000 hosts and 1,000 callers are found and walked through, few of them drawn", async () => {
  const http = Array.from({ length: 10_000 }, (_, index) => ({
    name: `s${index}`,
    hostname: `h${index}.example.com`,
    authentication: { jwt },
    authorization: {
      local: {
        rules: [
          {
            name: `r${index}`,
            from: [{ jwt: { sub: `svc-${index % 1000}` } }],
            to: [{ methods: ["GET"], paths: [`/v${index}/*`] }],
          },
        ],
      },
    },
  }));
  const { page, problems } = await open(
    report("large.html", [file("large.json", gateway({ http }))]),
  );
  const few = async () => (await page.getByRole("gridcell").count()) * 1_000 < 10_001 * 1_002;
  await page.getByText("10,001 hosts by 1,002 callers").waitFor();
  assert.ok(await few());
  await page.getByRole("grid").focus();
  await page.keyboard.press("Control+End");
  await cell(page, "nobody known", "any other host").waitFor();
  assert.ok(await few());
  await page.getByLabel("Who", { exact: true }).fill("svc-777");
  await page.getByLabel("Show", { exact: true }).selectOption("hosts that they may reach");
  await page.getByText("10 hosts by 1 caller", { exact: true }).waitFor();
  await page.getByLabel("Hosts", { exact: true }).fill("h9777.");
  await page.getByText("1 host by 1 caller", { exact: true }).waitFor();
  await cell(page, "svc-777", "h9777.example.com").click();
  await page.getByRole("dialog").getByText("r9777").first().waitFor();
  assert.deepEqual(problems, []);
});
