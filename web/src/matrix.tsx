// Who may reach what: callers by hosts.

import { defaultRangeExtractor, type Range } from "@tanstack/virtual-core";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Opened } from "./opened";
import { LISTS, useCallers, useHosts, type List } from "./filter";
import { hostLabel, type Model, type Verdict } from "./model";
import { count, sayVerdict, STATES } from "./text";
import { useVirtualizer } from "./virtual";

const ROW = 34;
const COLUMN = 44;
/** Height of the header at least, and how much a character of two lines of a caller takes of it. */
const HEADER = 120;
const CHARACTER = 8;
/** Callers that a list offers; a longer one is no help on a telephone. */
const MOST_OPTIONS = 1000;
/** Rows that PageUp and PageDown go. */
const PAGE = 20;

/** Whether the page is as narrow as a telephone: then one caller at a time. */
function useNarrow(): boolean {
  const [media] = useState(() => window.matchMedia("(max-width: 640px)"));
  const [narrow, setNarrow] = useState(media.matches);
  useEffect(() => {
    const changed = (): void => setNarrow(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [media]);
  return narrow;
}

interface Props {
  model: Model;
  open(opened: Opened): void;
}

export function Matrix({ model, open }: Props) {
  const narrow = useNarrow();
  const [hostSearch, setHostSearch] = useState("");
  const [callerSearch, setCallerSearch] = useState("");
  const [list, setList] = useState<List>("all");
  const [one, setOne] = useState(0);
  const found = useCallers(model, callerSearch);
  const callers = useMemo(() => (narrow ? [one] : found), [narrow, one, found]);
  const { hosts, looked, of } = useHosts(model, hostSearch, list, callers);
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const slash = (event: KeyboardEvent): void => {
      if (event.key !== "/" || (event.target as Element).closest("input, textarea, select, dialog"))
        return;
      // Another view may be in sight.
      if (!search.current?.checkVisibility()) return;
      event.preventDefault();
      search.current.focus();
    };
    document.addEventListener("keydown", slash);
    return () => document.removeEventListener("keydown", slash);
  }, []);
  const lists = (Object.keys(LISTS) as List[]).filter((it) => it !== "changed" || model.data.diff);
  return (
    <section class="access" aria-label="Access">
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <div>
          <label for="filter-hosts">Hosts</label>
          <input
            id="filter-hosts"
            ref={search}
            type="search"
            value={hostSearch}
            placeholder="search ( / )"
            onInput={(event) => setHostSearch(event.currentTarget.value)}
          />
        </div>
        <div>
          <label for="filter-callers">Who</label>
          {narrow ? (
            <select
              id="filter-callers"
              value={one}
              onChange={(event) => setOne(Number(event.currentTarget.value))}
            >
              {model.callers.slice(0, MOST_OPTIONS).map((caller, index) => (
                <option key={index} value={index}>
                  {caller.label} ({caller.detail})
                </option>
              ))}
            </select>
          ) : (
            <input
              id="filter-callers"
              type="search"
              value={callerSearch}
              placeholder="search"
              onInput={(event) => setCallerSearch(event.currentTarget.value)}
            />
          )}
        </div>
        <div>
          <label for="filter-list">Show</label>
          <select
            id="filter-list"
            value={list}
            onChange={(event) => setList(event.currentTarget.value as List)}
          >
            {lists.map((it) => (
              <option key={it} value={it}>
                {LISTS[it]}
              </option>
            ))}
          </select>
        </div>
      </form>
      <p class="tally" role="status">
        {count(hosts.length, "host")} by {count(callers.length, "caller")}
        {looked < of && `; looking: ${looked.toLocaleString("en")} of ${of.toLocaleString("en")}`}
      </p>
      <p class="legend">
        {(Object.keys(STATES) as (keyof typeof STATES)[]).map((state) => (
          <span key={state}>
            <span class={`sign ${state}`} aria-hidden="true">
              {STATES[state].sign}
            </span>{" "}
            {STATES[state].text}
          </span>
        ))}
        <span>
          <span class="sign tried" aria-hidden="true">
            △
          </span>{" "}
          only tried out
        </span>
      </p>
      <Grid model={model} hosts={hosts} callers={callers} narrow={narrow} open={open} />
    </section>
  );
}

