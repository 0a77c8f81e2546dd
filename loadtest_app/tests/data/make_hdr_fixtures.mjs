// SPDX-License-Identifier: Apache-2.0
// Histograms and an interval log written by hdr-histogram-js, and the way back: what it makes of ours.
// Run it in any directory where `npm install hdr-histogram-js@3.0.1` was run ($DATA is the directory of this file):
//
//   node $DATA/make_hdr_fixtures.mjs write
//       writes hdr_js.json and hdr_js.hlog beside this file.
//   python -c 'import json, sys; from ddbload.stats.histogram import Histogram as H; print(json.dumps(
//       [case | {"encoded": H.decode(case["encoded"]).encode()} for case in json.load(sys.stdin)]))' \
//       < $DATA/hdr_js.json | node $DATA/make_hdr_fixtures.mjs check
//       has ddbload decode and encode each histogram, and compares what hdr-histogram-js then reads with what it wrote.
//   node $DATA/make_hdr_fixtures.mjs log FILE
//       prints what hdr-histogram-js reads from an interval log.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const hdr = createRequire(resolve("package.json"))("hdr-histogram-js");
const here = (name) => new URL(name, import.meta.url);
const HOUR = 3_600_000_000;
const PERCENTILES = [1, 25, 30, 50, 75, 90, 99, 99.9, 99.99, 100];

// The same values every time: a linear congruential generator (Numerical Recipes) and a skewed shape.
function* latencies(seed, count) {
  let state = seed;
  for (let number = 0; number < count; number++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const uniform = (state + 0.5) / 2 ** 32;
    yield Math.round(900 + 2500 * (1 / (1 - uniform) ** 0.7 - 1));
  }
}

function histogram({ lowest = 1, highest = HOUR, digits = 3, values = [], counts = {} }) {
  const built = hdr.build({
    bitBucketSize: 64,
    lowestDiscernibleValue: lowest,
    highestTrackableValue: highest,
    numberOfSignificantValueDigits: digits,
  });
  for (const value of values) built.recordValue(value);
  for (const [value, count] of Object.entries(counts)) built.recordValueWithCount(Number(value), count);
  return built;
}

const reported = (histogram) => ({
  total: histogram.totalCount,
  mean: histogram.mean,
  percentiles: Object.fromEntries(PERCENTILES.map((each) => [each, histogram.getValueAtPercentile(each)])),
});

const CASES = {
  empty: {},
  zero: { counts: { 0: 3 } },
  small: { values: [1, 2, 3, 4] },
  borders: { values: [0, 1, 2046, 2047, 2048, 2049, 4095, 4096, 4097, HOUR] },
  gaps: { values: [0, 2, 3, 5, 8, 11, 1000, 1002] },
  large_counts: { counts: { 100: 2 ** 6, 1000: 2 ** 7, 10_000: 2 ** 20, 100_000: 2 ** 40, 1_000_000: 2 ** 50 } },
  latencies: { values: [...latencies(1, 20_000)] },
  short_range: { highest: 2_000_000, values: [...latencies(2, 500)].filter((value) => value <= 2_000_000) },
  one_digit: { digits: 1, values: [...latencies(3, 2000)] },
  two_digits: { digits: 2, values: [...latencies(4, 2000)] },
  four_digits: { digits: 4, values: [...latencies(5, 2000)] },
  five_digits: { digits: 5, values: [...latencies(6, 2000)] },
  milliseconds: { lowest: 1000, values: [...latencies(7, 2000)] },
};

function write() {
  const cases = Object.entries(CASES).map(([name, wanted]) => {
    const { lowest = 1, highest = HOUR, digits = 3 } = wanted;
    const written = histogram(wanted);
    return { name, lowest, highest, digits, encoded: hdr.encodeIntoCompressedBase64(written), ...reported(written) };
  });
  writeFileSync(here("hdr_js.json"), JSON.stringify(cases, null, 1) + "\n");

  let log = "";
  const writer = new hdr.HistogramLogWriter((text) => (log += text));
  const start = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  writer.outputLogFormatVersion();
  writer.outputComment("[written by hdr-histogram-js]");
  writer.outputStartTime(start);
  writer.outputLegend();
  for (let second = 0; second < 3; second++) {
    for (const [number, tag] of ["put", "get", "NO TAG"].entries()) {
      const interval = histogram({ values: latencies(10 * second + number, 20) });
      interval.tag = tag;
      interval.startTimeStampMsec = start + 1000 * second;
      interval.endTimeStampMsec = start + 1000 * (second + 1);
      writer.outputIntervalHistogram(interval);
    }
  }
  writeFileSync(here("hdr_js.hlog"), log);
}

function check() {
  let wrong = 0;
  for (const { name, digits, lowest, encoded, total, percentiles } of JSON.parse(readFileSync(0, "utf8"))) {
    const found = reported(hdr.decodeFromCompressedBase64(encoded, 64));
    // A finer histogram keeps three digits on its way through ours, a coarser one keeps what it has.
    const tolerance = digits > 3 ? 0.001 : 0;
    const apart = PERCENTILES.filter(
      (each) => Math.abs(found.percentiles[each] - percentiles[each]) > tolerance * percentiles[each],
    );
    const right = found.total === total && apart.length === 0;
    wrong += !right;
    console.log(`${right ? "ok   " : "WRONG"} ${name} (${digits} digits from ${lowest}): ${found.total} of ${total} values`);
    for (const each of apart) console.log(`      ${each} %: ${found.percentiles[each]}, not ${percentiles[each]}`);
  }
  process.exitCode = wrong ? 1 : 0;
}

function log(file) {
  const reader = new hdr.HistogramLogReader(readFileSync(file, "utf8"));
  for (let found; (found = reader.nextIntervalHistogram()) !== null; ) {
    const { tag, startTimeStampMsec, endTimeStampMsec } = found;
    console.log(JSON.stringify({ tag, startTimeStampMsec, endTimeStampMsec, ...reported(found) }));
  }
}

const [mode, file] = process.argv.slice(2);
({ write, check, log: () => log(file) })[mode]();
