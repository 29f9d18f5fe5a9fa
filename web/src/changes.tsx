// What differs from the older policy, as `diff` says it.

import { useState } from "preact/hooks";
import { hostLabel, type Model } from "./model";
import { count } from "./text";
import type { Change, Query, Sender } from "./types";

const PAGE = 50;
const NAMED_HOSTS = 5;

export function Changes({ model, test }: { model: Model; test(query: Query): void }) {
  const [shown, setShown] = useState(PAGE);
  const diff = model.data.diff!;
  const changes = diff.differences.flatMap((group) => group.changes);
  const number = (kind: string): number =>
    changes
      .filter((it) => it.change === kind)
      .reduce(
        (sum, it) =>
          sum + it.claims.length * it.sources.length * it.methods.length * it.paths.length,
        0,
      );
  return (
    <section class="reading">
      <h2>Changes</h2>
      <p>
        {diff.differences.length === 0
          ? `No difference: all ${diff.hosts} hosts have the same rules.`
          : `${diff.differing_hosts} of ${count(diff.hosts, "host")} have other rules: of ${count(diff.requests, "request")} made from their patterns, ${number("allowed")} became allowed and ${number("denied")} denied.`}
      </p>
      {diff.requests_left_out > 0 && (
        <p class="problem">
          Not all of them were made: {diff.requests_left_out} more would have taken too long, so
          there may be more changes. Compare logged traffic with `egress-auth diff --requests FILE`.
        </p>
      )}
      {diff.differences.slice(0, shown).map((group, index) => (
        <article key={index} class="group">
          <h3>
            {group.hosts.slice(0, NAMED_HOSTS).map(hostLabel).join(", ")}
            {group.hosts.length > NAMED_HOSTS &&
              ` and ${group.hosts.length - NAMED_HOSTS} more with the same rules`}
          </h3>
          {group.changes.length === 0 && (
            <p>
              ~ {group.differs.join(" and ")} {group.differs.length > 1 ? "differ" : "differs"}, but
              no request made from the patterns shows it.
            </p>
          )}
          {group.requests_left_out > 0 && (
            <p class="quiet">
              {`${count(group.requests_left_out, "more request")} from the patterns ${group.requests_left_out === 1 ? "was" : "were"} not made.`}
            </p>
          )}
          {[...group.changes]
            .sort((one, other) => one.change.localeCompare(other.change))
            .map((change, at) => (
              <ChangeItem
                key={at}
                change={change}
                host={group.hosts[0]!.example}
                madeAt={model.data.made_at}
                test={test}
                model={model}
              />
            ))}
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

interface Props {
  model: Model;
  change: Change;
  host: string;
  madeAt: number;
  test(query: Query): void;
}

function ChangeItem({ model, change, host, madeAt, test }: Props) {
  const opened = change.change === "allowed";
  const claims = change.claims[0] ?? null;
  const asked: Query = { request: `${change.methods[0]} https://${host}${change.paths[0]}` };
  if (claims) {
    // A token that expires was made when the page was.
    const exp = claims["exp"];
    asked.claims =
      typeof exp === "number" ? { ...claims, exp: exp - madeAt + model.now() } : claims;
  }
  const sender = change.sources[0] ?? null;
  if (typeof sender === "string") asked.source = sender;
  else if (sender) {
    if (sender.peer) asked.source = sender.peer;
    const header = model.data.new.policy.source_identity?.propagated?.header;
    if (header) asked.headers = { [header]: `URI=${sender.behind}` };
  }
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
        <dd>{few(change.claims.map(sayClaims))}</dd>
        {change.sources.some((it) => it !== null) && (
          <>
            <dt>from</dt>
            <dd>{few(change.sources.map(saySender))}</dd>
          </>
        )}
        <dt>methods</dt>
        <dd>{few(change.methods)}</dd>
        <dt>paths</dt>
        <dd>{few(change.paths)}</dd>
      </dl>
      <button type="button" onClick={() => test(asked)}>
        Test a request like this
      </button>
    </div>
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

function sayClaims(claims: Record<string, unknown> | null): string {
  if (!claims) return "no token";
  const { exp: _, ...rest } = claims;
  return Object.entries(rest)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

function saySender(sender: Sender): string {
  if (sender === null) return "no known workload";
  return typeof sender === "string" ? sender : `${sender.behind} behind ${sender.peer}`;
}
