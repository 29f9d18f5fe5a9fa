// The page: views, what is open, and the engine's start.

import { render } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { Changes } from "./changes";
import { Detail } from "./detail";
import { Engine } from "./engine";
import { Findings } from "./findings";
import { Guarantees } from "./guarantees";
import { Matrix } from "./matrix";
import { Model } from "./model";
import type { Opened } from "./opened";
import { Tester } from "./tester";
import { count } from "./text";
import type { Data, Query } from "./types";

const VIEWS = ["access", "findings", "test", "guarantees", "changes"] as const;
type View = (typeof VIEWS)[number];

/** Whether there is something to see: an older policy, a file with guarantees. */
function isThere(model: Model, view: View): boolean {
  if (view === "changes") return model.data.diff !== undefined;
  return view !== "guarantees" || model.data.guarantees !== undefined;
}

function currentView(model: Model): View {
  const view = VIEWS.find((it) => `#${it}` === location.hash) ?? "access";
  return isThere(model, view) ? view : "access";
}

function Page({ model }: { model: Model }) {
  const [view, setView] = useState(() => currentView(model));
  const [opened, setOpened] = useState<Opened | null>(null);
  const [given, setGiven] = useState<Query | null>(null);
  useEffect(() => {
    const changed = (): void => setView(currentView(model));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, [model]);
  const test = (query: Query): void => {
    setOpened(null);
    setGiven({ ...query });
    location.hash = "test";
  };
  const { policy } = model.data.new;
  const findings = model.data.diagnostics.diagnostics.length;
  const titles: Record<View, string> = {
    access: "Access",
    findings: `Findings (${findings})`,
    test: "Request tester",
    guarantees: `Guarantees (${model.data.guarantees?.guarantees.length ?? 0})`,
    changes: `Changes (${model.data.diff?.differing_hosts ?? 0})`,
  };
  return (
    <>
      <header class="top">
        <div class="title">
          <h1>{policy.gateway}</h1>
          <p class="quiet">
            {count(policy.servers.length, "server")}, {count(policy.egress?.length ?? 0, "host")} of
            egressAuthorization; hosts that nothing governs:{" "}
            {policy.default_action === "deny" ? "denied" : "passed through"}. Made{" "}
            {new Date(model.data.made_at * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC
            by egress-auth {model.data.version}.
          </p>
        </div>
        <ThemeButton />
      </header>
      <nav aria-label="Views">
        {VIEWS.filter((it) => isThere(model, it)).map((it) => (
          <a key={it} href={`#${it}`} aria-current={it === view ? "page" : undefined}>
            {titles[it]}
          </a>
        ))}
      </nav>
      {model.disagreements.length > 0 && (
        <p class="problem" role="alert">
          The engine in this page decides {count(model.disagreements.length, "request")} otherwise
          than the command that wrote it, such as <code>{model.disagreements[0]}</code>. Build both
          from the same sources and write the page again; do not trust this one.
        </p>
      )}
      <main>
        {/* What was searched for and written down stays while somebody looks elsewhere. */}
        <div class="view" hidden={view !== "access"}>
          <Matrix model={model} open={setOpened} />
        </div>
        <div class="view" hidden={view !== "test"}>
          <Tester model={model} given={given} />
        </div>
        {view === "findings" && <Findings model={model} open={setOpened} />}
        {view === "guarantees" && <Guarantees model={model} test={test} />}
        {view === "changes" && <Changes model={model} test={test} />}
      </main>
      {opened && <Detail model={model} opened={opened} open={setOpened} test={test} />}
    </>
  );
}

/** Light or dark, as the system has it until somebody chooses. */
function ThemeButton() {
  const [dark, setDark] = useState(() => window.matchMedia("(prefers-color-scheme: dark)").matches);
  const [chosen, setChosen] = useState(false);
  useEffect(() => {
    const media = window.matchMedia("(prefers-color-scheme: dark)");
    const changed = (): void => {
      if (!chosen) setDark(media.matches);
    };
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [chosen]);
  useLayoutEffect(() => {
    if (chosen) document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  }, [dark, chosen]);
  return (
    <button
      type="button"
      class="theme"
      aria-label={dark ? "Light colours" : "Dark colours"}
      onClick={() => {
        setDark(!dark);
        setChosen(true);
      }}
    >
      {dark ? "☀" : "☾"}
    </button>
  );
}

function text(id: string): string {
  return document.getElementById(id)!.textContent!;
}

async function start(): Promise<void> {
  const app = document.getElementById("app")!;
  try {
    const data = JSON.parse(text("data")) as Data;
    document.title = `${data.new.policy.gateway}: egress policy`;
    const module = Uint8Array.from(atob(text("engine")), (char) => char.charCodeAt(0));
    const model = new Model(data, await Engine.start(module));
    render(<Page model={model} />, app);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    render(
      <p class="problem" role="alert">
        This page cannot decide requests here: {reason}
      </p>,
      app,
    );
  }
}

void start();
