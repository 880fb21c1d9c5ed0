// A plot of rates over time by uPlot, which is fetched when the first one is drawn.
import { html, useEffect, useRef, useState } from "../lib.js";
import { clock, rate, size } from "../format.js";
import { t } from "../i18n.js";

const HEIGHT = 240;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

/** @type {Promise<any> | null} */
let library = null;

function load() {
  library ??= new Promise((resolve, reject) => {
    const sheet = document.createElement("link");
    Object.assign(sheet, { rel: "stylesheet", href: "console/vendor/uplot/uPlot.min.css" });
    const script = document.createElement("script");
    script.src = "console/vendor/uplot/uPlot.iife.min.js";
    script.onload = () => resolve(globalThis.uPlot);
    script.onerror = () => {
      library = null;
      reject(new Error(script.src));
    };
    document.head.append(sheet, script);
  });
  return library;
}

/**
 * Each point is [seconds since the epoch, swarm, server], rates in bytes a second.
 * @param {{points: [number, number, number][]}} props
 */
export function RatePlot({ points }) {
  const box = useRef(null);
  const plot = useRef(null);
  const latest = useRef(points);
  latest.current = points;
  const [at, setAt] = useState(null);

  useEffect(() => {
    let gone = false;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const draw = async () => {
      const UPlot = await load();
      if (gone) return;
      plot.current?.destroy();
      plot.current = new UPlot(options(box.current, setAt), columns(latest.current), box.current);
    };
    const start = () => draw().catch(() => {}); // the figures beside it say the same
    const observer = new ResizeObserver(() =>
      plot.current?.setSize({ width: box.current.clientWidth, height: HEIGHT }),
    );
    observer.observe(box.current);
    dark.addEventListener("change", start);
    start();
    return () => {
      gone = true;
      observer.disconnect();
      dark.removeEventListener("change", start);
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);

  useEffect(() => plot.current?.setData(columns(points)), [points]);

  const last = points.at(-1);
  const label = t("plot.said", { swarm: rate(last?.[1]), server: rate(last?.[2]) });
  const point = points[at] ?? last;
  return html`
    <div class="plot" role="img" aria-label=${label} ref=${box}></div>
    <p class="legend" aria-hidden="true">
      <span class="swarm">${t("plot.swarm")} <strong>${rate(point?.[1])}</strong></span>
      <span class="server">${t("plot.server")} <strong>${rate(point?.[2])}</strong></span>
      ${point && html`<span class="muted">${clock(point[0])}</span>`}
    </p>`;
}

function columns(points) {
  return [points.map((point) => point[0]), points.map((point) => point[1]), points.map((point) => point[2])];
}

/** `setAt` gets the point at which the pointer is, null without one. */
function options(box, setAt) {
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 40, 0, 0], // half a time of day, so that the last one is whole
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [(plot) => setAt(plot.cursor.idx ?? null)] },
    axes: [
      { ...axis, size: 30, space: 90, incrs: STEPS, values: (_, ticks) => ticks.map(clock) },
      { ...axis, size: 76, values: (_, ticks) => ticks.map((tick) => t("unit.rate", { size: size(tick) })) },
    ],
    scales: { y: { range: (_, _low, high) => [0, Math.max(1000, (high ?? 0) * 1.08)] } },
    series: [
      {},
      { stroke: colour("--accent"), fill: colour("--accent-soft"), width: 2 },
      { stroke: colour("--second"), width: 2, dash: [6, 3] },
    ],
  };
}
