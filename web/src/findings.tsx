// What `check` says, at its places.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { hostLabel, type Model } from "./model";
import { count } from "./text";
import type { Finding } from "./types";
import type { Opened } from "./opened";

const SIGNS = { error: "✕", warning: "⚠", note: "ℹ" } as const;
const PAGE = 200;

export function FindingItem({
  finding,
  children,
}: {
  finding: Finding;
  children?: ComponentChildren;
}) {
  return (
    <li class={`finding ${finding.severity}`}>
      <p>
        <span aria-hidden="true">{SIGNS[finding.severity]}</span>{" "}
        <strong>{finding.severity}</strong>: {finding.message}
      </p>
      {finding.file && (
        <p class="quiet">
          <code>
            {finding.file}:{finding.line}:{finding.column}
          </code>{" "}
          {finding.field && <code>{finding.field}</code>}
        </p>
      )}
      {finding.hint && <p>help: {finding.hint}</p>}
      {children}
    </li>
  );
}

export function Findings({ model, open }: { model: Model; open(opened: Opened): void }) {
  const [shown, setShown] = useState(PAGE);
  const all = model.data.diagnostics.diagnostics;
  return (
    <section class="reading">
      <h2>Findings</h2>
      {all.length === 0 && <p>No warnings, no notes.</p>}
      <ul class="findings">
        {all.slice(0, shown).map((finding, index) => (
          <FindingItem key={index} finding={finding}>
            {(model.places.get(finding) ?? []).slice(0, 5).map((host) => (
              <button
                key={host.example}
                type="button"
                onClick={() => open({ host: model.hosts.indexOf(host), caller: null })}
              >
                {hostLabel(host)}
              </button>
            ))}
          </FindingItem>
        ))}
      </ul>
      {all.length > shown && (
        <button type="button" onClick={() => setShown(shown + PAGE)}>
          Show more of {count(all.length, "finding")}
        </button>
      )}
    </section>
  );
}
