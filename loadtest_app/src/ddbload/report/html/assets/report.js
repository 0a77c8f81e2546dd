// SPDX-License-Identifier: Apache-2.0
// Draws the charts from the page's own figures, in the colours of the theme, and switches the theme.
"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const PRINT_WIDTH = 660;
  const HEIGHT = 260;
  const drawn = [];
  let printing = false;

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

  const number = (value) => {
    if (value === null || value === undefined) return "-";
    if (value === 0) return "0";
    const size = Math.abs(value);
    const digits = size >= 1000 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(size)));
    return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 6) });
  };
  const clock = (seconds) => {
    const whole = Math.round(seconds);
    const two = (part) => String(part).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  };
  const percentile = (nines) => {
    if (nines === 0) return "0 %";
    if (nines < 1) return `${(100 * (1 - 10 ** -nines)).toFixed(0)} %`;
    const digits = Math.max(0, Math.ceil(nines) - 2);
    return `${(100 * (1 - 10 ** -nines)).toFixed(digits)} %`;
  };

  // Lines of a stack are drawn from the top down, each filled to the axis, so that each hides what is below.
  const stacked = (lines) => {
    const sums = lines[0].values.map(() => 0);
    return lines.map((line) => line.values.map((value, at) => (sums[at] += value || 0))).reverse();
  };

  const axes = (chart) => {
    const common = {
      stroke: () => colour("soft"),
      grid: { stroke: () => colour("grid"), width: 1 },
      ticks: { stroke: () => colour("rule"), width: 1, size: 5 },
      font: "12px system-ui, sans-serif",
      labelFont: "12px system-ui, sans-serif",
      labelSize: 16,
      labelGap: 2,
    };
    const x = { ...common, size: 30, label: "time since the load's start, min:s", values: (_, marks) => marks.map(clock) };
    x.incrs = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
    if (chart.kind === "curve") {
      x.label = "share of the answers that came at least as soon";
      x.values = (_, marks) => marks.map(percentile);
      // The median lies between 0 and the first nine.
      x.splits = (_, __, low, high) => [0, Math.log10(2), 1, 2, 3, 4, 5].filter((nines) => nines <= high);
    }
    const y = { ...common, size: 52, label: chart.unit, values: (_, marks) => marks.map((m) => (m === null ? "" : number(m))) };
    if (chart.logarithmic) {
      y.filter = (_, marks) => {
        const few = Math.log10(marks[marks.length - 1] / marks[0]) < 2.5;
        return marks.map((m) => {
          const lead = Math.round(m / 10 ** Math.floor(Math.log10(m) + 1e-9));
          return lead === 1 || (few && (lead === 2 || lead === 5)) ? m : null;
        });
      };
      y.grid = { ...common.grid, filter: y.filter };
      y.ticks = { ...common.ticks, filter: y.filter };
    }
    return [x, y];
  };

  // A logarithmic axis from the step below the lowest value to the one above the highest; steps are 1, 2 and 5.
  const logarithmicRange = (_, low, high) => {
    if (!(low > 0) || !(high > 0)) return [0.1, 10];
    const steps = (value, upwards) => {
      const power = 10 ** Math.floor(Math.log10(value));
      const found = [1, 2, 5, 10].map((step) => step * power);
      return upwards ? found.find((step) => step >= value * 0.9999) : found.reverse().find((step) => step <= value * 1.0001);
    };
    const [from, to] = [steps(low, false), steps(high, true)];
    return from === to ? [from, to * 2] : [from, to];
  };

  const shade = (chart) => (u) => {
    const { ctx } = u;
    ctx.save();
    for (const mark of chart.marks) {
      const left = Math.max(u.valToPos(mark.from, "x", true), u.bbox.left);
      const right = Math.min(u.valToPos(mark.to, "x", true), u.bbox.left + u.bbox.width);
      if (right <= left) continue;
      ctx.fillStyle = colour("shade");
      ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
      ctx.fillStyle = colour("soft");
      ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
      ctx.textBaseline = "top";
      ctx.fillText(mark.label, left + 4 * devicePixelRatio, u.bbox.top + 4 * devicePixelRatio);
    }
    ctx.restore();
  };

  const heat = (chart) => (u) => {
    const { edges, counts, ends } = chart.cells;
    const most = Math.log(1 + Math.max(...counts.map((row) => Math.max(...row))));
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    counts.forEach((row, at) => {
      const left = Math.round(u.valToPos(chart.x[at], "x", true));
      const right = Math.round(u.valToPos(ends[at], "x", true));
      row.forEach((count, cell) => {
        if (!count) return;
        const top = Math.round(u.valToPos(edges[cell + 1], "y", true));
        const bottom = Math.round(u.valToPos(edges[cell], "y", true));
        ctx.fillStyle = `rgba(${colour("heat")}, ${(0.12 + (0.88 * Math.log(1 + count)) / most).toFixed(3)})`;
        ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top));
      });
    });
    ctx.restore();
  };

  const options = (chart, width) => {
    const lines = chart.kind === "stack" ? [...chart.lines].reverse() : chart.lines;
    const series = lines.map((line, at) => ({
      label: line.label,
      stroke: () => colour(line.hue),
      fill: chart.kind === "stack" ? () => colour(line.label === "ok" ? "pale" : line.hue) : undefined,
      width: chart.kind === "stack" ? 1 : line.dashed ? 1.75 : 2,
      dash: line.dashed ? [6, 5] : undefined,
      points: { show: chart.x.length < 3 },
      value: (u, value, _, index) => {
        if (index === null || index === undefined) return "";
        return number(chart.kind === "stack" ? lines[at].values[index] : value);
      },
    }));
    const y = chart.logarithmic ? { distr: 3, range: logarithmicRange } : { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] };
    const hooks = { drawClear: [], draw: [] };
    if (chart.marks.length) hooks.drawClear.push(shade(chart));
    if (chart.kind === "heat") {
      const { edges } = chart.cells;
      y.range = () => [edges[0], edges[edges.length - 1]];
      hooks.draw.push(heat(chart));
      series.forEach((line) => { line.show = false; });
    }
    return {
      width,
      height: HEIGHT,
      scales: { x: { time: false, range: () => [chart.x[0], chart.end] }, y },
      axes: axes(chart),
      series: [{ label: chart.kind === "curve" ? "percentile" : "time", value: (_, value) => (value === null || value === undefined ? "" : chart.kind === "curve" ? percentile(value) : clock(value)) }, ...series],
      legend: { show: chart.kind !== "heat", markers: { dash: (u, at) => (lines[at - 1] && lines[at - 1].dashed ? "dashed" : "solid"), width: 2 } },
      cursor: { drag: { x: false, y: false }, points: { size: 6 }, show: chart.kind !== "heat" },
      hooks,
    };
  };

  const draw = (chart) => {
    const place = document.getElementById(`chart-${chart.name}`);
    const values = chart.kind === "stack" ? stacked(chart.lines) : chart.lines.map((line) => line.values);
    // On a logarithmic axis there is no 0: what is below a microsecond is drawn there.
    const shown = chart.logarithmic ? values.map((line) => line.map((value) => (value === null ? null : Math.max(value, 0.001)))) : values;
    const width = () => (printing ? PRINT_WIDTH : place.clientWidth);
    const plot = new uPlot(options(chart, width()), [chart.x, ...shown], place);
    drawn.push({ plot, width });
  };

  // Legends take their colours once only, so a change of theme makes all charts anew.
  const redraw = () => {
    drawn.splice(0).forEach(({ plot }) => plot.destroy());
    charts.forEach(draw);
  };
  const resize = () => drawn.forEach(({ plot, width }) => plot.setSize({ width: width(), height: HEIGHT }));
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };

  charts.forEach(draw);
  button.hidden = false;
  label();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
    redraw();
  });
  dark.addEventListener("change", () => { label(); redraw(); });
  let pending = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(resize);
  });
  // Paper is white, and as wide as it is.
  let before;
  window.addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    printing = true;
    redraw();
  });
  window.addEventListener("afterprint", () => {
    if (before) root.dataset.theme = before; else delete root.dataset.theme;
    printing = false;
    redraw();
  });
})();
