// How guarantees stand, as `prove` says it.

import { TestButton } from "./changes";
import type { Model } from "./model";
import type { Guarantee, Query } from "./types";

const WORDS: Record<Guarantee["verdict"], { sign: string; kind: string; text: string }> = {
  proved: { sign: "✓", kind: "allow", text: "proved: it holds for every request" },
  refuted: { sign: "✕", kind: "deny", text: "refuted: this request breaks it" },
  undecided: { sign: "?", kind: "", text: "undecided: it could not be told" },
};

export function Guarantees({ model, test }: { model: Model; test(query: Query): void }) {
  const { guarantees, proved, refuted, undecided } = model.data.guarantees!;
  return (
    <section class="reading">
      <h2>Guarantees</h2>
      <p>
        Over all requests: {proved} proved, {refuted} refuted, {undecided} undecided.
      </p>
      {guarantees.map((guarantee, index) => (
        <Item key={index} guarantee={guarantee} model={model} test={test} />
      ))}
    </section>
  );
}

interface Props {
  guarantee: Guarantee;
  model: Model;
  test(query: Query): void;
}

function Item({ guarantee, model, test }: Props) {
  const { sign, kind, text } = WORDS[guarantee.verdict];
  const broken = guarantee.counterexample;
  return (
    <article class={`change ${kind}`}>
      <p>
        <strong>
          <span aria-hidden="true">{sign}</span> {guarantee.name}
        </strong>{" "}
        <span class="quiet">{text}</span>
      </p>
      {broken && (
        <>
          <dl class="facts">
            <dt>request</dt>
            <dd>
              <code>{broken.query.request}</code>
            </dd>
            <dt>answer</dt>
            <dd>
              {broken.decision} {broken.status} {broken.reason}
              {broken.rule !== null && (
                <>
                  {" "}
                  by <code>{broken.rule}</code>
                </>
              )}
            </dd>
          </dl>
          <TestButton query={broken.query} model={model} test={test} />
        </>
      )}
      {guarantee.doubts?.map((doubt, index) => (
        <p key={index} class="quiet">
          {doubt.host}, {doubt.method ?? "any method"}: {doubt.why}
        </p>
      ))}
    </article>
  );
}
