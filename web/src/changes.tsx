// What differs from the older policy, as `diff` says it.

import { useState } from "preact/hooks";
import { hostLabel, type Model } from "./model";
import { count } from "./text";
import type { Change, Diff, Query, SecurityDifference, Undecided, Verdict } from "./types";

const PAGE = 50;
const NAMED_HOSTS = 5;

const VERDICTS: Record<Verdict, string> = {
  equal: "equal: both policies decide every request alike",
  narrower: "narrower: the new policy allows less, and nothing more",
  wider: "wider: the new policy allows more, and nothing less",
  crossing: "crossing: each policy allows something that the other denies",
  undecided: "undecided: not everything could be told",
};

const WHY: Record<string, string> = {
  budget: "it would have taken too long",
  ambiguous_paths:
    "only paths that servers read in several ways are left, and none of those that were tried shows it",
  claims: "the claims can be put together in more ways than are tried",
  keys: "the keys of an issuer differ",
  holders: "tokens are bound to whoever sends them, and workloads are recognised otherwise",
  unconfirmed: "no request was found that both policies decide as was expected",
};

export function Changes({ model, test }: { model: Model; test(query: Query): void }) {
  const [shown, setShown] = useState(PAGE);
  const diff = model.data.diff!;
  return (
    <section class="reading">
      <h2>Changes</h2>
      <p>
        Over all requests, the new policy is <strong>{VERDICTS[diff.verdict]}</strong>.{" "}
        {sayHosts(diff)}
      </p>
      <Security differences={diff.security.filter((it) => it.hosts.length === 0)} />
      {diff.differences.slice(0, shown).map((group, index) => (
        <article key={index} class="group">
          <h3>
            {group.hosts.slice(0, NAMED_HOSTS).map(hostLabel).join(", ")}
            {group.hosts.length > NAMED_HOSTS &&
              ` and ${group.hosts.length - NAMED_HOSTS} more with the same rules`}
            {`: ${group.verdict}`}
          </h3>
          {group.changes.map((change, at) => (
            <ChangeItem
              key={at}
              change={change}
              test={test}
              model={model}
            />
          ))}
          {group.undecided.map((undecided, at) => (
            <UndecidedItem key={at} undecided={undecided} />
          ))}
          <Security differences={group.security} />
        </article>
      ))}
      {diff.differences.length > shown && (
        <button type="button" onClick={() => setShown(shown + PAGE)}>
          Show more of {count(diff.differences.length, "group")}
        </button>
      )}
    </section>
  );
}

function sayHosts(diff: Diff): string {
  const parts = [
    `${diff.differing_hosts} of ${count(diff.hosts, "host")} ${diff.differing_hosts === 1 ? "is" : "are"} decided otherwise`,
  ];
  if (diff.rewritten_hosts > 0) parts.push(`${diff.rewritten_hosts} written otherwise and decided alike`);
  if (diff.security.length > 0) {
    parts.push(`${count(diff.security.length, "thing")} differing beside decisions`);
  }
  return `${parts.join("; ")}.`;
}

interface Props {
  model: Model;
  change: Change;
  test(query: Query): void;
}

function ChangeItem({ model, change, test }: Props) {
  const opened = change.change === "allowed";
  const methods = change.any_method_but;
  return (
    <div class={`change ${opened ? "allow" : "deny"}`}>
      <p>
        <strong>{opened ? "+ allowed" : "− denied"}</strong>{" "}
        <span class="quiet">
          {change.after.status} {change.after.reason}, was {change.before.status}{" "}
          {change.before.reason}
        </span>
      </p>
      <dl class="facts">
        <dt>who</dt>
        <dd>{few(change.callers)}</dd>
        <dt>methods</dt>
        <dd>
          {methods
            ? methods.length > 0
              ? `any but ${methods.join(", ")}`
              : "any method"
            : few(change.methods)}
        </dd>
        <dt>paths</dt>
        <dd>{few(change.patterns.map((pattern) => pattern ?? "any path"))}</dd>
        <dt>such as</dt>
        <dd>{few(change.examples.map((it) => it.request))}</dd>
      </dl>
      <TestButton query={change.examples[0]!} model={model} test={test} />
    </div>
  );
}

/** Takes a request that was made with the page to the tester. */
export function TestButton({
  query,
  model,
  test,
}: {
  query: Query;
  model: Model;
  test(query: Query): void;
}) {
  const asked: Query = { ...query };
  const claims = asked.claims as Record<string, unknown> | undefined;
  const exp = claims?.["exp"];
  // A token that expires was made when the page was.
  if (typeof exp === "number") {
    asked.claims = { ...claims, exp: exp - model.data.made_at + model.now() };
  }
  return (
    <button type="button" onClick={() => test(asked)}>
      Test a request like this
    </button>
  );
}

function UndecidedItem({ undecided }: { undecided: Undecided }) {
  return (
    <div class="change">
      <p>
        <strong>? may be {undecided.change}</strong>{" "}
        <span class="quiet">{WHY[undecided.why] ?? undecided.why}</span>
      </p>
      <p>
        <code>
          {undecided.caller}, {undecided.method ?? "any method"}, {undecided.pattern ?? "any path"}
        </code>
      </p>
    </div>
  );
}

const EFFECTS: Record<string, string> = { wider: "+", narrower: "−", other: "~" };

function Security({ differences }: { differences: SecurityDifference[] }) {
  return (
    <>
      {differences.map((it, index) => (
        <div key={index} class="change">
          <p>
            <strong>
              {EFFECTS[it.effect]} {it.what}
            </strong>
            {it.issuer && (
              <>
                {" "}
                of <code>{it.issuer}</code>
              </>
            )}
            : <code>{it.after}</code>, was <code>{it.before}</code>
          </p>
          <p class="quiet">{it.consequence}</p>
        </div>
      ))}
    </>
  );
}

function few(texts: string[]) {
  const shown = texts.slice(0, 8);
  return (
    <>
      {shown.map((text, index) => (
        <div key={index}>
          <code>{text}</code>
        </div>
      ))}
      {texts.length > shown.length && <div>and {texts.length - shown.length} more</div>}
    </>
  );
}
