// The matrix: who may reach what, found, opened and walked through.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { cell, egressAuth, example, file, gateway, jwt, open, report, stop } from "./support.mjs";

after(stop);

const path = report("access.html", [example("after.yaml"), "--old", example("before.yaml")]);

test("cells say who may do what, and open to the rule that decides", async () => {
  const { page, problems } = await open(path);
  const payments = cell(page, "payments@shop.example", "api.payment-provider.com");
  assert.match(await payments.getAttribute("aria-label"), /may do something$/);
  assert.match(
    await cell(page, "groups=sales", "*.crm-provider.com").getAttribute("aria-label"),
    /may do everything/,
  );
  assert.match(
    await cell(page, "nobody known", "api.payment-provider.com").getAttribute("aria-label"),
    /may do nothing/,
  );
  assert.match(
    await cell(page, "nobody known", "intake.metrics-provider.com").getAttribute("aria-label"),
    /may do something/,
  );
  await payments.click();
  const dialog = page.getByRole("dialog", {
    name: "payments@shop.example → api.payment-provider.com",
  });
  const allowed = dialog.locator(".line").filter({ hasText: "allow 200 allowed" });
  assert.match(await allowed.locator(".what").innerText(), /GET, POST on \/v1\/payments\/\*/);
  assert.match(
    await allowed.locator(".rule").innerText(),
    /payments-service-only[^]*sub payments@shop\.example[^]*GET, POST on \/v1\/payments\/\*/,
  );
  // What the policy before said, where it said something else.
  const closed = dialog.locator(".line").filter({ hasText: "was 200 allowed" });
  assert.match(
    await closed.locator(".what").innerText(),
    /deny 403 no_rule_matched[^]*DELETE on \/v1\/payments\/\*/,
  );
  await allowed.getByRole("button", { name: "Every step" }).click();
  assert.deepEqual(await allowed.locator(".steps li").allInnerTexts(), [
    "server: `payments` governs the host `api.payment-provider.com`",
    "claims: taken as those of a verified token",
    "authorization: `payments-service-only` admits the request",
  ]);
  assert.deepEqual(problems, []);
});

test("what is only tried out is told apart", async () => {
  const { page, problems } = await open(path);
  const tried = cell(page, "nobody known", "maps.geo-provider.com");
  assert.match(await tried.getAttribute("aria-label"), /may do nothing/);
  assert.match(
    await cell(
      page,
      "another token of https://auth.example.com",
      "maps.geo-provider.com",
    ).getAttribute("aria-label"),
    /only tried out/,
  );
  await page.getByRole("rowheader", { name: /maps\.geo-provider\.com/ }).click();
  const dialog = page.getByRole("dialog");
  assert.match(
    await dialog.locator(".facts").innerText(),
    /the rules of the server, only tried out/,
  );
  assert.match(
    await dialog.locator(".who").innerText(),
    /another token of https:\/\/auth\.example\.com/,
  );
  assert.deepEqual(problems, []);
});

test("every finding of check is listed, with its place", async () => {
  const policy = file(
    "findings.json",
    gateway({
      http: [
        {
          name: "a",
          hostname: "a.test",
          authentication: {
            jwt: { issuer: "https://auth.test", jwksUri: "https://auth.test/keys" },
          },
        },
      ],
    }),
  );
  const { diagnostics } = JSON.parse(egressAuth(["check", policy, "--output", "json"]));
  assert.ok(diagnostics.length >= 2);
  const { page, problems } = await open(report("findings.html", [policy]));
  await page.getByRole("link", { name: `Findings (${diagnostics.length})` }).click();
  const shown = await page.locator(".finding").allInnerTexts();
  diagnostics.forEach((finding, index) => {
    for (const part of [
      finding.message,
      `${finding.file}:${finding.line}:${finding.column}`,
      finding.field,
      finding.hint,
    ]) {
      assert.ok(shown[index].includes(part), `${shown[index]}: ${part}`);
    }
  });
  await page.locator(".finding").first().getByRole("button", { name: "a.test" }).click();
  // And in its place: at the host.
  const dialog = page.getByRole("dialog", { name: "a.test" });
  assert.ok(
    (await dialog.locator(".finding").first().innerText()).includes(diagnostics[0].message),
  );
  assert.deepEqual(problems, []);
});

test("hosts and callers are found by name, and by what may be done", async () => {
  const { page, problems } = await open(path);
  const hosts = () => page.locator(".host .name").allInnerTexts();
  const { hosts: all } = JSON.parse(
    egressAuth(["diff", example("after.yaml"), example("after.yaml"), "--output", "json"]),
  );
  assert.equal((await hosts()).length, all);
  await page.getByLabel("Hosts", { exact: true }).fill("provider maps");
  assert.deepEqual(await hosts(), ["maps.geo-provider.com"]);
  await page.getByLabel("Hosts", { exact: true }).fill("");
  await page.getByLabel("Who", { exact: true }).fill("ci/publisher");
  await page.getByText(/by 1 caller$/).waitFor();
  await page.getByLabel("Show", { exact: true }).selectOption("hosts that they may reach");
  await page.getByText("2 hosts by 1 caller").waitFor();
  assert.deepEqual(await hosts(), ["intake.metrics-provider.com", "registry.packages.example"]);
  await page.getByLabel("Show", { exact: true }).selectOption("hosts with other rules than before");
  await page.getByText("3 hosts by 1 caller").waitFor();
  await page.getByLabel("Show", { exact: true }).selectOption("hosts that are only tried out");
  await page.getByText("1 host by 1 caller").waitFor();
  await page.getByLabel("Hosts", { exact: true }).fill("nothing of the kind");
  await page.getByText("0 hosts by 1 caller").waitFor();
  assert.deepEqual(problems, []);
});

