// Which hosts and callers are listed.

import { useEffect, useMemo, useState } from "preact/hooks";
import type { Model } from "./model";

export const LISTS = {
  all: "all hosts",
  reachable: "hosts that they may reach",
  partly: "hosts that they may reach in part",
  closed: "hosts that they may not reach",
  tried: "hosts that are only tried out",
  findings: "hosts with findings",
  changed: "hosts with other rules than before",
} as const;

export type List = keyof typeof LISTS;

/** Milliseconds in a row that filtering may keep the page from answering. */
const TURN = 24;
/** Milliseconds after which what was found so far is shown. */
const SHOW = 250;

export interface Filtered {
  hosts: number[];
  /** How many of how many hosts were looked at so far. */
  looked: number;
  of: number;
}

function matches(texts: string[], search: string): number[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found: number[] = [];
  texts.forEach((text, index) => {
    if (words.every((word) => text.includes(word))) found.push(index);
  });
  return found;
}

export function useCallers(model: Model, search: string): number[] {
  return useMemo(() => matches(model.callerTexts, search), [model, search]);
}

/** Hosts that match; what the engine must be asked for comes in turns. */
export function useHosts(model: Model, search: string, list: List, callers: number[]): Filtered {
  const found = useMemo(() => matches(model.hostTexts, search), [model, search]);
  const [filtered, setFiltered] = useState<Filtered>({ hosts: found, looked: 0, of: found.length });
  const asks = list === "reachable" || list === "partly" || list === "closed";
  const simple = useMemo(() => {
    if (asks) return null;
    const hosts = found.filter((index) => {
      const host = model.hosts[index]!;
      if (list === "findings") return model.findings.has(host);
      if (list === "changed") return model.changed.has(host.name);
      if (list === "tried")
        return host.tried_out || model.server(host)?.shadow_authentication === true;
      return true;
    });
    return { hosts, looked: found.length, of: found.length };
  }, [model, found, list, asks]);
  useEffect(() => {
    if (!asks) return;
    setFiltered({ hosts: [], looked: 0, of: found.length });
    let timer = 0;
    let at = 0;
    let shown = performance.now();
    const hosts: number[] = [];
    const turn = (): void => {
      const end = performance.now() + TURN;
      while (at < found.length && performance.now() < end) {
        const index = found[at++]!;
        const states = model
          .verdictsAt(model.hosts[index]!, callers)
          .map((verdict) => verdict.state);
        const open = states.some((state) => state !== "none");
        const part = states.some((state) => state === "some");
        if (list === "partly" ? part : (list === "reachable") === open) hosts.push(index);
      }
      const over = at === found.length;
      if (over || performance.now() - shown > SHOW) {
        shown = performance.now();
        setFiltered({ hosts: [...hosts], looked: at, of: found.length });
      }
      if (!over) timer = window.setTimeout(turn);
    };
    turn();
    return () => window.clearTimeout(timer);
  }, [model, found, list, callers, asks]);
  return simple ?? filtered;
}
