// undici: a pool, one loop for each request in flight.

import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { Pool } from "undici";

const BATCH = 10000;
const CODES = { "006": "stopped", "003": "too_late", 200: "stopped", 403: "too_late" };

const [kind, target, file, countText, inFlightText, version, ca] = process.argv.slice(2);
const count = Number(countText);
const inFlight = Number(inFlightText);
const isBatch = kind === "batch";
const { origin, pathname } = new URL(target);
const method = isBatch ? "POST" : "DELETE";
const headers = isBatch
  ? { authorization: "Basic bench-token", "content-type": "application/json" }
  : { authorization: "Bearer bench-token", "x-version": "1", accept: "application/json" };

const pool = new Pool(origin, {
  connections: version === "2" ? 1 : inFlight,
  pipelining: version === "2" ? inFlight : 1,
  allowH2: version === "2",
  maxConcurrentStreams: inFlight,
  connect: ca === "-" ? undefined : { ca: readFileSync(ca) },
});

const ids = readFileSync(file, "ascii").split("\n", count);
const items = new Array(count).fill(null);
const latencies = [];
let next = 0;
let firstAt = 0;

function readOne(place, answer) {
  const { messageStatus, apiMessageId } = answer.data;
  const code = apiMessageId === ids[place] ? messageStatus : undefined;
  items[place] = { id: ids[place], outcome: CODES[code] ?? "unknown", code };
}

function readBatch(first, last, answer) {
  let places = null;
  answer.items.forEach(({ messageUuid, code }, i) => {
    let place = first + i;
    // In the order asked as a rule: only where it is not, places are looked up.
    if (place >= last || ids[place] !== messageUuid) {
      places ??= new Map(ids.slice(first, last).map((id, at) => [id, first + at]));
      place = places.get(messageUuid);
    }
    if (place !== undefined) {
      items[place] = { id: ids[place], outcome: CODES[code] ?? "unknown", code };
    }
  });
}

async function worker() {
  while (next < count) {
    const first = next;
    const last = (next = Math.min(first + (isBatch ? BATCH : 1), count));
    const begun = performance.now();
    const { statusCode, body } = await pool.request({
      path: isBatch ? pathname : pathname + ids[first],
      method,
      headers,
      body: isBatch ? `{"uuids":["${ids.slice(first, last).join('","')}"]}` : undefined,
    });
    const answer = await body.json();
    if (statusCode === 200 && isBatch) {
      readBatch(first, last, answer);
    } else if (statusCode === 200) {
      readOne(first, answer);
    }
    const now = performance.now();
    firstAt ||= now;
    latencies.push((now - begun) / 1e3);
  }
}

const used = process.cpuUsage();
const started = performance.now();
await Promise.all(Array.from({ length: inFlight }, worker));
const elapsed = (performance.now() - started) / 1e3;
const { user, system } = process.cpuUsage(used);
await pool.close();

const counts = { stopped: 0, too_late: 0, unknown: 0 };
for (const item of items) {
  counts[item?.outcome ?? "unknown"] += 1;
}
latencies.sort((a, b) => a - b);
const part = (share) => latencies[Math.floor(latencies.length * share)].toFixed(6);
console.log(
  `elapsed=${elapsed.toFixed(6)} cpu=${((user + system) / 1e6).toFixed(6)}` +
    ` first=${((firstAt - started) / 1e3).toFixed(6)} p50=${part(0.5)} p99=${part(0.99)}` +
    ` stopped=${counts.stopped} too_late=${counts.too_late}`,
);