test("the keyboard is enough", async () => {
  const { page, problems } = await open(path);
  const active = () =>
    page.evaluate(() => {
      const grid = document.querySelector("[role=grid]");
      const cell = document.getElementById(grid.getAttribute("aria-activedescendant"));
      return cell?.getAttribute("aria-label") ?? cell?.innerText.split("\n")[0];
    });
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
  for (let presses = 0; presses < 5; presses++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.role === "grid")) break;
  }
  assert.equal(await active(), "*.crm-provider.com");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  assert.match(await active(), / → api\.payment-provider\.com: /);
  await page.keyboard.press("Control+End");
  assert.match(await active(), /^nobody known → any other host: /);
  await page.keyboard.press("Home");
  assert.equal(await active(), "any other host");
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: /→ \*\.crm-provider\.com$/ }).waitFor();
  // Focus stays in the dialog while it is open, and goes back to where it was.
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.activeElement.closest("dialog") !== null));
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.role), "grid");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("stands for").waitFor();
  assert.deepEqual(problems, []);
});

test("dots are about all requests, not about those that were tried", async () => {
  const rules = (to) => ({ local: { rules: [{ name: "r", to }] } });
  const server = (name, to) => ({ name, hostname: `${name}.test`, authorization: rules(to) });
  const policy = file(
    "exact.json",
    gateway({
      http: [
        server("all", [{ paths: ["/a*", "*"] }]),
        server("halves", [{ paths: ["/{**}"] }, { paths: ["/"] }]),
        server("most", [{ paths: ["/*"], methods: ["GET"] }, { methods: ["POST"] }]),
        server("strange", [{ paths: ["/a%2fb"] }]),
      ],
    }),
  );
  const { page, problems } = await open(report("exact.html", [policy]));
  for (const [host, text] of [
    ["all.test", /may do everything$/],
    ["halves.test", /may do everything$/],
    ["most.test", /may do something$/],
    ["strange.test", /may do nothing$/],
  ]) {
    const label = await cell(page, "nobody known", host).getAttribute("aria-label");
    assert.match(label, text, host);
  }
  assert.deepEqual(problems, []);
});

test("guarantees stand with their verdicts, and a request that breaks one can be tested", async () => {
  const never = (method) => ({ methods: [method], hosts: ["api.payment-provider.com"] });
  const list = [
    { name: "nobody deletes", never: never("DELETE") },
    { name: "nobody reads", never: never("GET") },
  ];
  const guarantees = file("guarantees.json", JSON.stringify({ guarantees: list }));
  const path = report("guarantees.html", [example("after.yaml"), "--guarantees", guarantees]);
  const { page, problems } = await open(path);
  await page.getByRole("link", { name: "Guarantees (2)" }).click();
  await page.getByText("1 proved, 1 refuted, 0 undecided").waitFor();
  const broken = page.getByRole("article").filter({ hasText: "nobody reads" });
  assert.match(await broken.innerText(), /GET https:\/\/api\.payment-provider\.com\//);
  await broken.getByRole("button", { name: "Test a request like this" }).click();
  await page.getByRole("button", { name: "Decide" }).click();
  await page.getByText("allow 200 allowed").first().waitFor();
  assert.deepEqual(problems, []);
});

test("where token and workload are both asked for, cells say together with what", async () => {
  const both = file(
    "both.json",
    gateway({
      http: [{ name: "both", hostname: "both.test", authentication: { jwt } }],
      egressAuthorization: [
        { from: { serviceAccounts: ["shop/web"] }, to: [{ host: { exact: "both.test" } }] },
      ],
    }),
  );
  const { page, problems } = await open(report("both.html", [both]));
  const label = await cell(page, "shop/web", "both.test").getAttribute("aria-label");
  assert.match(label, /may do everything, together with a token or workload/);
  assert.match(
    await cell(page, "nobody known", "both.test").getAttribute("aria-label"),
    /may do nothing/,
  );
  await cell(page, "shop/web", "both.test").click();
  const dialog = page.getByRole("dialog");
  await dialog
    .getByRole("heading", { name: "Together with another token of https://auth.test" })
    .waitFor();
  assert.match(await dialog.locator(".line").first().innerText(), /deny 401 missing_token/);
  assert.match(
    await dialog.locator(".line").nth(1).innerText(),
    /allow 200 allowed[^]*egressAuthorization\[0\][^]*workload shop\/web/,
  );
  assert.deepEqual(problems, []);
});
