// The tester answers what `egress-auth explain` answers.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { egressAuth, example, file, gateway, jwt, open, report, stop } from "./support.mjs";

after(stop);

/** Numbers that are the same in every run (mulberry32). */
function generator(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

function requests(count) {
  const random = generator(1);
  const pick = (list) => list[random(list.length)];
  const now = Math.floor(Date.now() / 1000);
  const hosts = [
    "api.payment-provider.com",
    "API.payment-provider.com:443",
    "maps.geo-provider.com",
    "a.b.crm-provider.com",
    "crm-provider.com",
    "storage.cloud-provider.com",
    "status.cloud-provider.com",
    "registry.packages.example",
    "intake.metrics-provider.com",
    "unknown.test",
    "user@api.payment-provider.com",
  ];
  const paths = [
    "/",
    "/v1/payments/42",
    "/v1/payments/..%2fadmin",
    "/v1/payments/7/refunds",
    "/v1/payments/a;b/refunds",
    "/backups",
    "/backups/x/y",
    "/packages/a",
    "/v1/series?x=1",
    "/cases/1",
    "/a#b",
    "/%zz",
  ];
  const token = () => ({
    iss: pick([
      "https://auth.example.com",
      "https://auth.example.com",
      "https://auth.example.com",
      "https://elsewhere.test",
    ]),
    aud: pick(["egress", "egress", ["other", "egress"], "other"]),
    sub: pick(["payments@shop.example", "refunds@shop.example", "backup@ops.example", "anyone"]),
    ...(random(3) === 0 ? { groups: pick(["sales", ["support", "x"]]) } : {}),
    ...(random(4) === 0 ? { exp: now + pick([-100_000, 100_000]) } : {}),
  });
  return Array.from({ length: count }, () => ({
    request: `${pick(["GET", "POST", "PUT", "DELETE", "get"])} https://${pick(hosts)}${pick(paths)}`,
    // Claims, or a header that a token may be in.
    ...pick([
      { claims: token() },
      { claims: token() },
      { claims: token(), headers: { "x-other": "1: 2" } },
      { headers: { "x-mesh-token": pick(["a.b.c", ["one", "two"]]), "x-other": "1: 2" } },
    ]),
    ...(random(3) > 0
      ? {
          source: pick([
            "spiffe://cluster.local/ns/ci/sa/builder",
            "spiffe://cluster.local/ns/ci/sa/publisher",
            "spiffe://other/ns/ci/sa/builder",
          ]),
        }
      : {}),
  }));
}

async function ask(page, query) {
  await page.getByLabel("Request", { exact: true }).fill(query.request);
  await page
    .getByLabel("Claims")
    .fill(query.claims === undefined ? "" : JSON.stringify(query.claims));
  await page.getByLabel("SPIFFE ID").fill(query.source ?? "");
  const headers = Object.entries(query.headers ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  );
  await page.getByLabel("Headers").fill(headers.join("\n"));
  await page.getByRole("button", { name: "Decide" }).click();
}

const printed = async (page, side) =>
  JSON.parse(await page.locator(".side pre").nth(side).textContent());

test("generated requests are answered as the command answers them, by both policies", async () => {
  const queries = requests(120);
  const lines = queries.map((query) => JSON.stringify(query)).join("\n");
  const policies = ["after.yaml", "before.yaml"].map(example);
  const expected = policies.map((policy) =>
    egressAuth(["explain", policy, "--requests", "-"], lines)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
  // They are of many kinds, or comparing them would show little.
  assert.ok(new Set(expected[0].map((answer) => answer.reason)).size > 8);
  const { page, problems } = await open(report("tester.html", [policies[0], "--old", policies[1]]));
  await page.getByRole("link", { name: "Request tester" }).click();
  for (const [index, query] of queries.entries()) {
    await ask(page, query);
    assert.deepEqual(await printed(page, 0), expected[0][index], JSON.stringify(query));
    assert.deepEqual(await printed(page, 1), expected[1][index], JSON.stringify(query));
  }
  assert.deepEqual(problems, []);
});

test("what is no request is said as the command says it, and claims are as strict", async () => {
  const { page, problems } = await open(report("strict.html", [example("after.yaml")]));
  await page.getByRole("link", { name: "Request tester" }).click();
  const problem = page.locator(".answer .problem");
  await ask(page, { request: "GET api.test/x" });
  assert.equal(
    await problem.innerText(),
    "`GET api.test/x` is not a request; write `GET https://api.example.com/v1/items`",
  );
  await ask(page, { request: "GET https://api.test/ HTTP/1.1" });
  assert.match(await problem.innerText(), /without `HTTP\/1\.1`$/);
  await page.getByLabel("Request", { exact: true }).fill("GET https://api.test/");
  for (const [claims, expected] of [
    ['{"sub": "a", "sub": "b"}', /the claims cannot be read/],
    ["{", /the claims are not JSON/],
    ['{}, "source": "x"', /the claims are not JSON/],
    ["[]", /the claims cannot be read/],
  ]) {
    await page.getByLabel("Claims").fill(claims);
    await page.getByRole("button", { name: "Decide" }).click();
    assert.match(await problem.innerText(), expected);
  }
  await ask(page, {
    request: "GET https://api.payment-provider.com/",
    claims: {},
    headers: { "x-mesh-token": "a.b.c" },
  });
  assert.equal(
    await problem.innerText(),
    "the token in `x-mesh-token` is not looked at beside claims: give one or the other",
  );
  assert.deepEqual(problems, []);
});

test("a caller is filled in with a token that holds now", async () => {
  const policy = file(
    "short.json",
    gateway({
      http: [
        {
          name: "a",
          hostname: "a.test",
          authentication: { jwt: { ...jwt, maxLifetimeSeconds: 60 } },
          authorization: { local: { rules: [{ name: "r", from: [{ jwt: { sub: "alice" } }] }] } },
        },
      ],
    }),
  );
  const { page, problems } = await open(report("short.html", [policy]));
  await page
    .getByRole("gridcell", { name: "alice → a.test: may do everything" })
    .waitFor();
  await page.getByRole("link", { name: "Request tester" }).click();
  await page
    .getByLabel("Fill in who calls")
    .selectOption({ label: "alice (a token of https://auth.test)" });
  await page.getByRole("button", { name: "Decide" }).click();
  const answer = await printed(page, 0);
  assert.deepEqual([answer.decision, answer.rule], ["allow", "r"]);
  assert.deepEqual(problems, []);
});

test("changes are those of diff, and can be tested", async () => {
  const diff = JSON.parse(egressAuthDiff());
  const { page, problems } = await open(
    report("changes.html", [example("after.yaml"), "--old", example("before.yaml")]),
  );
  await page.getByRole("link", { name: `Changes (${diff.differing_hosts})` }).click();
  const said = diff.differences.flatMap((group) => [
    ...group.changes,
    ...group.undecided,
    ...group.security,
  ]);
  const whole = diff.security.filter((it) => it.hosts.length === 0);
  await page.locator(".change").first().waitFor();
  assert.equal(await page.locator(".change").count(), said.length + whole.length);
  await page.getByText(`the new policy is ${diff.verdict}: `).waitFor();
  const first = page.locator(".change").first();
  assert.match(
    await first.innerText(),
    /\+ allowed[^]*sub=refunds@shop\.example[^]*POST[^]*\/v1\/payments\/x\/refunds/,
  );
  await first.getByRole("button", { name: "Test a request like this" }).click();
  const [now, before] = [await printed(page, 0), await printed(page, 1)];
  assert.deepEqual([now.decision, before.decision], ["allow", "deny"]);
  // It is still there after looking elsewhere.
  await page.getByRole("link", { name: "Access" }).click();
  await page.getByRole("gridcell").first().waitFor();
  await page.getByRole("link", { name: "Request tester" }).click();
  assert.match(
    await page.getByLabel("Request", { exact: true }).inputValue(),
    /^POST https:\/\/api\.payment-provider\.com\//,
  );
  assert.deepEqual(problems, []);
});

/** `diff` exits with 1 where something differs. */
function egressAuthDiff() {
  try {
    return egressAuth(["diff", example("before.yaml"), example("after.yaml"), "--output", "json"]);
  } catch (error) {
    assert.equal(error.status, 1);
    return error.stdout;
  }
}

test("what could not be told is said", async () => {
  const policy = (keys) =>
    gateway({
      http: [
        { name: "api", hostname: "api.test", authentication: { jwt: { ...jwt, jwksUri: keys } } },
      ],
    });
  const [before, after] = ["one", "other"].map((name) =>
    file(`${name}.json`, policy(`https://auth.test/${name}`)),
  );
  const { page, problems } = await open(report("keys.html", [after, "--old", before]));
  await page.getByRole("link", { name: /^Changes/ }).click();
  await page.getByText("the new policy is undecided: not everything could be told").waitFor();
  await page.getByText("the keys of an issuer differ").first().waitFor();
  await page.getByText(/^not comparable: /).waitFor();
  assert.deepEqual(problems, []);
});