interface GridProps {
  model: Model;
  hosts: number[];
  callers: number[];
  narrow: boolean;
  open(opened: Opened): void;
}

/** Row -1 is the header, column -1 the hosts. */
interface Place {
  row: number;
  column: number;
}

function Grid({ model, hosts, callers, narrow, open }: GridProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<Place>({ row: 0, column: -1 });
  const clamp = ({ row, column }: Place): Place => ({
    row: Math.max(-1, Math.min(row, hosts.length - 1)),
    column: Math.max(-1, Math.min(column, callers.length - 1)),
  });
  const at = clamp(active);
  // What is active is drawn wherever it is: assistive technology follows it.
  const withActive =
    (index: number) =>
    (range: Range): number[] => {
      const drawn = defaultRangeExtractor(range);
      return index < 0 || drawn.includes(index)
        ? drawn
        : [...drawn, index].sort((one, other) => one - other);
    };
  // So high that callers can be read in full, as long as hosts can be seen below them.
  const longest = useMemo(
    () => callers.reduce((most, it) => Math.max(most, model.callers[it]!.label.length), 0),
    [model, callers],
  );
  const wanted = Math.ceil(longest / 2) * CHARACTER + 4 * CHARACTER;
  const high = Math.max(HEADER, Math.min(wanted, Math.round(window.innerHeight * 0.6)));
  const header = narrow ? 0 : high;
  const hostWidth = narrow ? Math.max(180, window.innerWidth - 90) : 280;
  const getScrollElement = (): HTMLElement | null => scroller.current;
  const rows = useVirtualizer({
    count: hosts.length,
    estimateSize: () => ROW,
    getScrollElement,
    overscan: 8,
    rangeExtractor: withActive(at.row),
    scrollPaddingStart: header,
  });
  const columns = useVirtualizer({
    count: callers.length,
    estimateSize: () => COLUMN,
    getScrollElement,
    horizontal: true,
    overscan: 4,
    rangeExtractor: withActive(at.column),
    scrollPaddingStart: hostWidth,
  });
  const go = (place: Place): void => {
    const to = clamp(place);
    setActive(to);
    if (to.row >= 0) rows.scrollToIndex(to.row, { align: "auto" });
    if (to.column >= 0) columns.scrollToIndex(to.column, { align: "auto" });
  };
  const opened = ({ row, column }: Place): Opened => ({
    host: row < 0 ? null : hosts[row]!,
    caller: column < 0 ? null : callers[column]!,
  });
  const enter = (place: Place): void => {
    const what = opened(place);
    if (what.host !== null || what.caller !== null) open(what);
  };
  const key = (event: KeyboardEvent): void => {
    const { row, column } = at;
    const far = hosts.length + callers.length;
    const to: Record<string, Place> = {
      ArrowDown: { row: row + 1, column },
      ArrowUp: { row: row - 1, column },
      ArrowRight: { row, column: column + 1 },
      ArrowLeft: { row, column: column - 1 },
      PageDown: { row: row + PAGE, column },
      PageUp: { row: Math.max(0, row - PAGE), column },
      Home: event.ctrlKey ? { row: 0, column: -1 } : { row, column: -1 },
      End: event.ctrlKey ? { row: far, column: far } : { row, column: far },
    };
    const place = to[event.key];
    if (place) go(place);
    else if (event.key === "Enter" || event.key === " ") enter(at);
    else return;
    event.preventDefault();
  };
  const click = (place: Place): void => {
    setActive(place);
    enter(place);
  };
  const id = (row: number, column: number): string => `cell-${row}-${column}`;
  const mark = (row: number, column: number) => ({
    id: id(row, column),
    "aria-colindex": column + 2,
    onClick: () => click({ row, column }),
  });
  const active_ = (row: number, column: number): string =>
    row === at.row && column === at.column ? " active" : "";
  const shownColumns = columns.getVirtualItems();
  const width = hostWidth + columns.getTotalSize();
  return (
    <div
      ref={scroller}
      class="scroller"
      role="grid"
      tabIndex={0}
      aria-label="Who may reach which host. Arrow keys move, Enter opens."
      aria-rowcount={hosts.length + 1}
      aria-colcount={callers.length + 1}
      aria-activedescendant={id(at.row, at.column)}
      onKeyDown={key}
    >
      <div
        class="sheet"
        role="presentation"
        style={{ width: `${width}px`, height: `${header + rows.getTotalSize()}px` }}
      >
        <div
          role="row"
          aria-rowindex={1}
          class={narrow ? "head away" : "head"}
          style={{ height: `${header}px`, width: `${width}px` }}
        >
          <div
            role="columnheader"
            {...mark(-1, -1)}
            class={`corner${active_(-1, -1)}`}
            style={{ width: `${hostWidth}px` }}
          >
            Host
          </div>
          {shownColumns.map((column) => {
            const caller = model.callers[callers[column.index]!]!;
            return (
              <div
                key={column.key}
                role="columnheader"
                {...mark(-1, column.index)}
                class={`caller${active_(-1, column.index)}`}
                style={{ left: `${hostWidth + column.start}px`, width: `${COLUMN}px` }}
                title={`${caller.label}: ${caller.detail}`}
              >
                <span>{caller.label}</span>
              </div>
            );
          })}
        </div>
        {rows.getVirtualItems().map((row) => {
          const host = model.hosts[hosts[row.index]!]!;
          const drawn = shownColumns
            .map((column) => column.index)
            .filter((index) => index < callers.length);
          const verdicts = model.verdictsAt(
            host,
            drawn.map((index) => callers[index]!),
          );
          const label = hostLabel(host);
          const findings = model.findings.get(host)?.length ?? 0;
          return (
            <div
              key={row.key}
              role="row"
              aria-rowindex={row.index + 2}
              class={row.index % 2 ? "row odd" : "row"}
              style={{
                transform: `translateY(${header + row.start}px)`,
                height: `${ROW}px`,
                width: `${width}px`,
              }}
            >
              <div
                role="rowheader"
                {...mark(row.index, -1)}
                class={`host${active_(row.index, -1)}`}
                style={{ width: `${hostWidth}px` }}
                title={label}
              >
                <span class="name">{label}</span>
                {model.changed.has(host.name) && (
                  <span
                    class="mark"
                    title="other rules than before"
                    role="img"
                    aria-label="other rules than before"
                  >
                    ±
                  </span>
                )}
                {findings > 0 && (
                  <span
                    class="mark warning"
                    role="img"
                    title={count(findings, "finding")}
                    aria-label={count(findings, "finding")}
                  >
                    ⚠
                  </span>
                )}
              </div>
              {drawn.map((index, position) => (
                <Cell
                  key={index}
                  attributes={mark(row.index, index)}
                  active={active_(row.index, index)}
                  left={hostWidth + index * COLUMN}
                  verdict={verdicts[position]!}
                  label={`${model.callers[callers[index]!]!.label} → ${label}`}
                />
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface CellProps {
  attributes: object;
  active: string;
  left: number;
  verdict: Verdict;
  label: string;
}

function Cell({ attributes, active, left, verdict, label }: CellProps) {
  const state = verdict.triedOut ? "tried" : verdict.state;
  const sign = verdict.triedOut ? "△" : STATES[verdict.state].sign;
  const text = sayVerdict(verdict);
  return (
    <div
      role="gridcell"
      {...attributes}
      class={`cell${active}`}
      style={{ left: `${left}px`, width: `${COLUMN}px` }}
      aria-label={`${label}: ${text}`}
      title={`${label}: ${text}`}
    >
      <span class={`sign ${state}`} aria-hidden="true">
        {sign}
        {verdict.together ? "⁺" : ""}
      </span>
    </div>
  );
}
