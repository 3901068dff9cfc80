/* Where moments stand on a page, time downwards. Statements take from microseconds to seconds, and each must be
 * legible: the scale is linear between neighbouring moments, and as steep there as what is written needs. Where nothing
 * happens for long, time is left out, visibly. All heights in pixels of a 16 pixel type. */

/* At least so many pixels from one moment to another. */
export interface Room {
  from: number;
  to: number;
  pixels: number;
}

/* Between two neighbouring moments time was left out. */
export interface Gap {
  from: number;
  to: number;
}

export interface Scale {
  at(moment: number): number; /* of a moment that the scale was made of */
  height: number;
  gaps: Gap[];
}

const nearest = 3; /* two moments are never told apart by less */
const farthest = 84; /* nor by more, unless room is needed there */
const gapHeight = 40; /* where time was left out */

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function sum(numbers: number[], from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) total += numbers[i]!;
  return total;
}

/* The median of `durations` is drawn `usualPixels` high where nothing asks for more. `leavesOut`: whether
 * time may be left out between two neighbouring moments. `now`: the moment that moves on, null when none does; what leads
 * to it is as high as rooms ask, so that nothing jumps. */
export function scaleOf(
  moments: number[], rooms: Room[], usualPixels: number, durations: number[],
  leavesOut: (from: number, to: number) => boolean, now: number | null = null,
): Scale {
  const sorted = [...new Set(moments)].sort((a, b) => a - b);
  const place = new Map(sorted.map((moment, i) => [moment, i]));
  const perUnit = usualPixels / Math.max(median(durations.filter((duration) => duration > 0)), Number.MIN_VALUE);
  const left: Gap[] = [];
  const heights = sorted.slice(1).map((moment, i) => {
    if (moment === now) return nearest;
    const linear = (moment - sorted[i]!) * perUnit;
    if (linear > 2 * farthest && leavesOut(sorted[i]!, moment)) {
      left.push({ from: sorted[i]!, to: moment });
      return gapHeight;
    }
    return Math.min(Math.max(linear, nearest), farthest);
  });
  /* The shortest spans first: what they add serves the longer ones around them, too. */
  const spans = rooms.map((room) => ({ a: place.get(room.from)!, b: place.get(room.to)!, pixels: room.pixels }))
    .filter((span) => span.b > span.a).sort((x, y) => x.b - x.a - (y.b - y.a));
  for (const { a, b, pixels } of spans) {
    const missing = pixels - sum(heights, a, b);
    for (let i = a; missing > 0 && i < b; i++) heights[i]! += missing / (b - a);
  }
  const tops = [0];
  heights.forEach((height, i) => tops.push(tops[i]! + height));
  return { at: (moment) => tops[place.get(moment)!] ?? 0, height: tops[heights.length] ?? 0, gaps: left };
}
